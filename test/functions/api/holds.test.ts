/** "Not now" at the hub: who may say it, what is told of it, and what a repeat or a replay is worth. */
import { marshall } from "@aws-sdk/util-dynamodb";
import { exportJWK, generateKeyPair } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROLES } from "#core/access.ts";
import type { ToldHold } from "#core/hold.ts";
import { AGENT_PATHS, PROTOCOL_VERSION } from "#core/protocol.ts";
import { clusterViewSchema } from "#core/view.ts";
import { bodyDigest, signRequest } from "../../../agent/signed.ts";
import { buildAgentApp } from "../../../functions/api/agent.ts";
import { buildApp } from "../../../functions/api/app.ts";
import { draftOf } from "../../../functions/audit-log/records.ts";
import { publicHalf } from "../../../functions/release/sign.ts";
import { putBeat, putToken, redeemToken } from "../../../functions/store/cluster.ts";
import { getHold } from "../../../functions/store/hold.ts";
import { keys } from "../../../functions/store/table.ts";
import { factsOf } from "../../../functions/stream/facts.ts";
import { headersOf, type CallerOptions } from "../../support/caller.ts";
import { cluster, hubParts, type HubParts } from "../../support/hub-parts.ts";

const HOUR = 3_600_000;
let hub: HubParts;
let api: ReturnType<typeof buildApp>;
let agents: ReturnType<typeof buildAgentApp>;
beforeAll(async () => {
  hub = await hubParts();
  api = buildApp({ ...hub, log: () => undefined, hubUrl: "https://hub.example.com" });
  agents = buildAgentApp({ db: hub.db, objects: hub.objects, now: hub.now, log: () => undefined });
}, 900_000);
afterAll(() => hub?.stop());

async function call(path: string, body: unknown = {}, as: CallerOptions = {}) {
  const headers = await headersOf(hub.db, { now: hub.now(), ...as });
  hub.units();
  const answer = await api.request(`/v1/projects/default/clusters/${path}`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", "fairlead-reason": "month's end" },
    body: JSON.stringify(body),
  });
  const { put = 0, update = 0, transact = 0 } = hub.units();
  return { status: answer.status, body: await answer.json(), writes: put + update + transact };
}

const heldNow = (name: string) => getHold(hub.db, "default", name);

/** The stream record that a change of a cluster's hold makes. */
async function recordOf(name: string, change: () => Promise<unknown>) {
  const key = keys.hold("default", name);
  const read = async () => {
    const item = await hub.db.get(key, { consistent: true });
    return item === undefined ? undefined : marshall(item);
  };
  const OldImage = await read();
  await change();
  const NewImage = await read();
  return { dynamodb: { Keys: marshall(key), OldImage, NewImage } } as never;
}

describe("a person's hold", () => {
  const until = () => hub.now() + HOUR;

  it("stands at the cluster with who said it, is told on the bus, and audited", async () => {
    await hub.apply(cluster("held"));
    await putBeat(hub.db, "default", "held", hub.now());
    const hold = { until: until(), reason: "payday" };
    const record = await recordOf("held", () => call("held/hold", hold));
    expect(await heldNow("held")).toMatchObject({
      person: hold,
      version: 1,
      stamp: { by: "token:fairlead/test", why: "month's end" },
    });
    expect(factsOf(record)).toEqual([
      { type: "cluster.held", detail: { project: "default", cluster: "held", ...hold } },
    ]);
    expect(draftOf(record)).toMatchObject({ noun: "hold", name: "held", action: "created", version: 1 });
    const headers = await headersOf(hub.db, { now: hub.now() });
    const shown = await api.request("/v1/projects/default/clusters/held", { headers });
    expect(clusterViewSchema.parse(await shown.json())).toMatchObject({ hold, silent: false });
  });

  it("writes nothing when it is said again, and is lifted", async () => {
    await hub.apply(cluster("twice"));
    const hold = { until: until(), reason: "payday" };
    expect((await call("twice/hold", hold)).writes).toBeGreaterThan(0);
    expect(await call("twice/hold", hold)).toEqual({ status: 200, body: { person: hold }, writes: 0 });
    const record = await recordOf("twice", () => call("twice/release-hold"));
    expect((await heldNow("twice"))?.person).toBeUndefined();
    expect(factsOf(record)).toEqual([]);
    expect(await call("twice/release-hold")).toEqual({ status: 200, body: {}, writes: 0 });
  });

  it("has an end, a reason, and is for who may deploy", async () => {
    await hub.apply(cluster("firm"));
    const asked: [unknown, CallerOptions, number][] = [
      [{ until: hub.now(), reason: "past" }, {}, 400],
      [{ until: hub.now() + 31 * 24 * HOUR, reason: "long" }, {}, 400],
      [{ until: until() }, {}, 400],
      [{ until: until(), reason: "" }, {}, 400],
      [{ until: until(), reason: "viewer" }, { project: "default", rules: ROLES.viewer }, 403],
    ];
    for (const [body, as, status] of asked)
      expect(await call("firm/hold", body, as)).toMatchObject({ status, writes: 0 });
    expect((await call("none/hold", { until: until(), reason: "x" })).status).toBe(404);
    expect(await heldNow("firm")).toBeUndefined();
  });
});

