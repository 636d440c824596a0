/** Books what was observed: who is available again, who failed, who is silent. Never releases anything. */
import type { ObservedTarget, Standing } from "./standing.ts";
import { inStage, withRanks, withoutRanks } from "./ranks.ts";
import type { Rollout } from "./state.ts";
import { keepWaits } from "./waits.ts";

const FAILURES_TOLD_MAX = 5;

/** Only of ranks that had their turn; a rank that is not among `observed` stays as it was. */
export function account(rollout: Rollout, observed: readonly ObservedTarget[]): Rollout {
  const later = new Set(rollout.later);
  const seen = observed.filter(
    ({ rank, standing }) => rank < rollout.released && isTold(standing, later.has(rank)),
  );
  const stage = rollout.stages[rollout.stage];
  const held = new Set(rollout.out);
  const gone = new Set<number>();
  const back: number[] = [];
  const failed: number[] = [];
  const healed = new Set<number>();
  const silent: number[] = [];
  const failures = rollout.failures.filter(({ rank }) => !seen.some((one) => one.rank === rank));
  for (const { rank, cluster, standing } of seen) {
    if (standing.kind === "failed") {
      failed.push(rank);
      failures.push({ rank, cluster, reason: standing.reason });
    } else healed.add(rank);
    if (standing.kind === "available") gone.add(rank);
    if (standing.kind === "silent" && held.has(rank)) silent.push(rank);
    // What was available in a stage that still moves or soaks is unavailable again.
    const inForce = stage !== undefined && inStage(stage, rank);
    if (standing.kind === "moving" && (inForce || later.has(rank))) back.push(rank);
  }
  const heard = new Set(seen.map(({ rank }) => rank));
  for (const rank of silent) gone.add(rank);
  const out = withoutRanks(withRanks(rollout.out, [...back, ...failed]), gone);
  return settle({
    ...rollout,
    out,
    free: withoutRanks(rollout.free, gone),
    failed: withRanks(withoutRanks(rollout.failed, healed), failed),
    failures: failures.toSorted((a, b) => a.rank - b.rank).slice(0, FAILURES_TOLD_MAX),
    later: withRanks(withoutRanks(rollout.later, heard), silent),
  });
}

/** A silent cluster that had its assignment before it fell silent moves as soon as it is back, asked or not. */
function isTold(standing: Standing, isLater: boolean): boolean {
  if (standing.kind === "ready" || standing.kind === "held" || standing.kind === "waiting") return false;
  if (!isLater) return true;
  return standing.kind !== "silent" && !(standing.kind === "moving" && !standing.assigned);
}

/** `settled` is told to people and bounds what a look has to read. */
export function settle(rollout: Rollout): Rollout {
  return keepWaits({ ...rollout, settled: rollout.out[0] ?? rollout.released });
}
