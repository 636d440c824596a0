/** What a step of a rollout has newly released, and who writes it to the clusters: a few ranks who decided it, many the bus. */
import type { Rollout } from "./state.ts";

/** So few are assigned by the step itself: no event, and no second reading of the rollout. What a crash leaves is swept. */
export const DIRECT_RANKS_MAX = 10;

/** Ranks that are out and were not: of the way that the rollout is on. */
export function freshOut(was: Rollout | undefined, after: Rollout): number[] {
  const isBack = after.state.kind === "rolling-back";
  const held = new Set(isBack ? was?.back?.out : was?.out);
  return (isBack ? (after.back?.out ?? []) : after.out).filter((rank) => !held.has(rank));
}
