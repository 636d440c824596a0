import { assert, property } from "fast-check";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  countOf,
  decide,
  isOver,
  standingOf,
  type ObservedTarget,
  type Rollout,
  type Standing,
} from "#core/rollout.ts";
import type { Placement } from "#core/placement.ts";

const NOW = 1_000_000;

function rollout(change: Partial<Rollout> = {}): Rollout {
  const total = change.total ?? 4;
  return {
    project: "default",
    app: "shop",
    release: 2,
    commit: "c".repeat(40),
    targets: "t",
    total,
    stages: [{ name: "rest", from: 0, to: total, maxUnavailable: 2 }],
    released: 0,
    settled: 0,
    fence: 1,
    deadlineMs: 60_000,
    state: { kind: "running" },
    startedAt: 0,
    version: 1,
    ...change,
  };
}

const available: Standing = { kind: "available" };
const moving: Standing = { kind: "moving", assigned: true };
const failed: Standing = { kind: "failed", reason: "image not found" };
const silent: Standing = { kind: "silent" };

function observed(settled: number, ...standings: Standing[]): ObservedTarget[] {
  return standings.map((standing, index) => ({
    rank: settled + index,
    cluster: `c${settled + index}`,
    standing,
  }));
}

describe("decide", () => {
  it("releases up to maxUnavailable and owes the assignments", () => {
    const { next, effects } = decide(rollout(), [], NOW);
    expect(next.released).toBe(2);
    expect(effects).toEqual([{ kind: "assign", from: 0, to: 2, fence: 1 }]);
  });

  it("counts a released rank as unavailable before its assignment is written", () => {
    const unwritten: Standing = { kind: "moving", assigned: false };
    const { next, effects } = decide(rollout({ released: 2 }), observed(0, unwritten, moving), NOW);
    expect(next.released).toBe(2);
    expect(effects).toEqual([{ kind: "assign", from: 0, to: 1, fence: 1 }]);
  });

  it("moves on by as many as became available", () => {
    const { next } = decide(rollout({ released: 2 }), observed(0, available, moving), NOW);
    expect(next).toMatchObject({ settled: 1, released: 3 });
  });

  it("halts on a failure with the cluster's own sentence, and releases nothing more", () => {
    const { next } = decide(rollout({ released: 2 }), observed(0, available, failed), NOW);
    expect(next).toMatchObject({ released: 2, state: { kind: "halted", reason: "c1: image not found" } });
  });

  it("goes on when the failed cluster healed", () => {
    const halted = rollout({ released: 2, settled: 1, state: { kind: "halted", reason: "c1: x" } });
    const { next } = decide(halted, observed(1, available), NOW);
    expect(next).toMatchObject({ settled: 2, released: 4, state: { kind: "running" } });
  });

  it("succeeds when all are available, and tells how many are silent", () => {
    const done = decide(rollout({ released: 4 }), observed(0, available, silent, available, available), NOW);
    expect(done.next.state).toEqual({ kind: "succeeded", at: NOW, silent: 1 });
  });

  it("succeeds at once where there is no cluster", () => {
    expect(decide(rollout({ total: 0, stages: [] }), [], NOW).next.state.kind).toBe("succeeded");
  });

  it("never moves what is over", () => {
    const over = rollout({ state: { kind: "superseded", at: 1, by: 3 } });
    expect(decide(over, observed(0, available), NOW)).toEqual({ next: over, effects: [] });
  });
});

const standing = fc.constantFrom<Standing>(
  available,
  moving,
  { kind: "moving", assigned: false },
  failed,
  silent,
);

describe("decide, for any fleet", () => {
  it("never has more than maxUnavailable out because of itself, and no rank ever goes back", () => {
    assert(
      property(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.array(standing, { minLength: 12, maxLength: 12 }), { maxLength: 20 }),
        (total, maxUnavailable, rounds) => {
          let now = rollout({ total, stages: [{ name: "rest", from: 0, to: total, maxUnavailable }] });
          for (const round of rounds) {
            const seen = observed(now.settled, ...round.slice(now.settled, now.released));
            const outBefore = seen.filter(
              (target) => target.standing.kind === "moving" || target.standing.kind === "failed",
            ).length;
            const { next } = decide(now, seen, NOW);
            const out = outBefore + (next.released - now.released);
            expect(out).toBeLessThanOrEqual(Math.max(maxUnavailable, outBefore));
            expect(next.released).toBeGreaterThanOrEqual(now.released);
            expect(next.settled).toBeGreaterThanOrEqual(now.settled);
            expect(next.settled).toBeLessThanOrEqual(next.released);
            now = next;
          }
        },
      ),
    );
  });

  it("converges once every cluster is healthy", () => {
    assert(
      property(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1, max: 40 }), (total, maxUnavailable) => {
        const stages = total === 0 ? [] : [{ name: "rest", from: 0, to: total, maxUnavailable }];
        let now = rollout({ total, stages });
        for (let step = 0; step <= total + 1 && !isOver(now.state); step++) {
          const healthy = Array.from({ length: now.released - now.settled }, () => available);
          now = decide(now, observed(now.settled, ...healthy), NOW).next;
        }
        expect(now.state.kind).toBe("succeeded");
      }),
    );
  });
});

describe("standingOf", () => {
  const target = { epoch: 1, generation: 5 };
  const assigned = { action: "apply" as const, epoch: 1, generation: 5, release: 5, at: NOW - 1000 };
  const report = {
    seq: 1,
    epoch: 1,
    generation: 5,
    release: 5,
    phase: "healthy" as const,
    message: "",
    objects: 1,
    outcomes: {},
    drift: 0,
    at: NOW,
  };
  const place = (change: Partial<Placement>): Placement => ({
    project: "default",
    app: "shop",
    cluster: "a",
    ...change,
  });
  const heard = { silent: false };

  it("believes a healthy report of this generation only: a stale one never advances a stage", () => {
    expect(standingOf(target, place({ assigned, observed: report }), heard, 60_000, NOW)).toEqual(available);
    const stale = { ...report, generation: 4 };
    expect(standingOf(target, place({ assigned, observed: stale }), heard, 60_000, NOW)).toEqual(moving);
    const otherEpoch = { ...report, epoch: 2 };
    expect(standingOf(target, place({ assigned, observed: otherEpoch }), heard, 60_000, NOW)).toEqual(moving);
  });

  it("tells a cluster without assignment from one that moves", () => {
    expect(standingOf(target, undefined, heard, 60_000, NOW)).toEqual({ kind: "moving", assigned: false });
  });

  it("fails a cluster past its deadline with what it said last", () => {
    const late = standingOf(
      target,
      place({ assigned, observed: { ...report, phase: "progressing", message: "1 of 3 ready" } }),
      heard,
      500,
      NOW,
    );
    expect(late).toEqual({ kind: "failed", reason: "not healthy within 1 s: 1 of 3 ready" });
  });

  it("calls a cluster silent rather than failed when nobody hears it", () => {
    expect(standingOf(target, place({ assigned }), { silent: true }, 500, NOW)).toEqual(silent);
  });
});

describe("countOf", () => {
  it("rounds percentages down and never below one", () => {
    expect([
      countOf("25%", 7),
      countOf("25%", 8),
      countOf("1%", 3),
      countOf("100%", 3),
      countOf(2, 10),
    ]).toEqual([1, 2, 1, 3, 2]);
  });
});
