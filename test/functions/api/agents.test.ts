/** The agents' endpoints: who may ask what, and what a stolen, replayed or moved request is worth. */
import { exportJWK, generateKeyPair, type CryptoKey } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PublicKey } from "#core/charter.ts";
import { AGENT_PATHS, BEAT_HEADER, CONTENT_HEADER, PROTOCOL_VERSION, TIME_HEADER } from "#core/protocol.ts";
import { hubStamp } from "#core/actor.ts";
import { fingerprintOf } from "#core/charter.ts";
import { DUPLICATE_AFTER_MS, KEY_OVERLAP_MS } from "#core/limits.ts";
import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { marshall } from "@aws-sdk/util-dynamodb";
import { bodyDigest, proveKey, signRequest, type RequestClaims } from "../../../agent/signed.ts";
import { buildAgentApp } from "../../../functions/api/agent.ts";
import { publicHalf } from "../../../functions/release/sign.ts";
import { askRotation, getAgentIdentity, revokeKey } from "../../../functions/store/agent-key.ts";
import { getBeats, putToken } from "../../../functions/store/cluster.ts";
import { getLine } from "../../../functions/store/line.ts";
import { keys } from "../../../functions/store/table.ts";
import { factsOf } from "../../../functions/stream/facts.ts";
import { app, cluster, hubParts, source, type HubParts } from "../../support/hub-parts.ts";

let hub: HubParts;
let agents: ReturnType<typeof buildAgentApp>;
let mine: { privateKey: CryptoKey; key: PublicKey };

beforeAll(async () => {
  hub = await hubParts();
  agents = buildAgentApp({ db: hub.db, objects: hub.objects, now: hub.now, log: () => undefined });
  await hub.apply(source, app(), cluster("a"), cluster("b"));
  mine = await makeKey();
  expect((await register("first", "a", mine.key)).status).toBe(200);
}, 900_000);
afterAll(() => hub?.stop());

async function makeKey() {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  return { privateKey, key: publicHalf(await exportJWK(publicKey)) };
}

async function register(
  name: string,
  clusterName: string,
  key: PublicKey,
  change: { hub?: string; ttlMs?: number } = {},
): Promise<Response> {
  const secret = `${name}-`.repeat(8).slice(0, 40);
  await putToken(hub.db, "default", clusterName, secret, hub.now() + (change.ttlMs ?? 60_000));
  return redeem(secret, clusterName, key, change.hub);
}

async function redeem(
  secret: string,
  clusterName: string,
  key: PublicKey,
  hubId = "hub-test",
): Promise<Response> {
  const token = {
    hub: hubId,
    url: "http://127.0.0.1:1",
    project: "default",
    cluster: clusterName,
    recovery: "0".repeat(64),
    secret,
  };
  const text = `fl1.${Buffer.from(JSON.stringify(token)).toString("base64url")}`;
  const body = JSON.stringify({ protocol: PROTOCOL_VERSION, token: text, key, agent: "test" });
  return agents.request(AGENT_PATHS.register, { method: "POST", body });
}

interface AskOptions {
  key?: CryptoKey;
  path?: string;
  body?: string;
  headers?: Record<string, string>;
}

async function ask(change: Partial<RequestClaims> = {}, options: AskOptions = {}): Promise<Response> {
  const path = options.path ?? AGENT_PATHS.desired;
  const method = options.body === undefined ? "GET" : "POST";
  const claims = {
    iss: "default/a",
    aud: "hub-test",
    iat: Math.floor(hub.now() / 1000),
    htm: method,
    htu: path,
    bod: bodyDigest(options.body),
    ...change,
  };
  const authorization = `Bearer ${await signRequest(claims, options.key ?? mine.privateKey)}`;
  return agents.request(path, {
    method,
    headers: { ...options.headers, authorization },
    ...(options.body === undefined ? {} : { body: options.body }),
  });
}

