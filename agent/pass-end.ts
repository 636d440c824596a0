/** How a pass over an App ended, and what its objects' ends add up to. */
import type { Health } from "#core/health.ts";
import { countOutcomes, type Outcome, type OutcomeCounts } from "#core/outcome.ts";
import type { Drift, Failure } from "#core/protocol.ts";
import type { Seen } from "./apply.ts";
import type { Told } from "./placement.ts";

export type PassEnd =
  | { kind: "done"; outcomes: OutcomeCounts; drift: Drift[]; verdicts: Map<string, Health>; seen: Seen[] }
  /** A hook runs, or hooks wait for health, or another App is waited for: the next pass goes on there. */
  | { kind: "waiting"; told?: Told; outcomes: OutcomeCounts }
  /** `passing`: nothing is wrong but the server, worth another try soon. */
  | {
      kind: "failed";
      outcomes: OutcomeCounts;
      drift: Drift[];
      failures: Failure[];
      passing: boolean;
      retryAfterMs: number;
    }
  | { kind: "over-limit"; message: string; outcomes: OutcomeCounts };

export type DoneEnd = Extract<PassEnd, { kind: "done" }>;

export function endOf(seen: Seen[]): PassEnd {
  const outcomes = countOutcomes(seen.map((one) => one.outcome));
  const drift = seen.flatMap((one) => one.drift ?? []);
  const failures = seen.flatMap((one) => one.failure ?? []);
  if (failures.length > 0) {
    const waits = seen.flatMap((one) => one.passing ?? []);
    const retryAfterMs = Math.max(0, ...waits.map((wait) => wait.retryAfterMs ?? 0));
    return {
      kind: "failed",
      outcomes,
      drift,
      failures,
      passing: waits.length === failures.length,
      retryAfterMs,
    };
  }
  return { kind: "done", outcomes, drift, verdicts: verdictsOf(seen), seen };
}

export function verdictsOf(seen: readonly Seen[]): Map<string, Health> {
  return new Map(seen.flatMap((one) => (one.health === undefined ? [] : [[one.key, one.health]])));
}

export function added(counts: OutcomeCounts, outcomes: readonly Outcome[]): OutcomeCounts {
  const more = countOutcomes(outcomes);
  const sum = { ...counts };
  for (const [outcome, count] of Object.entries(more) as [Outcome, number][])
    sum[outcome] = (sum[outcome] ?? 0) + count;
  return sum;
}

/** What is not current. */
export function openIn(verdicts: Iterable<readonly [string, Health]>): Map<string, Health> {
  return new Map([...verdicts].filter(([, { status }]) => status !== "current"));
}
