/** People and the keys of agents: who may, what they are told, and what a refusal leaves as it was. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fingerprintOf } from "#core/charter.ts";
import { clusterViewSchema } from "#core/view.ts";
import { makePrivateKey, publicHalf } from "../../../functions/release/sign.ts";
import { getAgentIdentity } from "../../../functions/store/agent-key.ts";
import { getLine } from "../../../functions/store/line.ts";
import { putToken, redeemToken } from "../../../functions/store/cluster.ts";
import { buildApp } from "../../../functions/api/app.ts";
import { headersOf, type CallerOptions } from "../../support/caller.ts";
import { cluster, hubParts, type HubParts } from "../../support/hub-parts.ts";

let hub: HubParts;
let app: ReturnType<typeof buildApp>;

beforeAll(async () => {
  hub = await hubParts();
  app = buildApp({ ...hub, log: () => undefined, hubUrl: "https://hub.example.com" });
}, 900_000);
afterAll(() => hub?.stop());

async function registered(name: string, labels: Record<string, string> = {}) {
  await hub.apply(cluster(name, labels));
  const key = publicHalf(await makePrivateKey());
  const secret = `${name}-`.repeat(20).slice(0, 40);
  await putToken(hub.db, "default", name, secret, hub.now() + 1000);
  expect((await redeemToken(hub.db, secret, key, hub.now())).kind).toBe("redeemed");
  return { key, line: () => getLine(hub.db, "default", name, { consistent: true }) };
}

async function call(method: string, path: string, as: CallerOptions = {}, more: Record<string, string> = {}) {
  const headers = { ...(await headersOf(hub.db, { now: hub.now(), ...as })), ...more };
  return app.request(`/v1/projects/default/clusters/${path}`, { method, headers });
}

describe("a cluster's agent key", () => {
  it("is shown by its fingerprint with one cluster, with when it was registered", async () => {
    const { key } = await registered("shown");
    const view = clusterViewSchema.parse(await (await call("GET", "shown")).json());
    expect(view).toMatchObject({ registered: true, key: fingerprintOf(key), registeredAt: hub.now() });
  });

  it("is revoked by who may register, with their name and reason, at once and for good", async () => {
    const { line } = await registered("ended");
    const answer = await call("POST", "ended/revoke", {}, { "fairlead-reason": "laptop stolen" });
    expect([answer.status, await answer.json()]).toMatchObject([200, { revoked: true }]);
    expect(await line()).toMatchObject({ revoked: true, revocations: 1 });
    expect((await line())?.key).toBeUndefined();
    expect(await getAgentIdentity(hub.db, "default", "ended")).toMatchObject({
      event: "revoked",
      version: 2,
      stamp: { by: "token:fairlead/test", why: "laptop stolen" },
    });
    const view = clusterViewSchema.parse(await (await call("GET", "ended")).json());
    expect(view).toMatchObject({ registered: false, revoked: true });
    expect((await call("POST", "ended/revoke")).status).toBe(200);
  });

  it("is asked to change, once, and says so until it has", async () => {
    const { line } = await registered("asked");
    const before = (await line())?.desired ?? 0;
    for (const _ of [1, 2]) expect((await call("POST", "asked/rotate")).status).toBe(202);
    expect(await line()).toMatchObject({ rotate: true, desired: before + 1 });
    expect(await (await call("GET", "asked")).json()).toMatchObject({ rotating: true });
  });

  it("that is not there cannot change", async () => {
    await hub.apply(cluster("empty"));
    expect((await call("POST", "empty/rotate")).status).toBe(409);
    expect((await call("POST", "nowhere/rotate")).status).toBe(404);
    expect((await call("POST", "nowhere/revoke")).status).toBe(404);
  });

  // What would break: who may only deploy, or sees only some clusters, could lock others out of the fleet.
  it("is left alone by who may not register it; a refusal writes nothing", async () => {
    const { line } = await registered("guarded", { env: "prod" });
    const before = [await line(), await getAgentIdentity(hub.db, "default", "guarded")];
    const dev = [
      { verbs: ["register" as const], nouns: ["clusters" as const], labels: { matchLabels: { env: "dev" } } },
    ];
    const callers: [CallerOptions, number][] = [
      [{ role: "viewer" }, 403],
      [{ role: "deployer" }, 403],
      [{ project: "web" }, 403],
      [{ rules: dev }, 403],
    ];
    for (const act of ["rotate", "revoke"])
      for (const [as, status] of callers)
        expect((await call("POST", `guarded/${act}`, as)).status, `${act} by ${JSON.stringify(as)}`).toBe(
          status,
        );
    expect([await line(), await getAgentIdentity(hub.db, "default", "guarded")]).toEqual(before);
  });
});