describe("registration", () => {
  it("may repeat with the same token and key, and refuses the token to any other key", async () => {
    const { key } = await makeKey();
    const other = await makeKey();
    expect((await register("repeat", "b", key)).status).toBe(200);
    const secret = "repeat-".repeat(8).slice(0, 40);
    expect((await redeem(secret, "b", key)).status).toBe(200);
    const stolen = await redeem(secret, "b", other.key);
    expect(stolen.status).toBe(401);
    expect(await stolen.json()).toMatchObject({ detail: expect.stringContaining("used with another key") });
  });

  it("refuses a token that is unknown, too old, or of another hub", async () => {
    const { key } = await makeKey();
    expect((await redeem("never-given-out-never-given-out-never", "b", key)).status).toBe(401);
    expect((await register("late", "b", key, { ttlMs: -1 })).status).toBe(401);
    expect((await register("foreign", "b", key, { hub: "hub-other" })).status).toBe(401);
  });
});

describe("a request", () => {
  it("with a good signature is answered, and 304 when nothing changed", async () => {
    const first = await ask();
    expect(first.status).toBe(200);
    expect(await first.json()).toMatchObject({ assignments: [] });
  });

  it("without a tag reads the assignments, and sends them only where the agent has others", async () => {
    const { first, poll } = await agentOf("whole");
    const whole = await poll(first);
    const content = whole.headers.get(CONTENT_HEADER) ?? "";
    hub.units();
    const same = await poll(first, {}, { headers: { [CONTENT_HEADER]: content } });
    expect([same.status, await same.text()]).toEqual([304, ""]);
    expect(same.headers.get("etag")).toBe(whole.headers.get("etag"));
    expect(hub.units()).toMatchObject({ query: expect.any(Number) });
    const other = await poll(first, {}, { headers: { [CONTENT_HEADER]: "0".repeat(64) } });
    expect([other.status, await other.json()]).toEqual([200, await whole.json()]);
  });

  it("by another cluster's key is nobody", async () => {
    const { privateKey } = await makeKey();
    expect((await ask({}, { key: privateKey })).status).toBe(401);
    expect((await ask({ iss: "default/b" })).status).toBe(401);
    expect((await ask({ iss: "other/a" })).status).toBe(401);
  });

  it("cannot be moved to another hub, method, path or body", async () => {
    for (const change of [
      { aud: "hub-2" },
      { htm: "POST" },
      { htu: AGENT_PATHS.report },
      { bod: "0".repeat(64) },
    ])
      expect((await ask(change)).status).toBe(401);
  });

  it("from a wrong clock is told the hub's time", async () => {
    const late = await ask({ iat: Math.floor(hub.now() / 1000) - 120 });
    expect(late.status).toBe(401);
    expect(late.headers.get(TIME_HEADER)).toBe(String(hub.now()));
  });

  it("without signature, or with something else in its place, is refused", async () => {
    for (const authorization of ["", "Bearer x", "Bearer a.b.c", `Bearer ${"x".repeat(5000)}`])
      expect((await agents.request(AGENT_PATHS.desired, { headers: { authorization } })).status).toBe(401);
  });

  it("for a bundle that is not assigned to this cluster finds nothing", async () => {
    expect((await ask({}, { path: AGENT_PATHS.bundle("shop") })).status).toBe(404);
  });

  it("of an agent that is too old is told to upgrade", async () => {
    const body = JSON.stringify({ protocol: 0, agent: "old", fingerprint: "", placements: [] });
    expect((await ask({}, { path: AGENT_PATHS.report, body })).status).toBe(426);
  });

  it("reporting on an App that was never placed here makes no row", async () => {
    const placement = {
      app: "till",
      seq: 1,
      epoch: 1,
      generation: 1,
      release: 1,
      phase: "healthy",
      message: "",
      objects: 0,
      outcomes: {},
    };
    const body = JSON.stringify({
      protocol: PROTOCOL_VERSION,
      agent: "test",
      fingerprint: "",
      placements: [placement],
    });
    expect(await (await ask({}, { path: AGENT_PATHS.report, body })).json()).toEqual({
      accepted: 0,
      stale: [],
    });
  });
});

type Key = Awaited<ReturnType<typeof makeKey>>;

