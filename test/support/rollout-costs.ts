/**
 * What a whole rollout costs, in the units that the engine counts: release, ticks, assignments and reports, by the
 * product's own functions. Reports come in an order of their own, and a tick follows each full batch of them, as the
 * table's stream hands them on.
 */
import { sha256 } from "#core/digest.ts";
import type { PlacementReport } from "#core/protocol.ts";
import type { Target } from "#core/release.ts";
import { DIRECT_RANKS_MAX, isOver } from "#core/rollout.ts";
import { getTargets } from "../../functions/release/content.ts";
import { look } from "../../functions/release/look.ts";
import { sweepApps } from "../../functions/release/look-apps.ts";
import { assignRange } from "../../functions/rollout/assign.ts";
import type { Reported } from "../../functions/rollout/observe.ts";
import { tick } from "../../functions/rollout/tick.ts";
import { putBeat } from "../../functions/store/cluster.ts";
import { putReport } from "../../functions/store/placement.ts";
import { getRollout } from "../../functions/store/rollout.ts";
import { app, cluster, configMaps, hubParts, source, type HubParts } from "./hub-parts.ts";

/** Records in one call of a function that follows the stream: Lambda's default. */
const STREAM_BATCH = 100;
/** DynamoDB Local refuses writes that wait too long for its one lock. */
const PARALLEL = 8;

/** Units per placement. */
export interface RolloutCost {
  clusters: number;
  maxUnavailable: string;
  release: number;
  assign: number;
  reports: number;
  ticks: number;
  /** How often the engine looked. */
  looks: number;
}

export const totalOf = ({ release, assign, reports, ticks }: RolloutCost): number =>
  release + assign + reports + ticks;

/** One fleet, one rollout over all of it for each `maxUnavailable`. */
export async function rolloutCosts(clusters: number, limits: readonly string[]): Promise<RolloutCost[]> {
  const hub = await hubParts();
  try {
    await hub.apply(source);
    const names = Array.from({ length: clusters }, (_, n) => `c${String(n).padStart(6, "0")}`);
    await inParts(names, async (name) => {
      await hub.apply(cluster(name));
      await putBeat(hub.db, "default", name, hub.now());
    });
    // A first install is cheaper: placements that are not there have no old image to write over.
    await oneRollout(hub, clusters, "100%");
    const costs: RolloutCost[] = [];
    for (const maxUnavailable of limits) costs.push(await oneRollout(hub, clusters, maxUnavailable));
    return costs;
  } finally {
    await hub.stop();
  }
}

/** Reads of one sweep over a project at rest: of its first App with all that is shared, and of each further one. */
export async function sweepCosts(): Promise<{ first: number; further: number }> {
  const hub = await hubParts();
  try {
    await hub.apply(source, app(), cluster("a"));
    await hub.commit("c1", configMaps("one"));
    const sweep = async (): Promise<number> => {
      await sweepApps(hub);
      hub.units();
      await sweepApps(hub);
      return sumOf(hub.units());
    };
    const first = await sweep();
    await hub.apply({ ...app(), metadata: { name: "other" } });
    return { first, further: (await sweep()) - first };
  } finally {
    await hub.stop();
  }
}

async function oneRollout(hub: HubParts, clusters: number, maxUnavailable: string): Promise<RolloutCost> {
  const limit = maxUnavailable.endsWith("%") ? maxUnavailable : Number(maxUnavailable);
  await hub.apply(app({ rollout: { maxUnavailable: limit } }));
  await hub.commit(`at ${maxUnavailable}`, configMaps(`at-${maxUnavailable.replace("%", "-percent")}`));
  hub.units();
  const looked = await look(hub, "default", "shop");
  if (looked.kind !== "released") throw new Error(`not released: ${JSON.stringify(looked)}`);
  const spent = { release: sumOf(hub.units()), assign: 0, reports: 0, ticks: 0 };
  let looks = 0;
  const counted = async <T>(what: keyof typeof spent, act: () => Promise<T>): Promise<T> => {
    const answer = await act();
    spent[what] += sumOf(hub.units());
    return answer;
  };
  const { release } = looked;
  let assigned = 0;
  const waiting: { target: Target; rank: number; phase: "received" | "healthy" }[] = [];
  let reported: Reported[] | undefined;
  for (;;) {
    // A batch that only tells of what is under way wakes no rollout.
    const isWoken = reported === undefined || reported.length > 0;
    if (isWoken) looks += 1;
    const options = reported === undefined ? {} : { reported };
    const rollout = isWoken
      ? await counted("ticks", () => tick(hub, "default", "shop", release, options))
      : await getRollout(hub.db, "default", "shop", release);
    hub.units();
    if (rollout === undefined || isOver(rollout.state)) break;
    const range = {
      project: "default",
      app: "shop",
      release,
      fence: rollout.fence,
      from: assigned,
      to: rollout.released,
    };
    // Few ranks were assigned by the tick that released them.
    if (range.to - range.from > DIRECT_RANKS_MAX) await counted("assign", () => assignRange(hub, range));
    const fresh = await getTargets(hub.objects, rollout.targets, assigned, rollout.released);
    const first = assigned;
    assigned = rollout.released;
    const ranked = fresh.map((target, index) => ({
      target,
      rank: first + index,
      phase: "received" as const,
    }));
    waiting.push(...inOwnOrder(ranked));
    const batch = waiting.splice(0, STREAM_BATCH);
    if (batch.length === 0) throw new Error("the rollout waits for nobody");
    await counted("reports", () => inParts(batch, ({ target, phase }) => report(hub, target, phase)));
    // Whoever has received it is healthy some batches later.
    waiting.push(
      ...batch
        .filter(({ phase }) => phase === "received")
        .map(({ target, rank }) => ({ target, rank, phase: "healthy" as const })),
    );
    reported = batch
      .filter(({ phase }) => phase === "healthy")
      .map(({ target, rank }) => ({ rank, cluster: target.cluster }));
  }
  const each = (units: number): number => units / clusters;
  return {
    clusters,
    maxUnavailable,
    release: each(spent.release),
    assign: each(spent.assign),
    reports: each(spent.reports),
    ticks: each(spent.ticks),
    looks,
  };
}

async function report(hub: HubParts, target: Target, phase: PlacementReport["phase"]): Promise<void> {
  const { cluster: name, epoch, generation, release } = target;
  const seq = generation * 10 + (phase === "received" ? 1 : 2);
  const told: PlacementReport = {
    app: "shop",
    seq,
    epoch,
    generation,
    release,
    phase,
    message: "all 40 objects are current",
    objects: 40,
    outcomes: { unchanged: 40 },
    failures: [],
    drift: [],
    driftTotal: 0,
  };
  const put = await putReport(hub.db, "default", name, told, hub.now());
  if (put.kind !== "written") throw new Error(`report of ${name}: ${put.kind}`);
}

function inOwnOrder<T extends { target: Target }>(ranked: readonly T[]): T[] {
  return ranked.toSorted((a, b) => (sha256(a.target.cluster) < sha256(b.target.cluster) ? -1 : 1));
}

async function inParts<T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < all.length; start += PARALLEL)
    await Promise.all(all.slice(start, start + PARALLEL).map(act));
}

export function sumOf(units: Record<string, number>): number {
  return Object.values(units).reduce((total, one) => total + one, 0);
}
