import { assert, property } from "fast-check";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decide,
  inStageOf,
  isDone,
  isOver,
  type ObservedTarget,
  type Rollout,
  type Stage,
} from "#core/rollout.ts";
import {
  available,
  broken,
  failed,
  moving,
  owed,
  ready,
  rollout,
  seen,
  silent,
  stage,
} from "../../support/rollout.ts";

const LIMIT = { maxUnavailable: fc.integer({ min: 1, max: 6 }), soakMs: fc.constantFrom(undefined, 5) };

/** Two or three stages over up to fifteen ranks. */
const shape = fc
  .array(fc.record({ size: fc.integer({ min: 0, max: 5 }), ...LIMIT }), { minLength: 1, maxLength: 3 })
  .map((parts) => {
    let from = 0;
    return parts.map(({ size, maxUnavailable, soakMs }, index): Stage => {
      const made = stage(`s${index}`, from, from + size, { maxUnavailable, ...(soakMs ? { soakMs } : {}) });
      from += size;
      return made;
    });
  });
const anything = fc.constantFrom(available, moving, owed, failed, silent, ready, broken, undefined);
const rounds = fc.array(fc.array(anything, { minLength: 15, maxLength: 15 }), { maxLength: 30 });
const settings = fc.record({
  maxFailures: fc.integer({ min: 1, max: 4 }),
  onFailure: fc.constantFrom("halt" as const, "rollback" as const),
});

function start(stages: Stage[], change: Partial<Rollout> = {}): Rollout {
  return rollout({ total: stages.at(-1)?.to ?? 0, stages, ...change });
}

const oursOf = ({ out, free }: Rollout, one: Stage): number[] =>
  out.filter((rank) => inStageOf(one, rank) && !free.includes(rank));

describe("decide, whatever is observed", () => {
  it("releases nothing beyond the budget of a stage, and no rank ever goes back", () => {
    assert(
      property(shape, rounds, settings, (stages, all, change) => {
        let now = start(stages, change);
        for (const [at, round] of all.entries()) {
          const targets = round
            .slice(0, now.total)
            .flatMap((one, rank): ObservedTarget[] => (one === undefined ? [] : [seen(rank, one)]));
          const { next, effects } = decide(now, { targets }, at);
          for (const one of stages)
            if (oursOf(next, one).length > one.maxUnavailable)
              // Only what was given to them before may have become unavailable again.
              expect(oursOf(next, one).every((rank) => rank < now.released)).toBe(true);
          expect(next.released).toBeGreaterThanOrEqual(now.released);
          expect(next.stage).toBeGreaterThanOrEqual(now.stage);
          expect(next.fence).toBeGreaterThanOrEqual(now.fence);
          expect(next.free.every((rank) => next.out.includes(rank))).toBe(true);
          expect(next.failed.every((rank) => next.out.includes(rank))).toBe(true);
          expect(next.out.some((rank) => next.later.includes(rank))).toBe(false);
          for (const effect of effects)
            if (effect.kind === "assign") expect(effect.to).toBeLessThanOrEqual(next.released);
          now = next;
        }
      }),
    );
  });

  it("opens no stage while a cluster of the one before is out", () => {
    assert(
      property(shape, rounds, (stages, all) => {
        let now = start(stages);
        for (const [at, round] of all.entries()) {
          const targets = round
            .slice(0, now.total)
            .flatMap((one, rank): ObservedTarget[] => (one === undefined ? [] : [seen(rank, one)]));
          const { next } = decide(now, { targets }, at);
          const opened = stages.slice(now.stage, next.stage);
          const returning = new Set(now.later);
          for (const one of opened)
            expect(next.out.filter((rank) => inStageOf(one, rank) && !returning.has(rank))).toEqual([]);
          now = next;
        }
      }),
    );
  });

  it("decides the same of the same twice, and nothing more when it is asked again", () => {
    assert(
      property(shape, rounds, (stages, all) => {
        let now = start(stages);
        for (const [at, round] of all.entries()) {
          const targets = round
            .slice(0, now.total)
            .flatMap((one, rank): ObservedTarget[] => (one === undefined ? [] : [seen(rank, one)]));
          const first = decide(now, { targets }, at);
          expect(decide(now, { targets }, at)).toEqual(first);
          now = decide(first.next, { targets: [] }, at).next;
          expect(now.released).toBe(first.next.released);
        }
      }),
    );
  });

  it("converges once every cluster is healthy, whatever came before", () => {
    assert(
      property(shape, rounds, (stages, all) => {
        let now = start(stages);
        let at = 0;
        for (const round of all) {
          const targets = round
            .slice(0, now.total)
            .flatMap((one, rank): ObservedTarget[] => (one === undefined ? [] : [seen(rank, one)]));
          now = decide(now, { targets }, (at += 1)).next;
        }
        for (let step = 0; step < 80 && !(isDone(now) && now.out.length === 0); step += 1) {
          const released = (rank: number): boolean => rank < now.released && !now.later.includes(rank);
          const targets = Array.from({ length: now.total }, (_, rank) =>
            seen(rank, released(rank) ? available : ready),
          );
          now = decide(now, { targets }, (at += 6)).next;
        }
        expect([now.state.kind, isOver(now.state), isDone(now), now.out, now.later]).toEqual([
          "succeeded",
          true,
          true,
          [],
          [],
        ]);
      }),
    );
  });
});
