/** The agents' endpoints: who may ask what, and what a stolen, replayed or moved request is worth. */
import { exportJWK, generateKeyPair, type CryptoKey } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PublicKey } from "#core/charter.ts";
import { AGENT_PATHS, PROTOCOL_VERSION, TIME_HEADER } from "#core/protocol.ts";
import { bodyDigest, signRequest, type RequestClaims } from "../../../agent/signed.ts";
import { buildAgentApp } from "../../../functions/api/agent.ts";
import { publicHalf } from "../../../functions/release/sign.ts";
import { putToken } from "../../../functions/store/cluster.ts";
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

async function ask(
  change: Partial<RequestClaims> = {},
  options: { key?: CryptoKey; path?: string; body?: string } = {},
): Promise<Response> {
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
    headers: { authorization },
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
