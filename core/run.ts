/**
 * One agent key in two places. Each agent process names itself by a random run; a restart is one run after another, two
 * live agents are runs that take turns. Plain over plain; the heartbeat's row is all the memory there is.
 */
import { DUPLICATE_AFTER_MS } from "./limits.ts";

/** As the heartbeat's row has it. */
export interface Runs {
  run?: string | undefined;
  /** When `run` was first heard (ms). */
  since?: number | undefined;
  /** The run that `run` replaced. */
  before?: string | undefined;
}

/**
 * `late`: the replaced run again, so soon that it may be a request that was still under way. `twice`: the replaced run
 * again when every request of its time is dead: it lives.
 */
export type RunVerdict = "same" | "replaced" | "late" | "twice";

export function judgeRun(held: Runs, run: string, now: number): RunVerdict {
  if (held.run === undefined || held.run === run) return "same";
  if (held.before !== run) return "replaced";
  return now - (held.since ?? 0) > DUPLICATE_AFTER_MS ? "twice" : "late";
}
