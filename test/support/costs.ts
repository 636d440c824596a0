/**
 * What each path of the table costs, in the capacity units that the engine itself counts (`ReturnConsumedCapacity`).
 * The paths are the product's own: signed requests to the agents' app, and the release and assign functions.
 */
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { serve } from "@hono/node-server";
import { exportJWK, generateKeyPair, type CryptoKey } from "jose";
import {
  AGENT_PATHS,
  BEAT_HEADER,
  PROTOCOL_VERSION,
  type PlacementReport,
  type ReportRequest,
} from "#core/protocol.ts";
import { bodyDigest, signRequest } from "../../agent/signed.ts";
import { buildAgentApp } from "../../functions/api/agent.ts";
import { look } from "../../functions/release/look.ts";
import { publicHalf } from "../../functions/release/sign.ts";
import { getTargets } from "../../functions/release/content.ts";
import { assign } from "../../functions/store/placement.ts";
import { getRollout } from "../../functions/store/rollout.ts";
import { putToken } from "../../functions/store/cluster.ts";
import { redeemToken } from "../../functions/store/cluster.ts";
import { app, cluster, configMaps, hubParts, source } from "./hub-parts.ts";

export interface Costs {
  /** Units by operation, for one of each. */
  idlePoll: Record<string, number>;
  heartbeat: Record<string, number>;
  assignment: Record<string, number>;
  report: Record<string, number>;
  /** HTTP status of the idle poll, and bytes of the whole exchange. */
  idleStatus: number;
  idleBytes: number;
  /** Of these, the answer's. */
  idleAnswerBytes: number;
}

type App = ReturnType<typeof buildAgentApp>;

export async function measureCosts(): Promise<Costs> {
  const hub = await hubParts();
  try {
    await hub.apply(source, app(), cluster("a"));
    await hub.commit("c1", configMaps("one"));
    const key = await register(hub.db, hub.now());
    const agents = buildAgentApp({ db: hub.db, objects: hub.objects, now: hub.now, log: () => undefined });
    const send = caller(agents, key, hub.now);
    const first = await send("GET", AGENT_PATHS.desired);
    const etag = first.headers.get("etag") ?? "";
    hub.units();
    const idle = await send("GET", AGENT_PATHS.desired, undefined, { "if-none-match": etag });
    const idlePoll = hub.units();
    const authorization = await signed(key, hub.now, "GET", AGENT_PATHS.desired, undefined);
    const { idleBytes, idleAnswerBytes } = await exchangeBytes(agents, {
      authorization,
      "if-none-match": etag,
    });
    hub.units();
    await send("GET", AGENT_PATHS.desired, undefined, { "if-none-match": etag, [BEAT_HEADER]: "1" });
    const heartbeat = without(hub.units(), idlePoll);
    await look(hub, "default", "shop");
    const rollout = await getRollout(hub.db, "default", "shop", 1);
    const [target] = await getTargets(hub.objects, rollout?.targets ?? "", 0, 1);
    if (target === undefined) throw new Error("no target");
    hub.units();
    await assign(hub.db, "default", "shop", target, hub.now(), { rollout: 1, rank: 0 });
    const assignment = hub.units();
    await send("POST", AGENT_PATHS.report, reportOf(1));
    hub.units();
    await send("POST", AGENT_PATHS.report, reportOf(2));
    const report = without(hub.units(), idlePoll);
    return { idlePoll, heartbeat, assignment, report, idleStatus: idle.status, idleBytes, idleAnswerBytes };
  } finally {
    await hub.stop();
  }
}

async function register(db: Parameters<typeof putToken>[0], now: number): Promise<CryptoKey> {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  await putToken(db, "default", "a", "secret".repeat(8), now + 1000);
  const redeemed = await redeemToken(db, "secret".repeat(8), publicHalf(await exportJWK(publicKey)), now);
  if (redeemed.kind === "refused") throw new Error(redeemed.message);
  return privateKey;
}

function caller(agents: App, key: CryptoKey, now: () => number) {
  return async (
    method: string,
    path: string,
    body?: ReportRequest,
    headers: Record<string, string> = {},
  ): Promise<Response> => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const authorization = await signed(key, now, method, path, text);
    const answer = await agents.request(path, {
      method,
      headers: { ...headers, authorization },
      ...(text === undefined ? {} : { body: text }),
    });
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
}

/** A bearer of cluster `a` for one request. */
export async function signed(
  key: CryptoKey,
  now: () => number,
  htm: string,
  htu: string,
  body: string | undefined,
): Promise<string> {
  const claims = {
    iss: "default/a",
    aud: "hub-test",
    iat: Math.floor(now() / 1000),
    htm,
    htu,
    bod: bodyDigest(body),
  };
  return `Bearer ${await signRequest(claims, key)}`;
}

function reportOf(seq: number): ReportRequest {
  const placement: PlacementReport = {
    app: "shop",
    seq,
    epoch: 1,
    generation: 1,
    release: 1,
    bundle: "0".repeat(64),
    phase: seq === 1 ? "received" : "healthy",
    message: "all 40 objects are current",
    objects: 40,
    outcomes: { created: 39, unchanged: 1 },
    failures: [],
    drift: [],
    driftTotal: 0,
  };
  return { protocol: PROTOCOL_VERSION, agent: "bench", fingerprint: "0".repeat(64), placements: [placement] };
}

function without(all: Record<string, number>, part: Record<string, number>): Record<string, number> {
  const left = Object.entries(all).map(([operation, units]): [string, number] => [
    operation,
    units - (part[operation] ?? 0),
  ]);
  return Object.fromEntries(left.filter(([, units]) => units > 0));
}

/** Bytes of one whole exchange on a real connection, both ways, headers included, as the sockets count them. */
async function exchangeBytes(
  agents: App,
  headers: Record<string, string>,
): Promise<{ idleBytes: number; idleAnswerBytes: number }> {
  const sockets: Socket[] = [];
  const total = (of: "bytesRead" | "bytesWritten"): number =>
    sockets.reduce((all, socket) => all + socket[of], 0);
  const server = serve({ fetch: agents.fetch, port: 0, hostname: "127.0.0.1" });
  server.on("connection", (socket: Socket) => sockets.push(socket));
  try {
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const answer = await fetch(`http://127.0.0.1:${port}${AGENT_PATHS.desired}`, { headers });
    if (answer.status !== 304) throw new Error(`not an idle poll: ${answer.status}`);
    const idleAnswerBytes = total("bytesWritten");
    return { idleBytes: idleAnswerBytes + total("bytesRead"), idleAnswerBytes };
  } finally {
    server.close();
  }
}

export function sum(units: Record<string, number>): number {
  return Object.values(units).reduce((total, one) => total + one, 0);
}
