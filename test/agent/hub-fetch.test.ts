import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { createHubFetch } from "../../agent/hub-fetch.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(answer: (response: ServerResponse, url: string, body: string) => void): Promise<string> {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
    request.once("end", () => answer(response, request.url ?? "", body));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const request = (signal: AbortSignal = AbortSignal.timeout(60_000)) =>
  ({ method: "GET", headers: {}, redirect: "error", signal }) as const;

async function textOf(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of body ?? []) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

describe("createHubFetch", () => {
  it("sends a body and brings status, headers and body back", async () => {
    const url = await serve((response, path, body) =>
      response.writeHead(201, { "fairlead-poll-ms": "7" }).end(`${path} ${body} é`),
    );
    const answer = await createHubFetch(60_000)(`${url}/x?y`, {
      ...request(),
      method: "POST",
      body: "grüße",
    });
    expect([answer.ok, answer.status, answer.headers.get("fairlead-poll-ms")]).toEqual([true, 201, "7"]);
    expect(await textOf(answer.body)).toBe("/x?y grüße é");
    expect(answer.headers.get("absent")).toBeNull();
  });
  it("unpacks what the hub has packed, and fails where that is broken", async () => {
    const packed = gzipSync("a bundle, ".repeat(1_000));
    const url = await serve((response, path) =>
      response
        .writeHead(200, { "content-encoding": "gzip" })
        .end(path === "/whole" ? packed : packed.subarray(0, 20)),
    );
    const fetch = createHubFetch(60_000);
    expect(await textOf((await fetch(`${url}/whole`, request())).body)).toHaveLength(10_000);
    await expect(textOf((await fetch(`${url}/cut`, request())).body)).rejects.toThrow(
      "unexpected end of file",
    );
  });
  it("follows no redirect: the signature does not travel", async () => {
    const seen: string[] = [];
    const url = await serve((response, path) => {
      seen.push(path);
      response.writeHead(302, { location: "/elsewhere" }).end();
    });
    expect(await createHubFetch(60_000)(`${url}/x`, request())).toMatchObject({ ok: false, status: 302 });
    expect(seen).toEqual(["/x"]);
  });
  it("gives up by its signal and by its time", async () => {
    const url = await serve(() => {});
    const stop = new AbortController();
    const waiting = createHubFetch(60_000)(url, request(stop.signal));
    stop.abort();
    await expect(waiting).rejects.toThrow("given up");
    await expect(createHubFetch(30)(url, request())).rejects.toThrow("no answer in 0.03 s");
  });
  it("goes on where the server has closed a kept connection", async () => {
    const url = await serve((response) => response.end("here"));
    const fetch = createHubFetch(60_000);
    expect(await textOf((await fetch(url, request())).body)).toBe("here");
    servers[0]?.closeAllConnections();
    expect(await textOf((await fetch(url, request())).body)).toBe("here");
  });
});
