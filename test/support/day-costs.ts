/**
 * What a fleet at rest asks of its hub, counted on the product's own functions over one real table: one poll, one fetch, one
 * heartbeat, one run of each sweep over the whole fleet. How often each comes is arithmetic (`test/bench/cost.ts`).
 */
import { exportJWK, generateKeyPair } from "jose";
import { canonicalJson, sha256 } from "#core/digest.ts";
import { putApiDocument } from "../../functions/release/api-documents.ts";
import { hubStamp } from "#core/actor.ts";
import { AGENT_PATHS, BEAT_HEADER, CONTENT_HEADER } from "#core/protocol.ts";
import { auditAll } from "../../functions/audit/drift-audit.ts";
import { buildAgentApp } from "../../functions/api/agent.ts";
import { publicHalf } from "../../functions/release/sign.ts";
import { sweepApps } from "../../functions/release/look-apps.ts";
import { AppSweeper } from "../../functions/release/sweep-apps.ts";
import { forgetPromotions } from "../../functions/promotion/forget.ts";
import { sweepPromotions } from "../../functions/promotion/sweep.ts";
import { putServed } from "../../functions/store/served.ts";
import { commandRollout } from "../../functions/rollout/command.ts";
import { sweepRollouts } from "../../functions/rollout/tick-apps.ts";
import { putBeat, putToken, redeemToken } from "../../functions/store/cluster.ts";
import { assign } from "../../functions/store/placement.ts";
import { getAppRecord } from "../../functions/store/state.ts";
import { getRollout } from "../../functions/store/rollout.ts";
import { getTargets } from "../../functions/release/content.ts";
import { signed } from "./costs.ts";
import type { EngineUnderTest } from "./dynamo.ts";
import { app, cluster, configMaps, hubParts, source, type HubParts } from "./hub-parts.ts";

/** What one piece of work used: units of the table, and milliseconds of this machine's processor. */
export interface Work {
  reads: number;
  writes: number;
  calls: number;
  cpuMs: number;
}

export interface DayCosts {
  poll: Work;
  heartbeat: Work;
  /** The agent's fetch without `If-None-Match`, all its Apps assigned, and nothing new. */
  fetch: Work;
  /** Of one with a body. */
  fetchBytes: number;
  sweepRollouts: Work;
  /** Of the Apps that are due: none. */
  sweepApps: Work;
  /** Of all Apps, as every ten minutes. */
  sweepAllApps: Work;
  sweepPromotions: Work;
  driftAudit: Work;
  /** Lines that the agents' app logged for all of the above. */
  logLines: number;
}

const POLLS = 200;
const SWEEPS = 5;
const PARALLEL = 25;

export async function measureDay(
  clusters: number,
  apps: number,
  { engine, assigned = clusters }: { engine?: EngineUnderTest; assigned?: number } = {},
): Promise<DayCosts> {
  const hub = await hubParts(engine);
  try {
    const names = Array.from({ length: apps }, (_, n) => `app${n}`);
    await hub.apply(source, ...names.map((name) => ({ ...app(), metadata: { name } })));
    await registerAll(hub, clusters);
    await hub.commit("c1", configMaps("one"));
    await sweepApps(hub);
    await assignAll(hub, names, assigned);
    await endAll(hub, names);
    const agents = await measureAgent(hub);
    const sweeper = new AppSweeper();
    return {
      ...agents,
      sweepAllApps: await worked(hub, 1, () => sweeper.sweep(hub)),
      sweepApps: await worked(hub, SWEEPS, () => sweeper.sweep(hub)),
      sweepRollouts: await worked(hub, SWEEPS, async () => {
        await sweepRollouts(hub);
        await forgetPromotions(hub.db);
      }),
      sweepPromotions: await worked(hub, SWEEPS, () => sweepPromotions(hub, failed)),
      driftAudit: await worked(hub, 1, () => auditAll({ ...hub, slotMs: 3_600_000 })),
    };
  } finally {
    await hub.stop();
  }
}

async function registerAll(hub: HubParts, clusters: number): Promise<void> {
  const list = canonicalJson(["apps/v1", "apps/v1/Deployment"]);
  const apis = sha256(list);
  await putApiDocument(hub.objects, "apis", apis, new TextEncoder().encode(list));
  const names = Array.from({ length: clusters }, (_, n) => nameOf(n));
  for (let start = 0; start < clusters; start += PARALLEL)
    await Promise.all(
      names.slice(start, start + PARALLEL).map(async (name) => {
        await hub.apply(cluster(name));
        await putBeat(hub.db, "default", name, hub.now());
        const told = { kubernetes: "v1.34.1", apis, seq: 1, at: hub.now() };
        await putServed(hub.db, { project: "default", cluster: name, ...told }, undefined);
      }),
    );
}

