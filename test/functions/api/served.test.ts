/** What agents tell of their clusters' API servers: who may, what is kept, and what a forged or replayed word is worth. */
import { marshall } from "@aws-sdk/util-dynamodb";
import { exportJWK, generateKeyPair, type CryptoKey } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canonicalJson, sha256 } from "#core/digest.ts";
import { APIS_BODY_BYTES_MAX, REPORT_BODY_BYTES_MAX } from "#core/limits.ts";
import { AGENT_PATHS, PROTOCOL_VERSION, type ServedRequest } from "#core/protocol.ts";
import { bodyDigest, signRequest } from "../../../agent/signed.ts";
import { buildAgentApp } from "../../../functions/api/agent.ts";
import { getApiLists } from "../../../functions/release/api-lists.ts";
import { publicHalf } from "../../../functions/release/sign.ts";
import { putToken, redeemToken } from "../../../functions/store/cluster.ts";
import { documentsOf, getServed } from "../../../functions/store/served.ts";
import { keys } from "../../../functions/store/table.ts";
import { factsOf } from "../../../functions/stream/facts.ts";
import { cluster, plainParts, type PlainParts } from "../../support/hub-parts.ts";

let hub: PlainParts;
let agents: ReturnType<typeof buildAgentApp>;
const stored: string[] = [];
beforeAll(async () => {
  hub = await plainParts();
  const objects = {
    ...hub.objects,
    put: (key: string, bytes: Uint8Array) => {
      stored.push(key);
      return hub.objects.put(key, bytes);
    },
  };
  agents = buildAgentApp({ db: hub.db, objects, now: hub.now, log: () => undefined });
}, 300_000);
afterAll(() => hub?.stop());

const LISTS = {
  plain: ["apps/v1", "apps/v1/Deployment", "v1", "v1/ConfigMap"],
  gadgets: ["apps/v1", "apps/v1/Deployment", "example.org/v1", "example.org/v1/Gadget", "v1", "v1/ConfigMap"],
};
const digestOf = (list: readonly string[]): string => sha256(canonicalJson(list));

interface Sent {
  method?: string;
  path: string;
  body: string;
}

async function agentOf(name: string) {
  await hub.apply(cluster(name));
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const secret = `secret-of-${name}-`.repeat(8).slice(0, 40);
  await putToken(hub.db, "default", name, secret, hub.now() + 60_000);
  const redeemed = await redeemToken(hub.db, secret, publicHalf(await exportJWK(publicKey)), hub.now());
  expect(redeemed.kind).toBe("redeemed");
  const send = (sent: Sent, iss = `default/${name}`) => signed(privateKey, iss, sent);
  const tell = async (seq: number, list?: readonly string[], kubernetes = "v1.34.4") => {
    const request: ServedRequest = { protocol: PROTOCOL_VERSION, seq, kubernetes };
    if (list !== undefined) request.apis = digestOf(list);
    const answer = await send({ path: AGENT_PATHS.served, body: JSON.stringify(request) });
    return { status: answer.status, answer: await answer.json() };
  };
  const put = (list: readonly string[], digest = digestOf(list)) =>
    send({ method: "PUT", path: AGENT_PATHS.apis(digest), body: canonicalJson(list) });
  return { name, send, tell, put, served: () => getServed(hub.db, "default", name) };
}

async function signed(key: CryptoKey, iss: string, { method = "POST", path, body }: Sent): Promise<Response> {
  const iat = Math.floor(hub.now() / 1000);
  const claims = { iss, aud: "hub-test", iat, htm: method, htu: path, bod: bodyDigest(body) };
  const authorization = `Bearer ${await signRequest(claims, key)}`;
  return agents.request(path, { method, headers: { authorization }, body });
}

