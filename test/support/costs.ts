/**
 * What each path of the table costs, in the capacity units that the engine itself counts (`ReturnConsumedCapacity`).
 * The paths are the product's own: signed requests to the agents' app, and the release and assign functions.
 */
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
import { assignRange } from "../../functions/rollout/assign.ts";
import { tick } from "../../functions/rollout/tick.ts";
import { putToken } from "../../functions/store/cluster.ts";
import { redeemToken } from "../../functions/store/cluster.ts";
import { app, cluster, configMaps, hubParts, source } from "./hub-parts.ts";

export interface Costs {
  /** Units by operation, for one of each. */
  idlePoll: Record<string, number>;
  heartbeat: Record<string, number>;
  assignment: Record<string, number>;
  report: Record<string, number>;
  /** HTTP status of the idle poll, and bytes of its headers and body. */
  idleStatus: number;
  idleBytes: number;
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
    await send("GET", AGENT_PATHS.desired, undefined, { "if-none-match": etag, [BEAT_HEADER]: "1" });
    const heartbeat = without(hub.units(), idlePoll);
    await look(hub, "default", "shop");
    const rollout = await tick(hub, "default", "shop", 1);
    hub.units();
    await assignRange(hub, {
      project: "default",
      app: "shop",
      release: 1,
      fence: rollout?.fence ?? 0,
      from: 0,
      to: 1,
    });
    const { get: _, ...assignment } = hub.units();
    await send("POST", AGENT_PATHS.report, reportOf(1));
    hub.units();
    await send("POST", AGENT_PATHS.report, reportOf(2));
    const report = without(hub.units(), idlePoll);
    return { idlePoll, heartbeat, assignment, report, idleStatus: idle.status, idleBytes: bytesOf(idle) };
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
    const claims = {
      iss: "default/a",
      aud: "hub-test",
      iat: Math.floor(now() / 1000),
      htm: method,
      htu: path,
      bod: bodyDigest(text),
    };
    const authorization = `Bearer ${await signRequest(claims, key)}`;
    const answer = await agents.request(path, {
      method,
      headers: { ...headers, authorization },
      ...(text === undefined ? {} : { body: text }),
    });
    if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
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

/** As on the wire: each header line with its colon, space and line end. */
function bytesOf(answer: Response): number {
  let bytes = 0;
  answer.headers.forEach((value, name) => {
    bytes += name.length + value.length + 4;
  });
  return bytes;
}

export function sum(units: Record<string, number>): number {
  return Object.values(units).reduce((total, one) => total + one, 0);
}