/** A cluster of its own with a registered agent, and what that agent may ask. */
async function agentOf(name: string) {
  await hub.apply(cluster(name));
  const first = await makeKey();
  expect((await register(`agent-${name}`, name, first.key)).status).toBe(200);
  const iss = `default/${name}`;
  const poll = (key: Key, more: Partial<RequestClaims> = {}, options: AskOptions = {}) =>
    ask({ iss, ...more }, { key: key.privateKey, ...options });
  const rotate = async (by: Key, next: Key, change: { hub?: string; agent?: string; proofBy?: Key } = {}) => {
    const claim = { hub: change.hub ?? "hub-test", agent: change.agent ?? iss, x: next.key.x };
    const proof = await proveKey(claim, (change.proofBy ?? next).privateKey);
    const body = JSON.stringify({ protocol: PROTOCOL_VERSION, key: next.key, proof });
    return ask({ iss }, { key: by.privateKey, path: AGENT_PATHS.rotate, body });
  };
  const beat = (key: Key, run: string) => poll(key, { run }, { headers: { [BEAT_HEADER]: "1" } });
  return {
    name,
    first,
    poll,
    rotate,
    beat,
    line: () => getLine(hub.db, "default", name, { consistent: true }),
  };
}

/** The facts of a change of one item, as the stream would tell them. */
async function factsAfter(name: string, change: () => Promise<unknown>) {
  const read = async () => {
    const item = await hub.db.get(keys.line("default", name), { consistent: true });
    return item === undefined ? {} : marshall(item);
  };
  const OldImage = await read();
  await change();
  const NewImage = await read();
  const Keys = marshall(keys.line("default", name));
  return factsOf({ dynamodb: { Keys, OldImage, NewImage } } as never);
}

describe("a registration", () => {
  it("with a new token replaces a live key, and is told as that", async () => {
    const { first, poll, name } = await agentOf("replaced");
    const second = await makeKey();
    const facts = await factsAfter(name, () => register("again", name, second.key));
    expect(facts).toEqual([
      { type: "cluster.registered", detail: { project: "default", cluster: name, replaced: true } },
    ]);
    expect((await poll(first)).status).toBe(401);
    expect((await poll(second)).status).toBe(200);
    expect(await getAgentIdentity(hub.db, "default", name)).toMatchObject({
      version: 2,
      event: "registered",
      stamp: { by: `agent:default/${name}` },
      key: fingerprintOf(second.key),
    });
  });

  it("repeated because its answer was lost writes nothing more", async () => {
    const { first, name } = await agentOf("repeated");
    const secret = `agent-${name}-`.repeat(8).slice(0, 40);
    const before = await getAgentIdentity(hub.db, "default", name);
    expect((await redeem(secret, name, first.key)).status).toBe(200);
    expect(await getAgentIdentity(hub.db, "default", name)).toEqual(before);
  });
});

describe("a rotation", () => {
  it("leaves the old key good until the new one is used, and ends it then", async () => {
    const { first, poll, rotate, line, name } = await agentOf("rotating");
    const second = await makeKey();
    const facts = await factsAfter(name, async () => expect((await rotate(first, second)).status).toBe(200));
    expect(facts).toEqual([{ type: "cluster.rotated", detail: { project: "default", cluster: name } }]);
    expect((await poll(first)).status).toBe(200);
    expect((await poll(second)).status).toBe(200);
    expect((await line())?.previous).toBeUndefined();
    expect((await poll(first)).status).toBe(401);
  });

  it("may repeat with either key, and says so", async () => {
    const { first, rotate } = await agentOf("rotating-twice");
    const second = await makeKey();
    expect(await (await rotate(first, second)).json()).toEqual({ outcome: "rotated" });
    expect(await (await rotate(first, second)).json()).toEqual({ outcome: "already" });
    expect(await (await rotate(second, second)).json()).toEqual({ outcome: "already" });
  });

  it("whose new key is never used ends the old one after a day", async () => {
    const { first, poll, rotate } = await agentOf("rotating-late");
    const second = await makeKey();
    await rotate(first, second);
    const now = hub.now();
    hub.setNow(now + KEY_OVERLAP_MS + 1);
    expect((await poll(first)).status).toBe(401);
    expect((await poll(second)).status).toBe(200);
    hub.setNow(now);
  });

  // What would break: who can make a request could move a cluster to a key that its agent never had.
  it("needs the new key's own proof, for this hub and agent; a refusal changes nothing", async () => {
    const { first, rotate, line } = await agentOf("rotating-proof");
    const [second, thief] = [await makeKey(), await makeKey()];
    const before = await line();
    expect((await rotate(first, second, { proofBy: thief })).status).toBe(400);
    expect((await rotate(first, second, { hub: "hub-2" })).status).toBe(400);
    expect((await rotate(first, second, { agent: "default/b" })).status).toBe(400);
    expect((await rotate(thief, second)).status).toBe(401);
    expect(await line()).toEqual(before);
  });

  it("that people ask for reaches the agent at its next poll", async () => {
    const { first, poll, rotate, name, line } = await agentOf("rotating-asked");
    const etag = (await poll(first)).headers.get("etag") ?? "";
    expect((await poll(first, {}, { headers: { "if-none-match": etag } })).status).toBe(304);
    expect(await askRotation(hub.db, "default", name, hubStamp("test"))).toBe("asked");
    const told = await poll(first, {}, { headers: { "if-none-match": etag } });
    expect(await told.json()).toMatchObject({ rotate: true });
    await rotate(first, await makeKey());
    expect((await line())?.rotate).toBeUndefined();
  });
});

