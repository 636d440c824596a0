/** What a request may take, and what is told and written down of one that took more. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listen } from "../../../functions/local/http.ts";
import { apiHub, ask, refused, writes, type ApiHub } from "../../support/api-hub.ts";
import { cluster } from "../../support/hub-parts.ts";
import { until } from "../../support/wait.ts";

let hub: ApiHub;
let http: Awaited<ReturnType<typeof listen>>;
beforeAll(async () => {
  hub = await apiHub();
  http = await listen((request, env) => hub.api.fetch(request, env), 0);
}, 300_000);
afterAll(async () => {
  await http?.close();
  await hub?.stop();
});

const APPS = "/v1/projects/default/apps";
const admin = (method: string, url: string, headers: Record<string, string> = {}) => ({
  method,
  url,
  token: hub.tokens.admin,
  headers,
});

/** Sends a head, then 50 MB as fast as they are taken; what came back, and how much was taken. */
async function pour(
  head: string[],
  frame: (chunk: Buffer) => Buffer,
): Promise<{ answer: string; sent: number }> {
  const socket = connect(http.port, "127.0.0.1");
  let [answer, sent] = ["", 0];
  socket.on("data", (data) => (answer += data.toString("latin1")));
  // A refused sender may be cut off in the middle: then the socket is destroyed.
  socket.on("error", () => undefined);
  const lines = [
    "POST /v1/apply HTTP/1.1",
    "host: 127.0.0.1",
    `authorization: Bearer ${hub.tokens.admin}`,
    ...head,
  ];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  const chunk = frame(Buffer.alloc(64 * 1024, "x"));
  const total = 50 * 1024 * 1024;
  while (!socket.destroyed && sent < total && !answer.includes("\r\n\r\n")) {
    if (!socket.write(chunk))
      await new Promise<void>((resolve) => {
        for (const event of ["drain", "close", "data"] as const) socket.once(event, () => resolve());
      });
    sent += 64 * 1024;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until("an answer", async () => answer.includes("\r\n\r\n") || socket.destroyed, 30_000);
  socket.destroy();
  return { answer, sent };
}

describe("a body of 50 MB", () => {
  const type = "content-type: application/json";

  it("that says its size is refused before it is read", async () => {
    writes(hub);
    const { answer, sent } = await pour([type, `content-length: ${50 * 1024 * 1024}`], (chunk) => chunk);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain("application/problem+json");
    expect(sent).toBeLessThan(25 * 1024 * 1024);
    expect(writes(hub)).toEqual([]);
  });

  it("that comes in chunks is refused as soon as it is too much", async () => {
    writes(hub);
    const { answer, sent } = await pour([type, "transfer-encoding: chunked"], (chunk) =>
      Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n")]),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(sent).toBeLessThan(25 * 1024 * 1024);
    expect(writes(hub)).toEqual([]);
  });
});

describe("time", () => {
  it("is bounded: what takes longer is told so, and what to do", async () => {
    const slow: ApiHub["db"] = {
      ...hub.db,
      get: async (key, options) => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        return hub.db.get(key, options);
      },
    };
    const api = hub.build({ db: slow, limits: { timeMs: 50 } });
    const problem = await refused(hub, admin("GET", APPS), 503, api);
    expect(problem).toMatchObject({
      code: "not-ready",
      detail: expect.stringContaining("not done within 50 ms"),
    });
  });
});

describe("how often", () => {
  const once = { perSecond: 1, burst: 2 };
  const limits = { reads: once, writes: once, perAddress: 1000 };

  it("each caller may ask is its own: one that runs wild does not stop another", async () => {
    const api = hub.build({ limits });
    const get = (token: string) => ask(api, { method: "GET", url: "/v1/whoami", token });
    const statuses = [];
    for (let n = 0; n < 3; n++) statuses.push((await get(hub.tokens.admin)).status);
    expect(statuses).toEqual([200, 200, 429]);
    expect((await get(hub.tokens.other)).status).toBe(200);
  });

  it("reads and writes are counted apart, and the wait that is named is enough", async () => {
    const api = hub.build({ limits });
    const read = () => ask(api, admin("GET", APPS));
    for (let n = 0; n < 2; n++) await read();
    const late = await read();
    expect([late.status, late.headers.get("retry-after")]).toEqual([429, "1"]);
    expect((await ask(api, admin("DELETE", `${APPS}/none`))).status).toBe(404);
    hub.setNow(hub.now() + 1000);
    expect((await read()).status).toBe(200);
  });

  it("an address may ask is bounded before anybody is proved", async () => {
    const api = hub.build({ limits: { ...limits, perAddress: 1 } });
    for (let n = 0; n < 2; n++) await ask(api, { method: "GET", url: APPS, token: "wrong" });
    await refused(hub, { method: "GET", url: APPS, token: "wrong" }, 429, api);
  });
});

describe("the request's id", () => {
  const idOf = async (headers: Record<string, string>) =>
    (await ask(hub.api, admin("GET", APPS, headers))).headers.get("fairlead-request");
  const trace = "0af7651916cd43dd8448eb211c80319c";

  it("is the caller's own where it is a safe one, else a new one", async () => {
    expect(await idOf({ "x-request-id": "deploy-4711" })).toBe("deploy-4711");
    expect(await idOf({ traceparent: `00-${trace}-b7ad6b7169203331-01` })).toBe(trace);
    for (const unsafe of ["short", "x".repeat(65), 'with "quotes" and more', "a b c d e f g h"])
      expect(await idOf({ "x-request-id": unsafe })).toMatch(/^[0-9a-f-]{36}$/);
    expect(await idOf({ traceparent: "nonsense" })).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("stands on what the request changes", async () => {
    await hub.apply(cluster("stamped"));
    const apply = { resources: [{ apiVersion: "fairlead.dev/v1", ...cluster("stamped", { env: "prod" }) }] };
    const asked = { ...admin("POST", "/v1/apply", { "x-request-id": "change-1234" }), body: apply };
    expect((await ask(hub.api, asked)).status).toBe(200);
    const { keys } = await import("../../../functions/store/table.ts");
    expect(await hub.db.get(keys.cluster("default", "stamped"))).toMatchObject({
      stamp: { by: "token:fairlead/admin", request: "change-1234" },
    });
  });
});

describe("the log", () => {
  it("has one line for each refusal, with who and what, and without query, header or secret", async () => {
    hub.logged.length = 0;
    const headers = { "x-request-id": "refused-1", "fairlead-reason": "a-secret-reason" };
    await ask(hub.api, admin("GET", `${APPS}/none?secret=in-the-query`, headers));
    await ask(hub.api, { method: "GET", url: `${APPS}/none`, token: "a-secret-token" });
    expect(hub.logged).toEqual([
      {
        level: "warn",
        request: "refused-1",
        method: "GET",
        route: "/v1/projects/:project/apps/:name",
        code: "not-found",
        caller: "token:fairlead/admin",
        status: 404,
        ms: expect.any(Number),
      },
      expect.objectContaining({ status: 401, code: "unauthenticated", level: "warn" }),
    ]);
    expect(JSON.stringify(hub.logged)).not.toContain("secret");
    await ask(hub.api, admin("GET", APPS));
    expect(hub.logged.length).toBe(2);
  });

  it("has the cause of a failure under the id that the answer tells", async () => {
    hub.logged.length = 0;
    const api = hub.build({
      db: { ...hub.db, getMany: () => Promise.reject(new Error("the disk is full")) },
    });
    const answer = await ask(api, admin("GET", APPS, { "x-request-id": "failed-12345" }));
    expect([answer.status, await answer.json()]).toEqual([
      500,
      expect.objectContaining({ code: "internal", detail: "request id failed-12345" }),
    ]);
    expect(hub.logged).toEqual([
      expect.objectContaining({ level: "error", request: "failed-12345", error: "Error: the disk is full" }),
    ]);
  });
});

describe("/readyz", () => {
  it("is 503 while the table does not answer, or the hub was never opened", async () => {
    const away = hub.build({ db: { ...hub.db, get: () => Promise.reject(new Error("away")) } });
    await refused(hub, { method: "GET", url: "/readyz" }, 503, away);
    const never = hub.build({ db: { ...hub.db, get: () => Promise.resolve(undefined) } });
    expect((await refused(hub, { method: "GET", url: "/readyz" }, 503, never)).code).toBe("not-ready");
    expect((await ask(away, { method: "GET", url: "/healthz" })).status).toBe(200);
  });
});
