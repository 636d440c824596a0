/** Waiting for a change, over a real socket: a 304 is held back until there is something to tell. */
import { request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listen } from "../../../functions/local/http.ts";
import { apiHub, type ApiHub } from "../../support/api-hub.ts";
import { cluster } from "../../support/hub-parts.ts";
import { until } from "../../support/wait.ts";

let hub: ApiHub;
let http: Awaited<ReturnType<typeof listen>>;
/** Lists that were read: how often a waiting request has looked. */
let looks = 0;

beforeAll(async () => {
  hub = await apiHub();
  const db: ApiHub["db"] = {
    ...hub.db,
    query: (partition, options) => {
      looks += 1;
      return hub.db.query(partition, options);
    },
  };
  const api = hub.build({ db, longPoll: true, limits: { waiting: 2 } });
  http = await listen((request, env) => api.fetch(request, env), 0);
}, 300_000);
afterAll(async () => {
  await http?.close();
  await hub?.stop();
});

const CLUSTERS = "/v1/projects/default/clusters";

function get(path: string, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> {
  return fetch(`http://127.0.0.1:${http.port}${path}`, {
    headers: { authorization: `Bearer ${hub.tokens.admin}`, ...headers },
    ...(signal === undefined ? {} : { signal }),
  });
}

async function etagOf(path: string): Promise<string> {
  return (await get(path)).headers.get("etag") ?? "";
}

const waiting = (etag: string, seconds: number) => ({ "if-none-match": etag, prefer: `wait=${seconds}` });

/** The request is being held: it has looked at the table more than once. */
async function isHeld(): Promise<void> {
  const before = looks;
  await until("the request looks again", async () => looks > before + 16);
}

describe("Prefer: wait", () => {
  it("answers a list as soon as it changes", async () => {
    const etag = await etagOf(CLUSTERS);
    const held = get(CLUSTERS, waiting(etag, 20));
    await isHeld();
    await hub.apply(cluster("late"));
    const answer = await held;
    expect([answer.status, answer.headers.get("preference-applied")]).toEqual([200, "wait=20"]);
    expect(answer.headers.get("etag")).not.toBe(etag);
    expect(await answer.text()).toContain('"late"');
  });

  it("answers one thing as soon as it changes, and 404 when it has gone", async () => {
    await hub.apply(cluster("passing"));
    const url = `${CLUSTERS}/passing`;
    const held = get(url, waiting(await etagOf(url), 20));
    await hub.apply(cluster("passing", { env: "prod" }));
    expect((await held).status).toBe(200);
    const last = get(url, waiting(await etagOf(url), 20));
    const gone = await fetch(`http://127.0.0.1:${http.port}${url}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${hub.tokens.admin}` },
    });
    expect(gone.status).toBe(204);
    const answer = await last;
    expect([answer.status, answer.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
    expect(answer.headers.get("etag")).toBeNull();
  });

  it("ends with 304 when the time is up", async () => {
    const etag = await etagOf(CLUSTERS);
    const answer = await get(CLUSTERS, waiting(etag, 1));
    expect([answer.status, answer.headers.get("etag"), await answer.text()]).toEqual([304, etag, ""]);
  });

  it("answers at once what has changed already, and what names no ETag", async () => {
    expect((await get(CLUSTERS, waiting('W/"old"', 20))).status).toBe(200);
    expect((await get(CLUSTERS, { prefer: "wait=20" })).status).toBe(200);
    expect((await get(CLUSTERS, { ...waiting(await etagOf(CLUSTERS), 0) })).status).toBe(304);
  });

  it("asks again who asks: a token that is revoked meanwhile ends the wait", async () => {
    const url = "/v1/projects/default/tokens";
    const headers = { authorization: `Bearer ${hub.tokens.admin}`, "content-type": "application/json" };
    const at = `http://127.0.0.1:${http.port}`;
    const made = await fetch(`${at}${url}`, {
      method: "POST",
      headers,
      body: JSON.stringify({ name: "short", role: "viewer" }),
    });
    const { id, token } = (await made.json()) as { id: string; token: string };
    const mine = { authorization: `Bearer ${token}` };
    const etag = (await get(CLUSTERS, mine)).headers.get("etag") ?? "";
    const held = get(CLUSTERS, { ...mine, ...waiting(etag, 20) });
    await isHeld();
    expect((await fetch(`${at}${url}/${id}`, { method: "DELETE", headers })).status).toBe(204);
    expect((await held).status).toBe(401);
  });

  it("is bounded in number, and a client that leaves gives its place back", async () => {
    const etag = await etagOf(CLUSTERS);
    const leaving = new AbortController();
    const held: Promise<Response | "left">[] = [];
    await until("one more is refused", async () => {
      const one = get(CLUSTERS, waiting(etag, 20), leaving.signal).catch(() => "left" as const);
      const first = await Promise.race([
        one,
        new Promise<"held">((resolve) => setTimeout(resolve, 500, "held")),
      ]);
      if (first === "held") held.push(one);
      return typeof first !== "string" && first.status === 429 && first.headers.get("retry-after") === "5";
    });
    leaving.abort();
    const left = (await Promise.all(held)).filter((one) => one === "left").length;
    expect([1, 2]).toContain(left);
    await until("its place is free", async () => (await get(CLUSTERS, waiting(etag, 1))).status === 304);
  });

  it("of a client that is gone stops looking", async () => {
    const etag = await etagOf(CLUSTERS);
    const request = httpRequest({
      port: http.port,
      host: "127.0.0.1",
      path: CLUSTERS,
      headers: { authorization: `Bearer ${hub.tokens.admin}`, ...waiting(etag, 20) },
    });
    request.on("error", () => undefined);
    request.end();
    await isHeld();
    request.destroy();
    await until("nobody looks for a second", async () => {
      const before = looks;
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      return looks === before;
    });
  });

  it("is not applied where it is not offered: there the first look is the answer", async () => {
    const first = await hub.api.request(CLUSTERS, {
      headers: { authorization: `Bearer ${hub.tokens.admin}` },
    });
    const headers = {
      authorization: `Bearer ${hub.tokens.admin}`,
      ...waiting(first.headers.get("etag") ?? "", 20),
    };
    const answer = await hub.api.request(CLUSTERS, { headers });
    expect([answer.status, answer.headers.get("preference-applied")]).toEqual([304, null]);
  });
});
