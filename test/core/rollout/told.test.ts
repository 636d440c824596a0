import { describe, expect, it } from "vitest";
import { timelineOf, whyOf, windowVerdict, type WhyFacts } from "#core/rollout.ts";
import { rollout, stage } from "../../support/rollout.ts";

describe("timelineOf", () => {
  const start = rollout({ stages: [stage("canary", 0, 1), stage("rest", 1, 4)] });

  it("tells what people would tell each other, and no mere count", () => {
    expect(timelineOf(undefined, start, 5)).toMatchObject({
      at: 5,
      stage: "canary",
      what: "started: stage canary moves",
    });
    expect(timelineOf(start, { ...start, released: 1, out: [0] }, 6)).toBeUndefined();
    expect(timelineOf(start, { ...start, stage: 1 }, 7)).toMatchObject({
      stage: "rest",
      what: "stage rest moves",
    });
    const step = { kind: "soaking", since: 0, until: 60_000 } as const;
    expect(timelineOf(start, { ...start, state: { kind: "running", step } }, 8)).toMatchObject({
      state: "soaking",
      what: "stage canary soaks until 1970-01-01 00:01 UTC",
    });
  });

  it("tells what waits for a yes to what would vanish, and who gave it", () => {
    const state = { kind: "withheld", since: 0, reason: "it would delete all", authors: [] } as const;
    const held = { ...start, state };
    expect(timelineOf(undefined, held, 5)?.what).toBe("started: waits for an approval: it would delete all");
    const stamp = { by: "user:eve", why: "meant" };
    const approved = { ...held, stamp, state: { ...state, approved: { by: "user:eve", at: 6 } } };
    expect(timelineOf(held, approved, 6)).toMatchObject({
      what: "approved what it would delete",
      by: "user:eve",
      why: "meant",
    });
  });

  it("names who gave a command and why", () => {
    const stamp = { by: "user:ada", why: "a look first", request: "r1" };
    const paused = { ...start, stamp, state: { kind: "paused", by: "user:ada", at: 1 } as const };
    expect(timelineOf(start, paused, 9)).toMatchObject({
      by: "user:ada",
      why: "a look first",
      what: "paused by user:ada",
    });
    expect(timelineOf(paused, { ...paused, state: { kind: "running" } }, 10)).not.toHaveProperty("by");
  });
});

describe("whyOf", () => {
  const stages = [stage("canary", 0, 1), stage("rest", 1, 4)];
  const target = { rank: 2, epoch: 1, generation: 3, release: 2 };
  const assigned = { action: "apply" as const, epoch: 1, generation: 1, release: 1, at: 0 };
  const placement = { project: "default", app: "shop", cluster: "eu-1", assigned };
  const facts: WhyFacts = {
    app: "shop",
    cluster: "eu-1",
    rollout: rollout({ stages, released: 1, out: [0] }),
    target,
    placement,
    silent: false,
  };

  it.each<[Partial<WhyFacts>, string]>([
    [{ rollout: undefined }, "has no release yet"],
    [{ target: undefined }, "does not mean this cluster"],
    [{}, "still on release 1: stage rest has not begun; stage canary moves"],
    [{ rollout: rollout({ stages, stage: 1, released: 1 }) }, "1 clusters of stage rest come before it"],
    [
      { rollout: rollout({ stages, state: { kind: "paused", by: "user:ada", at: 1 } }) },
      "paused by user:ada",
    ],
    [
      { rollout: rollout({ stages, released: 4, later: [2] }), silent: true },
      "silent at its turn, and still is",
    ],
    [{ placement: { ...placement, assigned: { ...assigned, generation: 3 } } }, "has not taken it yet"],
    [{ error: "apps/x.yaml: bad" }, "the newest commit made no release: apps/x.yaml: bad"],
  ])("says it in one sentence %#", (change, words) => {
    expect(whyOf({ ...facts, ...change })).toContain(words);
  });
});

describe("windowVerdict", () => {
  const hour = 3_600_000;
  const allow = { kind: "allow" as const, forMs: hour, lastStart: 0, nextStart: 24 * hour };

  it("is open inside an allowed window, closed outside, and tells when it opens", () => {
    expect(windowVerdict([allow], hour - 1)).toEqual({ open: true });
    expect(windowVerdict([allow], hour)).toEqual({ open: false, until: 24 * hour });
    expect(windowVerdict([], 5)).toEqual({ open: true });
  });

  it("lets deny beat allow", () => {
    const deny = { kind: "deny" as const, forMs: hour / 2, lastStart: 0 };
    expect(windowVerdict([allow, deny], 1)).toEqual({ open: false, until: hour / 2 });
    expect(windowVerdict([deny], hour)).toEqual({ open: true });
  });
});