describe("a revoked key", () => {
  it("is refused from the next request on, with the way back, and told", async () => {
    const { first, poll, name } = await agentOf("revoked");
    const facts = await factsAfter(name, () =>
      revokeKey(hub.db, "default", name, hubStamp("test"), hub.now()),
    );
    expect(facts).toEqual([{ type: "cluster.revoked", detail: { project: "default", cluster: name } }]);
    const refused = await poll(first);
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({
      detail: expect.stringContaining("cluster register revoked"),
    });
    const stranger = await makeKey();
    expect(await (await poll(stranger)).json()).toMatchObject({ detail: "no such agent, or not its key" });
  });

  // What would break: who stole a key could have a token in store, and undo the revoke with it.
  it("comes back by no token that was made before, and never itself", async () => {
    const { first, name, line } = await agentOf("revoked-token");
    const secret = "made-before-".repeat(8).slice(0, 40);
    await putToken(hub.db, "default", name, secret, hub.now() + 60_000);
    await revokeKey(hub.db, "default", name, hubStamp("test"), hub.now());
    const old = `agent-${name}-`.repeat(8).slice(0, 40);
    const before = await line();
    expect((await redeem(old, name, first.key)).status).toBe(401);
    expect((await redeem(secret, name, (await makeKey()).key)).status).toBe(401);
    const same = await register("anew", name, first.key);
    expect(await same.json()).toMatchObject({ detail: expect.stringContaining("this key was revoked") });
    expect(await line()).toEqual(before);
    expect((await register("anew-2", name, (await makeKey()).key)).status).toBe(200);
    expect((await line())?.revoked).toBeUndefined();
  });
});

/** As DynamoDB counts an item: names and values in UTF-8, a number about half its digits, some bytes for each map. */
function sizeOf(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.N !== undefined) return Math.ceil(value.N.length / 2) + 1;
  if (value.M === undefined) return 1;
  return Object.entries(value.M).reduce((sum, [name, one]) => sum + name.length + 1 + sizeOf(one), 3);
}