/** Writes to the table and names of objects since the last call. */
function writes(): { update: number; objects: string[] } {
  const { put = 0, update = 0, transact = 0, delete: removed = 0 } = hub.units();
  return { update: put + update + transact + removed, objects: stored.splice(0) };
}
const NOTHING = { update: 0, objects: [] };

async function factsAfter(name: string, change: () => Promise<unknown>) {
  const key = keys.served("default", name);
  const read = async () => {
    const item = await hub.db.get(key, { consistent: true });
    return item === undefined ? undefined : marshall(item);
  };
  const OldImage = await read();
  await change();
  const NewImage = await read();
  return factsOf({ dynamodb: { Keys: marshall(key), OldImage, NewImage } } as never);
}

describe("shapes of kinds", () => {
  const shapes = {
    kinds: { "v1/ConfigMap": "x.Map" },
    types: { "x.Map": { fields: { data: { map: "string" } } } },
  };
  const digest = sha256(canonicalJson(shapes));

  it("are asked for once for each version, shared by digest, and in force when they came", async () => {
    const [one, two] = [await agentOf("shape-one"), await agentOf("shape-two")];
    const told = (seq: number, kubernetes: string, schemas?: string) =>
      JSON.stringify({
        protocol: PROTOCOL_VERSION,
        seq,
        kubernetes,
        ...(schemas === undefined ? {} : { schemas }),
      });
    const tell = async (agent: typeof one, body: string) =>
      (await agent.send({ path: AGENT_PATHS.served, body })).json();
    const put = (agent: typeof one, body: string) =>
      agent.send({ method: "PUT", path: AGENT_PATHS.schemas(digest), body });
    expect(await tell(one, told(1, "v1.34.1"))).toEqual({ wants: ["schemas"] });
    expect((await put(one, canonicalJson(shapes))).status).toBe(409);
    expect(await tell(one, told(2, "v1.34.1", digest))).toEqual({ wants: ["schemas"] });
    expect(await one.served()).not.toHaveProperty("schemas");
    expect((await put(one, canonicalJson(shapes))).status).toBe(200);
    expect(await one.served()).toMatchObject({ schemas: { kubernetes: "v1.34.1", digest } });
    expect(await one.served()).not.toHaveProperty("pendingSchemas");
    expect(await tell(one, told(3, "v1.34.1"))).toEqual({ wants: [] });
    expect(await tell(two, told(1, "v1.34.1", digest))).toEqual({ wants: [] });
    expect(await tell(one, told(4, "v1.34.2"))).toEqual({ wants: ["schemas"] });
    expect(documentsOf((await one.served()) ?? expect.unreachable())).toEqual([digest]);
  });

  // What would break: every look at an App would fail on a list that is none.
  it("never count as a list of APIs, although they are kept", async () => {
    const { tell, send, served } = await agentOf("shape-confused");
    const body = canonicalJson({ ...shapes, kinds: { "v1/Secret": "x.Map" } });
    const schemas = sha256(body);
    const request = { protocol: PROTOCOL_VERSION, seq: 1, kubernetes: "v1.34.1", schemas };
    await send({ path: AGENT_PATHS.served, body: JSON.stringify(request) });
    expect((await send({ method: "PUT", path: AGENT_PATHS.schemas(schemas), body })).status).toBe(200);
    const asList = { protocol: PROTOCOL_VERSION, seq: 2, kubernetes: "v1.34.1", apis: schemas };
    const answer = await send({ path: AGENT_PATHS.served, body: JSON.stringify(asList) });
    expect(await answer.json()).toEqual({ wants: ["apis"] });
    expect((await send({ method: "PUT", path: AGENT_PATHS.apis(schemas), body })).status).toBe(400);
    expect(await served()).not.toHaveProperty("apis");
    expect((await tell(3)).status).toBe(200);
  });

  it("that are none are refused, and nothing is written", async () => {
    const { send, served } = await agentOf("shape-bad");
    const deep = `${'{"list":'.repeat(20_000)}"string"${"}".repeat(20_000)}`;
    for (const [n, body] of [
      `{"kinds":{},"types":{"a":${deep}}}`,
      canonicalJson({ kinds: {}, types: { a: { regex: "(a+)+$" } } }),
      canonicalJson({ kinds: {} }),
      "[]",
    ].entries()) {
      const schemas = sha256(body);
      const request = { protocol: PROTOCOL_VERSION, seq: n + 1, kubernetes: "v1.34.1", schemas };
      await send({ path: AGENT_PATHS.served, body: JSON.stringify(request) });
      writes();
      const answer = await send({ method: "PUT", path: AGENT_PATHS.schemas(schemas), body });
      expect([n, answer.status, writes()]).toEqual([n, 400, NOTHING]);
    }
    expect(await served()).not.toHaveProperty("schemas");
  });
});