function failed(_: unknown, error: unknown): never {
  throw error;
}

/** The first is the one whose agent is asked for. */
const nameOf = (n: number): string => (n === 0 ? "a" : `c${String(n).padStart(6, "0")}`);

/** So many clusters, the one that is asked for among them, have their placements, as after rollouts. */
async function assignAll(hub: HubParts, apps: readonly string[], assigned: number): Promise<void> {
  for (const name of apps) {
    const release = (await getAppRecord(hub.db, "default", name))?.release ?? 0;
    const rollout = await getRollout(hub.db, "default", name, release);
    const all = await getTargets(hub.objects, rollout?.targets ?? "", 0, rollout?.total ?? 0);
    const isAsked = ({ cluster: name }: { cluster: string }): boolean => name === nameOf(0);
    const targets = [...all.filter(isAsked), ...all.filter((one) => !isAsked(one))].slice(0, assigned);
    for (let start = 0; start < targets.length; start += PARALLEL)
      await Promise.all(
        targets
          .slice(start, start + PARALLEL)
          .map((target, n) =>
            assign(hub.db, "default", name, target, hub.now(), { rollout: release, rank: start + n }),
          ),
      );
  }
}

/** At rest nothing is on its way; how a rollout ended does not matter to what is read afterwards. */
async function endAll(hub: HubParts, apps: readonly string[]): Promise<void> {
  for (const name of apps) {
    const release = (await getAppRecord(hub.db, "default", name))?.release ?? 0;
    const told = {
      project: "default",
      app: name,
      release,
      command: "abort",
      stamp: hubStamp("bench"),
    } as const;
    const ended = await commandRollout(hub, told);
    if (ended.kind !== "done") throw new Error(`rollout of ${name}: ${ended.kind}`);
  }
}

async function measureAgent(hub: HubParts) {
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  await putToken(hub.db, "default", nameOf(0), "secret".repeat(8), hub.now() + 1000);
  const half = publicHalf(await exportJWK(publicKey));
  const redeemed = await redeemToken(hub.db, "secret".repeat(8), half, hub.now());
  if (redeemed.kind === "refused") throw new Error(redeemed.message);
  let logLines = 0;
  const log = (): void => void (logLines += 1);
  const agents = buildAgentApp({ db: hub.db, objects: hub.objects, now: hub.now, log });
  const authorization = await signed(privateKey, hub.now, "GET", AGENT_PATHS.desired, undefined);
  const ask = async (headers: Record<string, string>, status: number): Promise<Response> => {
    const answer = await agents.request(AGENT_PATHS.desired, { headers: { ...headers, authorization } });
    if (answer.status !== status) throw new Error(`${answer.status}: ${await answer.text()}`);
    return answer;
  };
  const first = await ask({}, 200);
  const ifNone = { "if-none-match": first.headers.get("etag") ?? "" };
  const fetchBytes = (await first.arrayBuffer()).byteLength;
  // As in an instance that a fleet keeps busy: what runs often is compiled.
  await worked(hub, POLLS, () => ask(ifNone, 304));
  const poll = await worked(hub, POLLS, () => ask(ifNone, 304));
  const content = { [CONTENT_HEADER]: first.headers.get(CONTENT_HEADER) ?? "" };
  const fetch = await worked(hub, POLLS, () => ask(content, 304));
  const both = await worked(hub, 1, () => ask({ ...ifNone, [BEAT_HEADER]: "1" }, 304));
  const heartbeat = { reads: both.reads - poll.reads, writes: both.writes, calls: 1, cpuMs: 0 };
  return { poll, fetch, fetchBytes, heartbeat, logLines };
}

/** Of one time, the mean of `times`. */
async function worked(hub: HubParts, times: number, act: () => Promise<unknown>): Promise<Work> {
  hub.units();
  hub.calls();
  const since = process.cpuUsage();
  for (let n = 0; n < times; n++) await act();
  const { user, system } = process.cpuUsage(since);
  const calls = hub.calls() / times;
  const units = Object.entries(hub.units());
  const of = (isRead: boolean): number =>
    units.filter(([name]) => READS.has(name) === isRead).reduce((sum, [, one]) => sum + one, 0) / times;
  return { reads: of(true), writes: of(false), calls, cpuMs: (user + system) / 1000 / times };
}

const READS = new Set(["get", "batch-get", "query"]);
