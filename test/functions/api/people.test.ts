/** People's API in process, one test per outcome class; each refusal asserts that nothing was written. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { APPLY_BODY_BYTES_MAX } from "#core/limits.ts";
import { buildApp } from "../../../functions/api/app.ts";
import { getLine, listBeats, putBeat } from "../../../functions/store/cluster.ts";
import { apiToken } from "../../support/caller.ts";
import { app, cluster, plainParts, source, type PlainParts } from "../../support/hub-parts.ts";

let token: string;
const API = "fairlead.dev/v1";
let hub: PlainParts;
let api: ReturnType<typeof buildApp>;

beforeAll(async () => {
  hub = await plainParts();
  api = buildApp({ ...hub, log: () => undefined, hubUrl: "http://127.0.0.1:1" });
  token = await apiToken(hub.db);
  await hub.apply(source, app(), cluster("a"));
}, 900_000);
afterAll(() => hub?.stop());

const call = (path: string, init: RequestInit = {}, proof: string = token) =>
  Promise.resolve(
    api.request(path, {
      ...init,
      headers: {
        ...(proof === "" ? {} : { authorization: `Bearer ${proof}` }),
        ...(init.body === undefined ? {} : { "content-type": "application/json" }),
        ...(init.headers as Record<string, string> | undefined),
      },
    }),
  );
const apply = (resources: unknown, proof?: string) =>
  call("/v1/apply", { method: "POST", body: JSON.stringify({ resources }) }, proof);

/** Runs a request that must be refused, and shows that it cost no write. */
async function refused(
  request: () => Promise<Response>,
): Promise<{ status: number; code: string; detail: string; errors?: string[] }> {
  hub.units();
  const answer = await request();
  const writes = Object.keys(hub.units()).filter(
    (operation) => operation !== "get" && operation !== "query" && operation !== "batch-get",
  );
  expect(writes).toEqual([]);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  return (await answer.json()) as { status: number; code: string; detail: string };
}

describe("without proof of who asks", () => {
  it("everything but /healthz is refused", async () => {
    expect((await call("/healthz", {}, "")).status).toBe(200);
    for (const path of ["/", "/v1/projects/default/apps", "/v1/projects/default/fleet"])
      expect(await refused(() => call(path, {}, "wrong"))).toMatchObject({
        status: 401,
        code: "unauthenticated",
      });
    expect(await refused(() => apply([cluster("b")], "wrong"))).toMatchObject({ status: 401 });
  });
});

describe("POST /v1/apply", () => {
  it("is idempotent", async () => {
    const resource = { apiVersion: API, ...cluster("twice") };
    const outcomes = [await apply([resource]), await apply([resource])].map(
      async (answer) => ((await answer.json()) as { results: { outcome: string }[] }).results[0]?.outcome,
    );
    expect(await Promise.all(outcomes)).toEqual(["created", "unchanged"]);
  });

  it("writes nothing on a dry run", async () => {
    const body = JSON.stringify({ resources: [{ apiVersion: API, ...cluster("dry") }], dryRun: true });
    expect(await (await call("/v1/apply", { method: "POST", body })).json()).toMatchObject({
      results: [{ outcome: "created" }],
    });
    expect((await call("/v1/projects/default/clusters/dry")).status).toBe(404);
  });

  it("applies all documents or none, and names the document and path that is wrong", async () => {
    const bad = {
      apiVersion: API,
      kind: "App",
      metadata: { name: "Shop" },
      spec: { source: "fleet", clusters: {} },
    };
    const problem = await refused(() => apply([{ apiVersion: API, ...cluster("c") }, bad]));
    expect(problem).toMatchObject({ status: 422, code: "invalid-resource" });
    expect(problem.errors?.[0]).toMatch(/^document 2 \(App Shop\): metadata\.name: must be lower-case/);
  });

  it("refuses what it cannot read, and what is too large, by its limit", async () => {
    expect(await refused(() => call("/v1/apply", { method: "POST", body: "{" }))).toMatchObject({
      status: 400,
      code: "invalid-request",
    });
    expect(await refused(() => apply([]))).toMatchObject({ status: 400 });
    const large = "x".repeat(APPLY_BODY_BYTES_MAX + 1);
    expect(
      await refused(() =>
        call("/v1/apply", {
          method: "POST",
          body: large,
          headers: { "content-length": String(large.length) },
        }),
      ),
    ).toMatchObject({ status: 413, detail: expect.stringContaining(String(APPLY_BODY_BYTES_MAX)) });
  });

  it("answers a lost race with a conflict", async () => {
    const stale = {
      apiVersion: API,
      kind: "Cluster",
      metadata: { name: "a", resourceVersion: 99, labels: { env: "prod" } },
    };
    expect(await refused(() => apply([stale]))).toMatchObject({ status: 409, code: "conflict" });
  });
});

describe("what is not there", () => {
  it("is a 404 that names it; a name that is none is a 400", async () => {
    expect(await refused(() => call("/v1/projects/default/apps/till"))).toMatchObject({
      status: 404,
      detail: "there is no App till in project default",
    });
    expect(await refused(() => call("/v1/projects/other/apps/shop"))).toMatchObject({ status: 404 });
    expect(await refused(() => call("/v1/projects/default/apps/SHOP%23"))).toMatchObject({ status: 400 });
    expect(await refused(() => call("/v1/nothing"))).toMatchObject({ status: 404 });
  });
});

describe("DELETE", () => {
  it("refuses a Source that an App uses", async () => {
    expect(
      await refused(() => call("/v1/projects/default/sources/fleet", { method: "DELETE" })),
    ).toMatchObject({ status: 409, code: "in-use", detail: expect.stringContaining("shop") });
  });

  it("of a cluster takes its key: its agent is nobody any more", async () => {
    await hub.apply(cluster("leaving"));
    await putBeat(hub.db, "default", "leaving", hub.now());
    expect((await call("/v1/projects/default/clusters/leaving", { method: "DELETE" })).status).toBe(204);
    expect((await call("/v1/projects/default/clusters/leaving")).status).toBe(404);
    expect([
      await getLine(hub.db, "default", "leaving"),
      (await listBeats(hub.db, "default")).get("leaving"),
    ]).toEqual([undefined, undefined]);
  });
});

describe("a registration token", () => {
  it("names hub, cluster and the recovery key's fingerprint, and expires", async () => {
    const answer = await call("/v1/projects/default/clusters/a/registration", { method: "POST" });
    expect(answer.status).toBe(201);
    const { token, expiresAt, recovery } = (await answer.json()) as {
      token: string;
      expiresAt: number;
      recovery: string;
    };
    expect(JSON.parse(Buffer.from(token.slice(4), "base64url").toString())).toMatchObject({
      hub: "hub-test",
      cluster: "a",
      project: "default",
      recovery,
    });
    expect(expiresAt).toBeGreaterThan(hub.now());
  });
});
