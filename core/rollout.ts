/**
 * The rollout decides here, over plain data: `decide(rollout, observed, now) → { next, effects }`. How far it has
 * gone is one rank in the frozen target order, held in the record together with a fence; an event only says "look".
 * Every released, unsettled rank counts as unavailable, whether or not its assignment has been written yet.
 */
import { z } from "zod";
import type { Placement } from "./placement.ts";
import { assert } from "./assert.ts";
import { sentence } from "./text.ts";

const stageSchema = z.object({
  name: z.string(),
  /** Ranks `from` up to, not including, `to`. */
  from: z.number().int(),
  to: z.number().int(),
  maxUnavailable: z.number().int().positive(),
});

export const rolloutStateSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("running") }),
  /** A cluster failed: nothing more is released until it is healthy or a newer release replaces this one. */
  z.object({ kind: z.literal("halted"), reason: z.string() }),
  z.object({ kind: z.literal("succeeded"), at: z.number(), silent: z.number().int() }),
  z.object({ kind: z.literal("superseded"), at: z.number(), by: z.number().int() }),
]);
export type RolloutState = z.infer<typeof rolloutStateSchema>;

export const rolloutSchema = z.object({
  project: z.string(),
  app: z.string(),
  release: z.number().int().positive(),
  commit: z.string(),
  targets: z.string(),
  total: z.number().int(),
  stages: z.array(stageSchema),
  /** Ranks below this one may be assigned. */
  released: z.number().int(),
  /** Ranks below this one are done with. */
  settled: z.number().int(),
  /** Grows when work that was handed out before must not be done any more. */
  fence: z.number().int(),
  deadlineMs: z.number().int(),
  state: rolloutStateSchema,
  startedAt: z.number(),
  version: z.number().int(),
});
export type Rollout = z.infer<typeof rolloutSchema>;

/** One released, unsettled rank as the engine sees it. */
export interface ObservedTarget {
  rank: number;
  cluster: string;
  standing: Standing;
}
export type Standing =
  | { kind: "available" }
  | { kind: "moving"; assigned: boolean }
  | { kind: "failed"; reason: string }
  | { kind: "silent" };

export type Effect = { kind: "assign"; from: number; to: number; fence: number };

export interface Decision {
  next: Rollout;
  /** Assignments that are owed: newly released ranks, and released ones that no assignment was written for. */
  effects: Effect[];
}

/** `observed` holds every rank from `settled` up to `released`, in order. */
export function decide(rollout: Rollout, observed: readonly ObservedTarget[], now: number): Decision {
  if (isOver(rollout.state)) return { next: rollout, effects: [] };
  assert(
    observed.length === rollout.released - rollout.settled,
    "every released, unsettled rank is observed",
  );
  const settled = settledUpTo(rollout, observed);
  const failed = observed.filter((target) => target.standing.kind === "failed");
  const released = failed.length > 0 ? rollout.released : releaseMore({ ...rollout, settled }, observed);
  const state = stateOf({ ...rollout, settled }, observed, failed, now);
  assert(settled <= released && released <= rollout.total, "ranks stay in order");
  const next = { ...rollout, settled, released, state };
  return { next, effects: owed(rollout, observed, released) };
}

/** Succeeded and superseded rollouts never move again. */
export function isOver(state: RolloutState): boolean {
  return state.kind === "succeeded" || state.kind === "superseded";
}

function settledUpTo(rollout: Rollout, observed: readonly ObservedTarget[]): number {
  let rank = rollout.settled;
  for (const target of observed) {
    if (target.rank !== rank || target.standing.kind !== "available") break;
    rank += 1;
  }
  return rank;
}

/**
 * How far the current stage may go: `maxUnavailable` less the ranks that are released and not available.
 * Stage [0,10), maxUnavailable 3, released 4 of which 1 is available: 3 are out, nothing more is released.
 * The next stage opens when every rank before it is settled.
 */
function releaseMore(rollout: Rollout, observed: readonly ObservedTarget[]): number {
  const stage = rollout.stages.find(({ to }) => to > rollout.settled);
  if (stage === undefined) return rollout.released;
  const out = observed.filter(
    ({ standing }) => standing.kind !== "available" && standing.kind !== "silent",
  ).length;
  const room = Math.max(0, stage.maxUnavailable - out);
  return Math.min(stage.to, Math.max(rollout.released, stage.from) + room);
}

function stateOf(
  rollout: Rollout,
  observed: readonly ObservedTarget[],
  failed: readonly ObservedTarget[],
  now: number,
): RolloutState {
  const [first] = failed;
  if (first !== undefined) return { kind: "halted", reason: haltReason(first, failed.length) };
  const silent = observed.filter(({ standing }) => standing.kind === "silent").length;
  const done = observed.every(({ standing }) => standing.kind === "available" || standing.kind === "silent");
  // Silent clusters hold their assignment and catch up when they are heard; they do not hold the others back.
  if (done && rollout.released === rollout.total) return { kind: "succeeded", at: now, silent };
  return { kind: "running" };
}

function haltReason(first: ObservedTarget, count: number): string {
  const reason = first.standing.kind === "failed" ? first.standing.reason : "";
  const others = count > 1 ? ` (and ${count - 1} more)` : "";
  return sentence(`${first.cluster}${others}: ${reason}`);
}

function owed(rollout: Rollout, observed: readonly ObservedTarget[], released: number): Effect[] {
  const effects: Effect[] = [];
  const lost = observed.filter(({ standing }) => standing.kind === "moving" && !standing.assigned);
  const [first, last] = [lost.at(0), lost.at(-1)];
  const fence = rollout.fence;
  if (first !== undefined && last !== undefined)
    effects.push({ kind: "assign", from: first.rank, to: last.rank + 1, fence });
  if (released > rollout.released)
    effects.push({ kind: "assign", from: rollout.released, to: released, fence });
  return effects;
}

/** What a cluster's placement says about one target; a report for another generation says nothing. */
export function standingOf(
  target: { epoch: number; generation: number },
  placement: Placement | undefined,
  heard: { silent: boolean },
  deadlineMs: number,
  now: number,
): Standing {
  const { assigned, observed } = placement ?? {};
  const isAssigned = assigned !== undefined && sameGeneration(assigned, target);
  if (observed !== undefined && sameGeneration(observed, target)) {
    if (observed.phase === "healthy" || observed.phase === "removed") return { kind: "available" };
    if (observed.phase === "failed" || observed.phase === "refused")
      return { kind: "failed", reason: observed.message };
  }
  if (heard.silent) return isAssigned ? { kind: "silent" } : { kind: "moving", assigned: false };
  if (isAssigned && now - assigned.at > deadlineMs) {
    const last = observed === undefined ? "nothing was heard of it" : observed.message;
    return { kind: "failed", reason: `not healthy within ${Math.round(deadlineMs / 1000)} s: ${last}` };
  }
  return { kind: "moving", assigned: isAssigned };
}

function sameGeneration(
  a: { epoch: number; generation: number },
  b: { epoch: number; generation: number },
): boolean {
  return a.epoch === b.epoch && a.generation === b.generation;
}

/** A count, or a percentage of `total` rounded down; never below 1. `"25%"` of 7 is 1, of 8 is 2. */
export function countOf(countOrPercent: number | string, total: number): number {
  if (typeof countOrPercent === "number") return countOrPercent;
  return Math.max(1, Math.floor((Number.parseInt(countOrPercent, 10) * total) / 100));
}
