/**
 * Which ranks come next, within the budget of their stage. It releases only what it was told of: a rank that nobody looked
 * at is asked for by a `look`.
 */
import { settle } from "./account.ts";
import { inStage, roomIn, slotsIn, withRanks, withoutRanks } from "./ranks.ts";
import type { ObservedTarget } from "./standing.ts";
import type { Rollout, Stage } from "./state.ts";
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
    if (standing.kind === "silent") {
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
  const next = settle({
    ...rollout,
    released: Math.max(rollout.released, rank),
    moved: rollout.moved + out.length,
    out: withRanks(rollout.out, out),
    free: withRanks(rollout.free, free),
    later: withRanks(rollout.later, later),
  });
  return { rollout: next, stopped };
}

/** Clusters that were silent at their turn and are heard again, each within the budget and the windows of its own stage. */
export function releaseReturning(
  rollout: Rollout,
  observed: Observed,
  windows: readonly (WindowVerdict | undefined)[],
): Rollout {
  let next = rollout;
  for (const [index, stage] of rollout.stages.entries()) {
    if (windows[index]?.open === false && rollout.opened !== index) continue;
    const heard: number[] = [];
    const free: number[] = [];
    let room = roomIn(stage, next);
    let slots = slotsIn(stage, next);
    for (const rank of next.later) {
      const standing = inStage(stage, rank) ? observed.get(rank)?.standing : undefined;
      if (standing === undefined || standing.kind === "silent") continue;
      const isFree = standing.kind === "ready" && standing.unavailable;
      if (slots === 0 || (room === 0 && !isFree)) continue;
      slots -= 1;
      heard.push(rank);
      if (isFree) free.push(rank);
      else room -= 1;
    }
    next = {
      ...next,
      out: withRanks(next.out, heard),
      free: withRanks(next.free, free),
      later: withoutRanks(next.later, new Set(heard)),
    };
  }
  return settle(next);
}
