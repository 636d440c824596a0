import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createWire, ANSWER_BYTES_MAX } from "../../../agent/kube/wire.ts";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function serve(answer: (response: ServerResponse, url: string) => void): Promise<string> {
  const server = createServer((request, response) => answer(response, request.url ?? ""));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const GET = { method: "GET", path: "/x" } as const;
const TIMEOUT_MS = 20_000;

describe("createWire", () => {
  it("keeps the path that the server stands behind", async () => {
    const server = await serve((response, url) => response.end(JSON.stringify({ url })));
    const wire = createWire({ server: `${server}/k8s/c-1/` }, TIMEOUT_MS);
    expect(await wire.send(GET)).toEqual({ url: "/k8s/c-1/x" });
    await wire.close();
  });
  it("takes over how long a throttling server wants to be left alone", async () => {
    const server = await serve((response) =>
      response.writeHead(429, { "retry-after": "7" }).end("slow down"),
    );
    const wire = createWire({ server }, TIMEOUT_MS);
    await expect(wire.send(GET)).rejects.toMatchObject({
      status: 429,
      retryAfterMs: 7000,
      passing: true,
      message: "slow down",
    });
    await wire.close();
  });
  it("stops reading an answer that is too large", async () => {
    const block = Buffer.alloc(1024 * 1024, "x");
    const server = await serve((response) => {
      const more = () => {
        while (response.writable && response.write(block));
      };
      response.on("drain", more);
      more();
    });
    const wire = createWire({ server }, TIMEOUT_MS);
    await expect(wire.send(GET)).rejects.toMatchObject({
      status: 413,
      reason: "AnswerTooLarge",
      passing: false,
    });
    await expect(wire.send(GET)).rejects.toThrow(String(ANSWER_BYTES_MAX));
    await wire.close();
  });
  it("gives up on a server that does not answer, and says that no answer came", async () => {
    const silent = createWire({ server: await serve(() => {}) }, 50);
    await expect(silent.send(GET)).rejects.toMatchObject({ status: 0, reason: "NoAnswer", passing: true });
    await silent.close();
    const nobody = createWire({ server: "http://127.0.0.1:1" }, TIMEOUT_MS);
    await expect(nobody.send(GET)).rejects.toMatchObject({
      status: 0,
      message: expect.stringContaining("ECONNREFUSED"),
    });
    await nobody.close();
  });
  it("does not take a proxy's page for an answer", async () => {
    const wire = createWire({ server: await serve((response) => response.end("<html>")) }, TIMEOUT_MS);
    await expect(wire.send(GET)).rejects.toMatchObject({ status: 502, reason: "NotJson" });
    await wire.close();
  });
});