async function agentOf(name: string) {
  await hub.apply(cluster(name));
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const secret = `secret-of-${name}-`.repeat(8).slice(0, 40);
  await putToken(hub.db, "default", name, secret, hub.now() + 60_000);
  await redeemToken(hub.db, secret, publicHalf(await exportJWK(publicKey)), hub.now());
  return async (seq: number, hold: ToldHold) => {
    const body = JSON.stringify({ protocol: PROTOCOL_VERSION, seq, hold });
    const iat = Math.floor(hub.now() / 1000);
    const path = AGENT_PATHS.hold;
    const claims = {
      iss: `default/${name}`,
      aud: "hub-test",
      iat,
      htm: "POST",
      htu: path,
      bod: bodyDigest(body),
    };
    const authorization = `Bearer ${await signRequest(claims, privateKey)}`;
    hub.units();
    const answer = await agents.request(path, { method: "POST", headers: { authorization }, body });
    const { put = 0, update = 0, transact = 0 } = hub.units();
    return { status: answer.status, body: await answer.json(), writes: put + update + transact };
  };
}

describe("a cluster's own hold", () => {
  const all = () => ({ until: hub.now() + HOUR, reason: "batch run" });

  it("is kept beside the person's, and neither lifts the other", async () => {
    const tell = await agentOf("own");
    const person = { until: hub.now() + 2 * HOUR, reason: "payday" };
    await call("own/hold", person);
    expect((await tell(5, { all: all(), apps: {} })).status).toBe(200);
    expect(await heldNow("own")).toMatchObject({ person, agent: { all: all() }, seq: 5 });
    await call("own/release-hold");
    const kept = await heldNow("own");
    expect(kept).toMatchObject({ agent: { all: all() }, seq: 5, version: 3 });
    expect(kept).not.toHaveProperty("person");
  });

  it("writes nothing while it says the same, and none at all where it says nothing", async () => {
    const tell = await agentOf("same");
    expect(await tell(1, { apps: {} })).toEqual({ status: 200, body: {}, writes: 0 });
    expect((await tell(2, { all: all(), apps: {} })).writes).toBeGreaterThan(0);
    expect(await tell(3, { all: all(), apps: {} })).toEqual({ status: 200, body: {}, writes: 0 });
  });

  it("is not brought back by a replay", async () => {
    const tell = await agentOf("replay");
    await tell(7, { all: all(), apps: {} });
    await tell(8, { apps: {} });
    expect(await tell(7, { all: all(), apps: {} })).toEqual({ status: 200, body: { stale: 8 }, writes: 0 });
    expect((await heldNow("replay"))?.agent).toEqual({ apps: {} });
  });

  it("that comes after the word that ended it is ended by that word, told once more", async () => {
    const tell = await agentOf("late");
    expect(await tell(8, { apps: {} })).toEqual({ status: 200, body: {}, writes: 0 });
    expect((await tell(7, { all: all(), apps: {} })).writes).toBeGreaterThan(0);
    expect((await tell(9, { apps: {} })).writes).toBeGreaterThan(0);
    expect((await heldNow("late"))?.agent).toEqual({ apps: {} });
    expect(await tell(7, { all: all(), apps: {} })).toEqual({ status: 200, body: { stale: 9 }, writes: 0 });
  });

  it("tells of each App that is held, and is bounded", async () => {
    const tell = await agentOf("apps");
    const apps = { shop: { until: hub.now() + HOUR, reason: "migration" } };
    const record = await recordOf("apps", () => tell(1, { apps }));
    expect(factsOf(record)).toEqual([
      { type: "cluster.held", detail: { project: "default", cluster: "apps", app: "shop", ...apps.shop } },
    ]);
    const many = Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`a${n}`, apps.shop]));
    expect(await tell(2, { apps: many })).toMatchObject({ status: 400, writes: 0 });
    const late = { until: hub.now() + 60 * 24 * HOUR, reason: "never" };
    expect(await tell(3, { all: late, apps: {} })).toMatchObject({ status: 400, writes: 0 });
  });
});
