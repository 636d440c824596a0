import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DUPLICATE_AFTER_MS } from "#core/limits.ts";
import { judgeRun, type RunVerdict, type Runs } from "#core/run.ts";

/** Hears beats in order, as the heartbeat's row keeps them. */
function hear(beats: readonly (readonly [run: string, at: number])[]): RunVerdict[] {
  let held: Runs = {};
  return beats.map(([run, at]) => {
    const verdict = judgeRun(held, run, at);
    if (held.run === undefined) held = { run, since: at };
    else if (verdict === "replaced" || verdict === "twice") held = { run, since: at, before: held.run };
    return verdict;
  });
}

const gaps = fc.array(fc.integer({ min: 0, max: 20 * 60_000 }), { minLength: 1, maxLength: 40 });
const times = (steps: readonly number[]): number[] => {
  let at = 0;
  return steps.map((step) => (at += step));
};

describe("judgeRun", () => {
  it("never tells restarts, however often and however close together", () => {
    fc.assert(
      fc.property(gaps, fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }), (steps, restarts) => {
        let run = 0;
        const beats = times(steps).map((at, index): [string, number] => {
          if (restarts[index] === true) run += 1;
          return [`run-${run}`, at];
        });
        expect(hear(beats)).not.toContain("twice");
      }),
    );
  });

  it("never tells a request of the old process that was still under way", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: DUPLICATE_AFTER_MS }), (late) => {
        expect(
          hear([
            ["a", 0],
            ["b", 1000],
            ["a", 1000 + late],
            ["b", 10 * DUPLICATE_AFTER_MS],
          ]),
        ).not.toContain("twice");
      }),
    );
  });

  it("tells two that take turns, at any pace, soon after the time that a request lives", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 600_000 }), (pace) => {
        const count = Math.ceil(DUPLICATE_AFTER_MS / pace) + 4;
        const beats = Array.from({ length: count }, (_, index): [string, number] => [
          index % 2 === 0 ? "a" : "b",
          index * pace,
        ]);
        expect(hear(beats)).toContain("twice");
      }),
      { numRuns: 50 },
    );
  });
});
