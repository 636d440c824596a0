/** What a cluster's placement says about one rank. A report on another generation, or another rollout's move, says nothing. */
import type { Placement } from "../placement.ts";
import type { Target } from "../release.ts";
import type { Rollout } from "./state.ts";

export type Standing =
  | { kind: "available" }
  /** `assigned: false`: released, and no assignment was written yet. */
  | { kind: "moving"; assigned: boolean }
  | { kind: "failed"; reason: string }
  /** Not heard, and it never told that it has received what it was given. */
  | { kind: "silent" }
  /** Heard, at its turn, and not to be moved now. */
  | NotNow
  /** Heard, at its turn; `unavailable`: it is not healthy on what it has. */
  | { kind: "ready"; unavailable: boolean };

/** `held`: passed by, its stage goes on without it; `waiting`: its stage does not end before it. */
export interface NotNow {
  kind: "held" | "waiting";
  why: string;
}

export interface Heard {
  silent: boolean;
  notNow?: NotNow | undefined;
}

export interface ObservedTarget {
  rank: number;
  cluster: string;
  standing: Standing;
}

type Generation = { epoch: number; generation: number };
type Clock = Pick<Rollout, "deadlineMs" | "retriedAt">;

/**
 * Of a rank that was released. One that is owed its assignment stays so although it is silent by now: whoever has it in
 * hand may write it at any moment, and a rank that was passed by meanwhile would move besides another.
 */
export function standingOf(
  target: Generation,
  placement: Placement | undefined,
  heard: { silent: boolean },
  { deadlineMs, retriedAt = 0 }: Clock,
  now: number,
): Standing {
  const { assigned, observed } = placement ?? {};
  if (assigned === undefined || isOlder(assigned, target)) return { kind: "moving", assigned: false };
  const told = observed !== undefined && sameGeneration(observed, target) ? observed : undefined;
  if (told?.phase === "healthy" || told?.phase === "removed") return { kind: "available" };
  if ((told?.phase === "failed" || told?.phase === "refused") && told.at >= retriedAt)
    return { kind: "failed", reason: told.message };
  if (told === undefined && heard.silent) return { kind: "silent" };
  if (now - Math.max(assigned.at, retriedAt) > deadlineMs) {
    const last = observed === undefined ? "nothing was heard of it" : observed.message;
    return { kind: "failed", reason: `not healthy within ${Math.round(deadlineMs / 1000)} s: ${last}` };
  }
  return { kind: "moving", assigned: true };
}

/** Of a rank whose turn it is. One that has this generation already, because nothing changes for it, counts as current. */
export function turnOf(
  target: Pick<Target, "epoch" | "generation" | "carried">,
  placement: Placement | undefined,
  heard: Heard,
): Standing {
  const { assigned, observed } = placement ?? {};
  if (assigned !== undefined && target.carried && !isOlder(assigned, target)) return { kind: "available" };
  if (heard.silent) return { kind: "silent" };
  if (heard.notNow !== undefined) return heard.notNow;
  if (assigned === undefined) return { kind: "ready", unavailable: false };
  const healthy =
    observed !== undefined && sameGeneration(observed, assigned) && observed.phase === "healthy";
  return { kind: "ready", unavailable: !healthy };
}

export function sameGeneration(a: Generation, b: Generation): boolean {
  return a.epoch === b.epoch && a.generation === b.generation;
}

function isOlder(a: Generation, b: Generation): boolean {
  return a.epoch < b.epoch || (a.epoch === b.epoch && a.generation < b.generation);
}
