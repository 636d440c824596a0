/**
 * Which ranks come next, within the budget of their stage. It releases only what it was told of: a rank that nobody looked
 * at is asked for by a `look`.
 */
import { settle } from "./account.ts";
import { inStage, roomIn, slotsIn, withRanks, withoutRanks } from "./ranks.ts";
import type { ObservedTarget, Standing } from "./standing.ts";
import type { Rollout, Stage } from "./state.ts";
import { noteWaits } from "./waits.ts";
import type { WindowVerdict } from "./window.ts";

export type Observed = ReadonlyMap<number, ObservedTarget>;

/** `stopped`: why no further rank of the stage was released. */
export interface Released {
  rollout: Rollout;
  stopped: "stage-end" | "budget" | "unseen";
}

export function releaseMore(rollout: Rollout, stage: Stage, observed: Observed): Released {
  const out: number[] = [];
  const free: number[] = [];
  const later: number[] = [];
  let room = roomIn(stage, rollout);
  let slots = slotsIn(stage, rollout);
  let rank = Math.max(rollout.released, stage.from);
  let stopped: Released["stopped"] = "stage-end";
  for (; rank < stage.to; rank += 1) {
    const standing = observed.get(rank)?.standing;
    if (standing === undefined) {
      stopped = "unseen";
      break;
    }
    if (standing.kind === "available") continue;
    if (isPassedBy(standing)) {
      later.push(rank);
      continue;
    }
    const isFree = standing.kind === "ready" && standing.unavailable;
    if (slots === 0 || (room === 0 && !isFree)) {
      stopped = "budget";
      break;
    }
    slots -= 1;
    out.push(rank);
    if (isFree) free.push(rank);
    else room -= 1;
  }
  if (stopped === "unseen" && (slots === 0 || room === 0)) stopped = "budget";
  const next = {
    ...rollout,
    released: Math.max(rollout.released, rank),
    moved: rollout.moved + out.length,
    out: withRanks(rollout.out, out),
    free: withRanks(rollout.free, free),
    later: withRanks(rollout.later, later),
  };
  return { rollout: settle(noteWaits(next, observed)), stopped };
}

/** Clusters that were passed by at their turn and may move now, each within the budget and the windows of its own stage. */
export function releaseReturning(
  rollout: Rollout,
  observed: Observed,
  windows: readonly (WindowVerdict | undefined)[],
): Rollout {
  let next = rollout;
  for (const [index, stage] of rollout.stages.entries())
    if (isOpen(rollout, index, windows)) next = releaseLater(next, stage, observed, next.later);
  return settle(noteWaits(next, observed));
}

/** Those that the stage in force does not end before. */
export function releaseWaiting(
  rollout: Rollout,
  observed: Observed,
  windows: readonly (WindowVerdict | undefined)[],
): Rollout {
  const stage = rollout.stages[rollout.stage];
  if (stage === undefined || rollout.waiting.length === 0) return rollout;
  if (rollout.promoted === undefined && !isOpen(rollout, rollout.stage, windows)) return rollout;
  const next = releaseLater(rollout, stage, observed, rollout.waiting);
  const moved = rollout.moved + rollout.later.length - next.later.length;
  return settle(noteWaits({ ...next, moved }, observed));
}

function isOpen(
  { opened }: Rollout,
  stage: number,
  windows: readonly (WindowVerdict | undefined)[],
): boolean {
  return windows[stage]?.open !== false || opened === stage;
}

function releaseLater(rollout: Rollout, stage: Stage, observed: Observed, later: readonly number[]): Rollout {
  const heard: number[] = [];
  const free: number[] = [];
  let room = roomIn(stage, rollout);
  let slots = slotsIn(stage, rollout);
  for (const rank of later) {
    const standing = inStage(stage, rank) ? observed.get(rank)?.standing : undefined;
    if (standing === undefined || isPassedBy(standing)) continue;
    const isFree = standing.kind === "ready" && standing.unavailable;
    if (slots === 0 || (room === 0 && !isFree)) continue;
    slots -= 1;
    heard.push(rank);
    if (isFree) free.push(rank);
    else room -= 1;
  }
  return {
    ...rollout,
    out: withRanks(rollout.out, heard),
    free: withRanks(rollout.free, free),
    later: withoutRanks(rollout.later, new Set(heard)),
  };
}

function isPassedBy({ kind }: Standing): boolean {
  return kind === "silent" || kind === "held" || kind === "waiting";
}