describe("one key from two places", () => {
  const at = async (name: string) => (await getBeats(hub.db, "default", [name])).get(name);

  it("is told once both are heard beside each other, on the outbox too", async () => {
    const { first, beat, name, line } = await agentOf("twice");
    const now = hub.now();
    await beat(first, "A");
    await beat(first, "B");
    expect((await at(name))?.twiceAt).toBeUndefined();
    hub.setNow(now + DUPLICATE_AFTER_MS + 1);
    const facts = await factsAfter(name, () => beat(first, "A"));
    expect(facts).toEqual([{ type: "cluster.duplicated", detail: { project: "default", cluster: name } }]);
    expect((await at(name))?.twiceAt).toBe(hub.now());
    hub.setNow(now + 3 * DUPLICATE_AFTER_MS);
    expect(await factsAfter(name, () => beat(first, "B"))).toEqual([]);
    expect((await at(name))?.twiceAt).toBe(hub.now());
    expect((await line())?.twiceAt).toBe(now + DUPLICATE_AFTER_MS + 1);
    hub.setNow(now);
  });

  it("is not a restart, nor what was under way during one", async () => {
    const { first, beat, name } = await agentOf("restarted");
    const now = hub.now();
    for (const run of ["A", "B", "A", "B", "C"]) await beat(first, run);
    hub.setNow(now + 10 * DUPLICATE_AFTER_MS);
    for (const run of ["C", "D"]) await beat(first, run);
    expect((await at(name))?.twiceAt).toBeUndefined();
    expect((await at(name))?.run).toBe("D");
    hub.setNow(now);
  });

  it("is seen also of a thief that names no run", async () => {
    const { first, beat, poll, name } = await agentOf("thief");
    const now = hub.now();
    const silent = () => poll(first, {}, { headers: { [BEAT_HEADER]: "1" } });
    await beat(first, "A");
    await silent();
    hub.setNow(now + DUPLICATE_AFTER_MS + 1);
    await beat(first, "A");
    expect((await at(name))?.twiceAt).toBeDefined();
    hub.setNow(now);
  });

  it("costs nothing: a heartbeat is one write unit, an idle poll half a read unit, the line at most 512 bytes", async () => {
    const { first, poll, beat, rotate, name, line } = await agentOf("cheap");
    const second = await makeKey();
    await rotate(first, second);
    const etag = (await poll(first)).headers.get("etag") ?? "";
    await beat(first, "A");
    hub.units();
    const idle = await poll(first, { run: "A" }, { headers: { "if-none-match": etag } });
    expect([idle.status, hub.units()]).toEqual([304, { get: 0.5 }]);
    await poll(first, { run: "A" }, { headers: { "if-none-match": etag, [BEAT_HEADER]: "1" } });
    expect(hub.units()).toEqual({ get: 0.5, update: 1 });
    // At its fullest: in the middle of a rotation, asked for another one, told as duplicated, revoked once before.
    const long = "n".repeat(40);
    const fullest = {
      ...(await line()),
      project: long,
      cluster: long,
      rotate: true,
      twiceAt: 1,
      revocations: 9,
    };
    const stored = marshall({ ...fullest, revokedKey: first.key.x, ...keys.line(long, long) });
    expect([name, sizeOf({ M: stored })]).toEqual(["cheap", expect.toSatisfy((size: number) => size <= 512)]);
  });
});

// What would break: a key from one cluster would open others, or say for its own what it may not.
describe("a stolen agent key", () => {
  it("reads and reports for its own cluster, and is nobody anywhere else", async () => {
    const { first, poll } = await agentOf("stolen");
    expect((await poll(first)).status).toBe(200);
    for (const iss of ["default/a", "default/b", "other/stolen", "fairlead/stolen"])
      expect((await poll(first, { iss })).status).toBe(401);
  });

  it("gains nothing from a report that was seen before: the number in it is not newer", async () => {
    const { first, poll, name } = await agentOf("replayed");
    const assigned = { action: "apply", epoch: 1, generation: 1, release: 1, at: 1 };
    await hub.db.put(
      {
        ...keys.placement("default", "shop", name),
        project: "default",
        app: "shop",
        cluster: name,
        assigned,
      },
      { text: "attribute_not_exists(pk)" },
    );
    const placement = {
      app: "shop",
      seq: 7,
      epoch: 1,
      generation: 1,
      release: 1,
      phase: "healthy",
      message: "",
      objects: 0,
      outcomes: {},
    };
    const report = (seq: number) =>
      JSON.stringify({
        protocol: PROTOCOL_VERSION,
        agent: "test",
        fingerprint: "",
        placements: [{ ...placement, seq }],
      });
    const send = async (seq: number) =>
      (await poll(first, {}, { path: AGENT_PATHS.report, body: report(seq) })).json();
    expect(await send(7)).toEqual({ accepted: 1, stale: [] });
    expect(await send(7)).toEqual({ accepted: 0, stale: [{ app: "shop", seq: 7 }] });
    expect(await send(6)).toEqual({ accepted: 0, stale: [{ app: "shop", seq: 7 }] });
    expect(await send(8)).toEqual({ accepted: 1, stale: [] });
  });
});
