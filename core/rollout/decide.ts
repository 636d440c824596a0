/**
 * `decide(rollout, observed, now) → { next, effects }`: plain data in, plain data out. Every released rank counts as
 * unavailable until it was observed to be available, whether or not its assignment has been written; what was not observed
 * changes nothing.
 */
import { assert } from "../assert.ts";
import { account } from "./account.ts";
import { decideBack } from "./back.ts";
import { onFailures, onGate } from "./failure.ts";
import { gateAfter, gateBefore } from "./gates.ts";
import { releaseMore, releaseReturning, releaseWaiting, type Observed } from "./release-more.ts";
import type { ObservedTarget } from "./standing.ts";
import { RANKS_PER_RANGE, rangesOf, roomIn, slotsIn } from "./ranks.ts";
import type { Rollout, RolloutState } from "./state.ts";
import type { WindowVerdict } from "./window.ts";

export interface Observations {
  /** Any ranks, in any order: released ones, the next ones, silent ones. While rolling back, ranks of the way back. */
  targets: readonly ObservedTarget[];
  /** By stage; absent: it may move at any time. */
  windows?: readonly (WindowVerdict | undefined)[];
}

export type Effect =
  /** Those of this range that are out are owed an assignment. */
  | { kind: "assign"; from: number; to: number; fence: number }
  /** The next ranks have to be looked at before any of them is released; `room` of them could be. */
  | { kind: "look"; from: number; to: number; room: number };

export interface Decision {
  next: Rollout;
  effects: Effect[];
}

export function decide(rollout: Rollout, observed: Observations, now: number): Decision {
  const { kind } = rollout.state;
  if (kind === "rolling-back") return decideBack(rollout, observed.targets, now);
  if (kind !== "running" && kind !== "halted" && kind !== "paused" && kind !== "succeeded")
    return { next: rollout, effects: [] };
  const seen: Observed = new Map(observed.targets.map((target) => [target.rank, target]));
  const booked = account(
    rollout,
    observed.targets.filter((one) => isAwaited(rollout, one)),
  );
  const { next, look } = advance(booked, seen, observed.windows ?? [], now);
  assert(next.released >= rollout.released && next.released <= next.total, "ranks stay in order");
  if (next.state.kind === "rolling-back") return { next, effects: [] };
  return { next, effects: [...owed(rollout, next, seen), ...(look === undefined ? [] : [look])] };
}

/** Once it has succeeded, only those that are still to come: what breaks later is no rollout's. */
function isAwaited({ state, out, later }: Rollout, { rank }: ObservedTarget): boolean {
  return state.kind !== "succeeded" || out.includes(rank) || later.includes(rank);
}

interface Advanced {
  next: Rollout;
  look?: Effect;
}

function advance(
  rollout: Rollout,
  seen: Observed,
  windows: readonly (WindowVerdict | undefined)[],
  now: number,
): Advanced {
  const { state } = rollout;
  if (state.kind === "paused") return { next: rollout };
  if (state.kind === "succeeded") return { next: ended(releaseReturning(rollout, seen, windows), state.at) };
  const stopped = onFailures(rollout, now);
  if (stopped !== undefined) return { next: stopped };
  let at: Rollout = { ...rollout, state: state.kind === "halted" ? { kind: "running" } : state };
  for (;;) {
    const stage = at.stages[at.stage];
    if (stage === undefined) return { next: ended(releaseReturning(at, seen, windows), now) };
    const before = gateBefore(at, stage, windows[at.stage], now);
    if (before !== undefined) return { next: running(at, before) };
    const more = releaseMore(releaseWaiting(at, seen, windows), stage, seen);
    if (more.stopped === "unseen") {
      const from = Math.max(more.rollout.released, stage.from);
      // No more than could be released: what is looked at too early is read again at its turn.
      const room = Math.min(roomIn(stage, more.rollout), slotsIn(stage, more.rollout));
      return { next: running(more.rollout), look: { kind: "look", from, to: stage.to, room } };
    }
    const stuck = onFailures(more.rollout, now);
    if (stuck !== undefined) return { next: stuck };
    const after = gateAfter(more.rollout, stage, now);
    if (after.kind === "stopped") return { next: onGate(after.rollout, after.by, now) };
    if (after.kind === "waits") return { next: running(after.rollout, after.step) };
    at = { ...running(after.rollout), stage: at.stage + 1, moved: 0 };
  }
}

function running(rollout: Rollout, step?: Extract<RolloutState, { kind: "running" }>["step"]): Rollout {
  return { ...rollout, state: { kind: "running", ...(step === undefined ? {} : { step }) } };
}

function ended(rollout: Rollout, at: number): Rollout {
  const { later, failed, out, waiting } = rollout;
  const held = rollout.held.length + waiting.length;
  const state: RolloutState = {
    kind: "succeeded",
    at,
    silent: later.length - held + out.length - failed.length,
    ...(held === 0 ? {} : { held }),
    ...(failed.length === 0 ? {} : { failed: failed.length }),
  };
  return { ...rollout, state };
}

/** Newly released ranks, and those of before that no assignment was written for. */
function owed(before: Rollout, next: Rollout, seen: Observed): Effect[] {
  const held = new Set(before.out);
  const ranks = next.out.filter((rank) => {
    const standing = seen.get(rank)?.standing;
    return !held.has(rank) || (standing?.kind === "moving" && !standing.assigned);
  });
  return rangesOf(ranks, RANKS_PER_RANGE).map((range) => ({ kind: "assign", ...range, fence: next.fence }));
}
