/**
 * What a tick reads. After reports only those who reported, so that its cost does not grow with the fleet; the sweep
 * besides reads who is out or was silent, a bounded part at a time.
 */
import {
  standingOf,
  turnOf,
  type Heard,
  type ObservedTarget,
  type Rollout,
  type Standing,
} from "#core/rollout.ts";
import type { Target } from "#core/release.ts";
import type { Placement } from "#core/placement.ts";
import type { ObjectStore } from "../objects/port.ts";
import { getTargets } from "../release/content.ts";
import { existingClusters, getBeats, isSilent } from "../store/cluster.ts";
import type { Db } from "../store/db.ts";
import { getPlacements } from "../store/placement.ts";
import { targetIndex } from "../release/target-index.ts";
import { noteDependant, notNow } from "./not-now.ts";

export interface ObserveDeps {
  db: Db;
  objects: Pick<ObjectStore, "get">;
  now: () => number;
}

/** A cluster that reported, by the rank that its placement names. */
export interface Reported {
  rank: number;
  cluster: string;
}

const LOOKED_AT_MAX = 1_000;
const SWEEP_MS = 60_000;

const listOf = ({ state, back, targets }: Rollout): string =>
  state.kind === "rolling-back" && back !== undefined ? back.targets : targets;

/** Read anew: what a record of the stream says may be older than what is known. */
export async function observeReported(
  { db, now }: ObserveDeps,
  rollout: Rollout,
  reported: readonly Reported[],
): Promise<ObservedTarget[]> {
  const { project, app } = rollout;
  const placements = await getPlacements(
    db,
    project,
    app,
    reported.map(({ cluster }) => cluster),
  );
  return reported.flatMap(({ rank, cluster }) => {
    const placement = placements.get(cluster);
    if (placement?.assigned === undefined || !isMove(rollout, placement, rank)) return [];
    const standing = standingOf(placement.assigned, placement, { silent: false }, rollout, now());
    return [{ rank, cluster, standing }];
  });
}

/** Whether what stands there was given by this rollout, on the way that it is on. */
function isMove({ release, state }: Rollout, { assigned }: Placement, rank: number): boolean {
  const isBack = state.kind === "rolling-back";
  return assigned?.rollout === release && assigned.rank === rank && (assigned.back === true) === isBack;
}

/** Who is out, and who was silent: all of them, or where they are many, another part at each minute. */
export async function observeOpen(deps: ObserveDeps, rollout: Rollout): Promise<ObservedTarget[]> {
  const { state, back } = rollout;
  const isBack = state.kind === "rolling-back";
  if (isBack && back === undefined) return [];
  const minute = Math.floor(deps.now() / SWEEP_MS);
  const out = part(isBack ? (back?.out ?? []) : rollout.out, minute);
  const later = isBack ? [] : part(rollout.later, minute);
  const ranks = [...out, ...later].sort((a, b) => a - b);
  if (isBack)
    return observeRanks(deps, rollout, ranks, (target, placement, heard) =>
      returnStanding(target, placement, heard, rollout, deps.now()),
    );
  return observeRanks(deps, rollout, ranks, laterStanding(deps, rollout), new Set(later));
}

/** Who of these waits for its turn to come again: told of by name, because what it waits for is another App. */
export async function observeLater(
  deps: ObserveDeps,
  rollout: Rollout,
  clusters: readonly string[],
): Promise<ObservedTarget[]> {
  const later = new Set(rollout.later);
  if (later.size === 0) return [];
  const index = await targetIndex(deps.objects, rollout);
  const ranks = clusters
    .flatMap((cluster) => index.get(cluster)?.rank ?? [])
    .filter((rank) => later.has(rank))
    .sort((a, b) => a - b);
  return observeRanks(deps, rollout, ranks, laterStanding(deps, rollout), later);
}

function laterStanding({ now }: ObserveDeps, rollout: Rollout): Judge {
  const later = new Set(rollout.later);
  return (target, placement, heard) => {
    const standing = standingOf(target, placement, heard, rollout, now());
    const isOwed = standing.kind === "moving" && !standing.assigned;
    return isOwed && later.has(target.rank)
      ? turnOf({ ...target, carried: false }, placement, heard)
      : standing;
  };
}

