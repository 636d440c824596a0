import { describe, expect, it } from "vitest";
import { standingOf, turnOf } from "#core/rollout.ts";
import type { Placement } from "#core/placement.ts";

const NOW = 1_000_000;
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
const clock = { deadlineMs: 60_000 };

describe("standingOf", () => {
  it("believes a healthy report of this generation only: a stale one never advances a stage", () => {
    const of = (change: object) =>
      standingOf(target, place({ assigned, observed: { ...report, ...change } }), heard, clock, NOW).kind;
    expect([of({}), of({ generation: 4 }), of({ epoch: 2 })]).toEqual(["available", "moving", "moving"]);
  });

  it("tells a cluster without assignment from one that moves", () => {
    expect(standingOf(target, undefined, heard, clock, NOW)).toEqual({ kind: "moving", assigned: false });
  });

  it("fails a cluster past its deadline with what it said last, and gives it its time again when asked", () => {
    const late = place({ assigned, observed: { ...report, phase: "progressing", message: "1 of 3 ready" } });
    expect(standingOf(target, late, heard, { deadlineMs: 500 }, NOW)).toEqual({
      kind: "failed",
      reason: "not healthy within 1 s: 1 of 3 ready",
    });
    expect(standingOf(target, late, heard, { deadlineMs: 500, retriedAt: NOW - 1 }, NOW).kind).toBe("moving");
  });

  it("does not believe a failure told before it was tried again", () => {
    const broken = place({ assigned, observed: { ...report, phase: "failed", at: NOW - 10 } });
    expect(standingOf(target, broken, heard, clock, NOW).kind).toBe("failed");
    expect(standingOf(target, broken, heard, { ...clock, retriedAt: NOW }, NOW).kind).toBe("moving");
  });

  it("owes a silent cluster what was released for it: a write of that may be under way", () => {
    const gone = { silent: true };
    const owed = { kind: "moving", assigned: false };
    expect(standingOf(target, undefined, gone, clock, NOW)).toEqual(owed);
    const older = place({ assigned: { ...assigned, generation: 4 } });
    expect(standingOf(target, older, gone, clock, NOW)).toEqual(owed);
  });

  it("calls a cluster silent only where it never told that it has what it was given", () => {
    const gone = { silent: true };
    expect(standingOf(target, place({ assigned }), gone, clock, NOW).kind).toBe("silent");
    const received = place({ assigned, observed: { ...report, phase: "received" } });
    expect(standingOf(target, received, gone, clock, NOW).kind).toBe("moving");
  });
});

describe("turnOf", () => {
  const carried = { ...target, carried: true };

  it("counts a cluster as current for which nothing changes, if it really was given that", () => {
    expect(turnOf(carried, place({ assigned }), heard).kind).toBe("available");
    const behind = place({
      assigned: { ...assigned, generation: 4 },
      observed: { ...report, generation: 4 },
    });
    expect(turnOf(carried, behind, heard)).toEqual({ kind: "ready", unavailable: false });
  });

  it("tells who is silent, and who is unavailable anyway", () => {
    const next = { ...target, generation: 6, carried: false };
    expect(turnOf(next, undefined, { silent: true }).kind).toBe("silent");
    expect(turnOf(next, undefined, heard)).toEqual({ kind: "ready", unavailable: false });
    expect(turnOf(next, place({ assigned, observed: report }), heard)).toEqual({
      kind: "ready",
      unavailable: false,
    });
    const failing = place({ assigned, observed: { ...report, phase: "failed" } });
    expect(turnOf(next, failing, heard)).toEqual({ kind: "ready", unavailable: true });
  });
});