describe("a list of APIs", () => {
  it("is asked for once, kept under its digest, and in force from then on", async () => {
    const { tell, put, served, name } = await agentOf("first");
    const list = [...LISTS.plain, "v1/Secret"];
    const untold = await factsAfter(name, async () =>
      expect(await tell(1, list)).toEqual({ status: 200, answer: { wants: ["apis", "schemas"] } }),
    );
    expect(untold).toEqual([]);
    expect(await served()).not.toHaveProperty("apis");
    const told = await factsAfter(name, async () => expect((await put(list)).status).toBe(200));
    expect(told).toEqual([{ type: "cluster.served", detail: { project: "default", cluster: name } }]);
    expect(await served()).toMatchObject({ kubernetes: "v1.34.4", apis: digestOf(list) });
    expect((await getApiLists(hub.objects, [digestOf(list)])).get(digestOf(list))).toEqual(list);
  });

  it("of a second cluster that serves the same is not sent again", async () => {
    const [one, two] = [await agentOf("one"), await agentOf("two")];
    await one.tell(1, LISTS.plain);
    await one.put(LISTS.plain);
    writes();
    expect(await two.tell(1, LISTS.plain)).toEqual({ status: 200, answer: { wants: ["schemas"] } });
    expect(writes()).toEqual({ update: 1, objects: [] });
    expect(await two.served()).toMatchObject({ apis: digestOf(LISTS.plain) });
  });

  it("told again writes nothing, a patch of Kubernetes is no event, a minor is", async () => {
    const { tell, put, name } = await agentOf("again");
    await tell(1, LISTS.plain);
    await put(LISTS.plain);
    writes();
    for (const seq of [1, 2, 3])
      expect((await tell(seq, LISTS.plain)).answer).toEqual({ wants: ["schemas"] });
    expect((await put(LISTS.plain)).status).toBe(200);
    expect(writes()).toEqual(NOTHING);
    expect(await factsAfter(name, () => tell(4, LISTS.plain, "v1.34.5"))).toEqual([]);
    expect(await factsAfter(name, () => tell(5, LISTS.plain, "v1.35.0"))).toHaveLength(1);
  });

  it("that is too long to be told leaves the version alone in force", async () => {
    const { tell, served } = await agentOf("long");
    await tell(1, LISTS.plain);
    expect((await tell(2)).answer).toEqual({ wants: ["schemas"] });
    expect(await served()).toMatchObject({ kubernetes: "v1.34.4" });
    expect(await served()).not.toHaveProperty("apis");
  });
});

