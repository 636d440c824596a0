/**
 * The way back. Its list is made by the release function, which alone may sign; until then nothing moves. Those that fail
 * go at once, the others under `maxUnavailable`. A silent cluster is given its return all the same: it must not wake up
 * with what was taken back.
 */
import type { Decision, Effect } from "./decide.ts";
import { RANKS_PER_RANGE, rangesOf, withRanks, withoutRanks } from "./ranks.ts";
import type { ObservedTarget, Standing } from "./standing.ts";
import type { Back, Rollout } from "./state.ts";

export function decideBack(rollout: Rollout, observed: readonly ObservedTarget[], now: number): Decision {
  const { back, state } = rollout;
  if (state.kind !== "rolling-back") return { next: rollout, effects: [] };
  if (back === undefined) return { next: askedAgain(rollout, state, now), effects: [] };
  const seen = new Map(observed.map(({ rank, standing }) => [rank, standing]));
  const next = releaseBack(accountBack(back, seen));
  const failed = new Set(next.failed);
  const over = next.released === next.total && next.out.every((rank) => failed.has(rank));
  const ended = { kind: "rolled-back", at: now, reason: state.reason } as const;
  const moved: Rollout = { ...rollout, back: next, ...(over ? { state: ended, pinned: true } : {}) };
  return { next: moved, effects: owedBack(back, next, seen, rollout.fence) };
}

const ASK_EVERY_MS = 60_000;

/** The event may have been lost: the record is changed, so that its stream tells it once more. */
function askedAgain(
  rollout: Rollout,
  state: Extract<Rollout["state"], { kind: "rolling-back" }>,
  now: number,
): Rollout {
  const { asked = state.since } = state;
  return now - asked < ASK_EVERY_MS ? rollout : { ...rollout, state: { ...state, asked: now } };
}

function accountBack(back: Back, seen: ReadonlyMap<number, Standing>): Back {
  const done = new Set<number>();
  const failed: number[] = [];
  for (const [rank, standing] of seen) {
    if (rank >= back.released) continue;
    if (standing.kind === "available") done.add(rank);
    // Only once it was given its return: until then it is owed.
    if (standing.kind === "silent") failed.push(rank);
    if (standing.kind === "failed") failed.push(rank);
  }
  return {
    ...back,
    out: withoutRanks(back.out, done),
    failed: withRanks(withoutRanks(back.failed, done), failed),
  };
}

function releaseBack(back: Back): Back {
  const ours = back.out.filter((rank) => rank >= back.failing && !back.failed.includes(rank)).length;
  const room = Math.max(0, back.maxUnavailable - ours);
  const to = Math.min(back.total, Math.max(back.released, back.failing) + room);
  const fresh = Array.from({ length: to - back.released }, (_, index) => back.released + index);
  return { ...back, released: to, out: withRanks(back.out, fresh) };
}

function owedBack(before: Back, next: Back, seen: ReadonlyMap<number, Standing>, fence: number): Effect[] {
  const held = new Set(before.out);
  const ranks = next.out.filter((rank) => {
    const standing = seen.get(rank);
    return !held.has(rank) || (standing?.kind === "moving" && !standing.assigned);
  });
  return rangesOf(ranks, RANKS_PER_RANGE).map((range) => ({ kind: "assign", ...range, fence }));
}
