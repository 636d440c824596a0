/**
 * Clusters that were passed by at their turn although they are heard: who says "not now" is left behind like a silent one;
 * who waits for another App keeps its stage from ending. The record holds who they are, and the first few in words.
 */
import { withoutRanks, withRanks } from "./ranks.ts";
import type { ObservedTarget } from "./standing.ts";
import type { Rollout } from "./state.ts";

const WAITS_TOLD_MAX = 5;

/** Of ranks that are `later`; one that is not among `observed` stays as it was. */
export function noteWaits(rollout: Rollout, observed: ReadonlyMap<number, ObservedTarget>): Rollout {
  const held: number[] = [];
  const waiting: number[] = [];
  const waits: Rollout["waits"] = [];
  const seen = new Set<number>();
  for (const rank of rollout.later) {
    const { cluster, standing } = observed.get(rank) ?? {};
    // One that may move, and finds no room yet, is what it was.
    if (cluster === undefined || standing === undefined || standing.kind === "ready") continue;
    seen.add(rank);
    if (standing.kind !== "held" && standing.kind !== "waiting") continue;
    (standing.kind === "held" ? held : waiting).push(rank);
    waits.push({ rank, cluster, why: standing.why });
  }
  const kept = rollout.waits.filter(({ rank }) => !seen.has(rank));
  return keepWaits({
    ...rollout,
    held: withRanks(withoutRanks(rollout.held, seen), held),
    waiting: withRanks(withoutRanks(rollout.waiting, seen), waiting),
    waits: [...kept, ...waits].toSorted((a, b) => a.rank - b.rank),
  });
}

/** Who has moved waits no more. */
export function keepWaits(rollout: Rollout): Rollout {
  const { held, waiting, waits } = rollout;
  if (held.length + waiting.length + waits.length === 0) return rollout;
  const later = new Set(rollout.later);
  return {
    ...rollout,
    held: held.filter((rank) => later.has(rank)),
    waiting: waiting.filter((rank) => later.has(rank)),
    waits: waits.filter(({ rank }) => later.has(rank)).slice(0, WAITS_TOLD_MAX),
  };
}