// What would break: whoever holds one cluster's key could make the hub render for others, or fill its store.
describe("refused, and nothing written, is", () => {
  it("a list that this cluster did not tell of, another cluster's among them", async () => {
    const [mine, theirs] = [await agentOf("mine"), await agentOf("theirs")];
    const list = [...LISTS.plain, "v1/Theirs"];
    await theirs.tell(1, list);
    writes();
    expect((await mine.put(list)).status).toBe(409);
    await mine.tell(1, LISTS.plain);
    writes();
    expect((await mine.put(list)).status).toBe(409);
    expect(writes()).toEqual(NOTHING);
    const asTheirs = { method: "PUT", path: AGENT_PATHS.apis(digestOf(list)), body: canonicalJson(list) };
    expect((await mine.send(asTheirs, "default/theirs")).status).toBe(401);
    const request = { protocol: PROTOCOL_VERSION, seq: 9, kubernetes: "v1.9.0" };
    const served = { path: AGENT_PATHS.served, body: JSON.stringify(request) };
    expect((await mine.send(served, "default/theirs")).status).toBe(401);
    expect(writes()).toEqual(NOTHING);
  });

  it.each([
    ["has another digest", LISTS.gadgets, canonicalJson([...LISTS.gadgets, "w"]), 400],
    ["is not sorted", ["v1", "apps/v1"], canonicalJson(["v1", "apps/v1"]), 400],
    ["names one twice", ["v1", "v1"], canonicalJson(["v1", "v1"]), 400],
    ["is no list", { a: 1 }, canonicalJson({ a: 1 }), 400],
    ["holds a text that is too long", ["x".repeat(401)], canonicalJson(["x".repeat(401)]), 400],
    ["is longer than its limit", ["big"], canonicalJson(["x".repeat(APIS_BODY_BYTES_MAX)]), 413],
  ])("one that %s", async (what, told, body, status) => {
    const { name, send, served } = await agentOf(`bad-${what.replaceAll(" ", "-")}`);
    const digest = sha256(canonicalJson(told));
    const request = { protocol: PROTOCOL_VERSION, seq: 1, kubernetes: "v1.34.4", apis: digest };
    await send({ path: AGENT_PATHS.served, body: JSON.stringify(request) });
    writes();
    const answer = await send({ method: "PUT", path: AGENT_PATHS.apis(digest), body });
    expect([name, answer.status, writes()]).toEqual([name, status, NOTHING]);
    expect(await served()).not.toHaveProperty("apis");
  });

  it("a list in other words than the canonical ones", async () => {
    const { send } = await agentOf("spaced");
    const body = JSON.stringify(LISTS.plain, undefined, 1);
    const request = { protocol: PROTOCOL_VERSION, seq: 1, kubernetes: "v1.34.4", apis: sha256(body) };
    await send({ path: AGENT_PATHS.served, body: JSON.stringify(request) });
    expect((await send({ method: "PUT", path: AGENT_PATHS.apis(sha256(body)), body })).status).toBe(400);
  });

  it("a replay of an older word, and of an older list", async () => {
    const { tell, put, served } = await agentOf("replayed");
    const first = [...LISTS.plain, "v1/Zero"];
    await tell(10, first);
    await put(first);
    await tell(11, LISTS.gadgets);
    await put(LISTS.gadgets);
    const now = await served();
    writes();
    expect((await tell(10, first)).answer).toEqual({ wants: [], stale: 11 });
    expect((await tell(11, first)).answer).toEqual({ wants: [], stale: 11 });
    expect((await put(first)).status).toBe(409);
    expect(writes()).toEqual(NOTHING);
    expect(await served()).toEqual(now);
  });

  it("what is no digest, or no message at all", async () => {
    const { send } = await agentOf("odd");
    writes();
    for (const digest of ["x", "..", `${"0".repeat(63)}G`])
      expect((await send({ method: "PUT", path: `/agent/v1/apis/${digest}`, body: "[]" })).status).toBe(404);
    for (const body of ["{}", "nonsense", JSON.stringify({ protocol: 1, seq: 0, kubernetes: "v1" })])
      expect((await send({ path: AGENT_PATHS.served, body })).status).toBe(400);
    const large = "x".repeat(REPORT_BODY_BYTES_MAX + 1);
    expect((await send({ path: AGENT_PATHS.served, body: large })).status).toBe(413);
    expect(writes()).toEqual(NOTHING);
  });
});