/** A silent cluster is given its return all the same. */
function returnStanding(
  target: Ranked,
  placement: Placement | undefined,
  heard: { silent: boolean },
  rollout: Rollout,
  now: number,
): Standing {
  const standing = standingOf(target, placement, { silent: false }, rollout, now);
  return heard.silent && standing.kind === "moving" && standing.assigned ? { kind: "silent" } : standing;
}

/** Whose turn it is. */
export async function observeNext(
  deps: ObserveDeps,
  rollout: Rollout,
  from: number,
  to: number,
): Promise<ObservedTarget[]> {
  const ranks = Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
  return observeRanks(deps, rollout, ranks, turnOf, new Set(ranks));
}

type Ranked = Target & { rank: number };
type Judge = (target: Ranked, placement: Placement | undefined, heard: Heard) => Standing;

/** Of `turns` it is asked besides whether they may move at all. */
async function observeRanks(
  deps: ObserveDeps,
  rollout: Rollout,
  ranks: readonly number[],
  judge: Judge,
  turns: ReadonlySet<number> = new Set(),
): Promise<ObservedTarget[]> {
  const [first, last] = [ranks.at(0), ranks.at(-1)];
  if (first === undefined || last === undefined) return [];
  const { project, app } = rollout;
  const list = await getTargets(deps.objects, listOf(rollout), first, last + 1);
  const targets = ranks.flatMap((rank): Ranked[] => {
    const target = list[rank - first];
    return target === undefined ? [] : [{ ...target, rank }];
  });
  const clusters = targets.map(({ cluster }) => cluster);
  const [placements, beats] = await Promise.all([
    getPlacements(deps.db, project, app, clusters),
    getBeats(deps.db, project, clusters),
  ]);
  const unheard = targets.filter(({ cluster }) => isSilent(beats.get(cluster), deps.now()));
  const gone = await goneOf(deps, rollout, unheard, placements);
  const asked = targets.filter(({ rank }) => turns.has(rank));
  const holds = await notNow(deps, rollout, asked, beats, (base) => noteDependant(deps.db, base, app));
  return targets.map((target) => {
    const { rank, cluster } = target;
    const isGone = gone.has(cluster);
    if (isGone)
      return { rank, cluster, standing: { kind: isPassed(rollout, rank) ? "available" : "silent" } };
    const heard = { silent: isSilent(beats.get(cluster), deps.now()), notNow: holds.get(cluster) };
    return { rank, cluster, standing: judge(target, placements.get(cluster), heard) };
  });
}

/**
 * Deleted meanwhile: nobody will ever be heard there, and there is nothing to wait for or to write. Its last heartbeat may
 * be there still, where the deletion was cut off or a late request brought it back. Until its stage is passed it counts as
 * silent all the same: where nobody has seen the release, soak and approvals stay.
 */
async function goneOf(
  { db }: ObserveDeps,
  rollout: Rollout,
  unheard: readonly Ranked[],
  placements: ReadonlyMap<string, Placement>,
): Promise<Set<string>> {
  const out = new Set(rollout.out);
  const asked = unheard.filter((target) => {
    const standing = standingOf(target, placements.get(target.cluster), { silent: true }, rollout, 0);
    const isOwed = standing.kind === "moving" && !standing.assigned;
    return isPassed(rollout, target.rank) || (isOwed && out.has(target.rank));
  });
  const clusters = asked.map(({ cluster }) => cluster);
  const existing = await existingClusters(db, rollout.project, clusters);
  return new Set(clusters.filter((cluster) => !existing.has(cluster)));
}

function part(ranks: readonly number[], minute: number): readonly number[] {
  if (ranks.length <= LOOKED_AT_MAX) return ranks;
  const parts = Math.ceil(ranks.length / LOOKED_AT_MAX);
  const start = (minute % parts) * LOOKED_AT_MAX;
  return ranks.slice(start, start + LOOKED_AT_MAX);
}

/** A rollout that stands still may go on: the stage in force is not passed. */
function isPassed({ state, stages, stage }: Rollout, rank: number): boolean {
  const isForward = ["running", "paused", "halted"].includes(state.kind);
  return !isForward || rank < (stages[stage]?.from ?? Number.POSITIVE_INFINITY);
}
