/** Clusters that are heard and not to be moved: held ones are left behind, those that wait for another App are not. */
import { assert, property } from "fast-check";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { holdFor, parseHold, toldHoldSchema } from "#core/hold.ts";
import {
  decide,
  dependencyWait,
  inStageOf,
  isDone,
  stateWords,
  turnOf,
  type ObservedTarget,
  type Rollout,
  type Standing,
} from "#core/rollout.ts";
import { placementSchema, type Placement } from "#core/placement.ts";
import { available, failed, ready, rollout, row, seen, silent, stage } from "../../support/rollout.ts";

const NOW = 1_000_000;
const held: Standing = { kind: "held", why: "held until tomorrow: payday" };
const waiting: Standing = { kind: "waiting", why: "waits for App base on this cluster: progressing" };
const look = (now: Rollout, targets: ObservedTarget[], at = NOW) => decide(now, { targets }, at).next;

describe("a held cluster", () => {
  it("is passed by at its turn, told, and never counted as silent or failed", () => {
    const passed = look(rollout({ total: 2 }), row(0, held, ready));
    expect(passed).toMatchObject({ released: 2, out: [1], later: [0], held: [0], failed: [] });
    const done = look(passed, row(1, available));
    expect(done.state).toEqual({ kind: "succeeded", at: NOW, silent: 0, held: 1 });
    expect(stateWords(done)).toContain("c0: held until tomorrow: payday");
    expect(isDone(done)).toBe(false);
  });

  it("moves under its stage's budget once the hold is over", () => {
    const stages = [stage("rest", 0, 3, { maxUnavailable: 1 })];
    const done = look(rollout({ total: 3, stages }), row(0, held, held, available));
    expect(done.state).toMatchObject({ kind: "succeeded", held: 2 });
    const back = look(done, row(0, ready, ready));
    expect(back).toMatchObject({ out: [0], later: [1] });
    const last = look(look(back, [...row(0, available), ...row(1, ready)]), row(1, available));
    expect(last.state).toEqual({ kind: "succeeded", at: NOW, silent: 0 });
    expect(isDone(last)).toBe(true);
  });

  it("keeps what it was given before: only a turn asks for holds", () => {
    const now = rollout({ released: 1, out: [0] });
    expect(look(now, row(0, held)).out).toContain(0);
  });

  it("that falls silent is counted as silent", () => {
    const done = look(rollout({ total: 1 }), row(0, held));
    expect(look(done, row(0, silent)).state).toMatchObject({ silent: 1 });
    expect(look(done, row(0, silent))).toMatchObject({ held: [], waits: [] });
  });
});

describe("a cluster that waits for another App", () => {
  const stages = [stage("canary", 0, 2, { soakMs: 10, maxUnavailable: 1 }), stage("rest", 2, 4)];

  it("keeps its stage from ending, lets the others of the stage pass, and moves as soon as it may", () => {
    const first = look(rollout({ stages }), row(0, waiting, ready));
    expect(first).toMatchObject({ out: [1], later: [0], waiting: [0], stage: 0 });
    const alone = look(first, row(1, available));
    expect(alone).toMatchObject({ stage: 0, state: { kind: "running", step: { kind: "dependency" } } });
    expect(stateWords(alone)).toBe("stage canary c0: waits for App base on this cluster: progressing");
    const moved = look(alone, row(0, ready));
    expect(moved).toMatchObject({ out: [0], later: [], waiting: [], waits: [], moved: 2 });
    expect(look(moved, row(0, available)).state).toMatchObject({ step: { kind: "soaking" } });
  });

  it("finds no room while others use up the budget, and is not forgotten", () => {
    const first = look(rollout({ stages }), row(0, waiting, ready));
    const full = look(first, row(0, ready));
    expect(full).toMatchObject({ out: [1], waiting: [0], stage: 0 });
    expect(look(full, row(0, ready, available))).toMatchObject({ out: [0], waiting: [] });
  });

  it("is left behind once nobody knows when its dependency comes", () => {
    const alone = look(rollout({ stages }), row(0, waiting, available));
    const left = look(alone, row(0, held));
    expect(left).toMatchObject({ stage: 0, waiting: [], held: [0], state: { step: { kind: "soaking" } } });
    expect(look(left, row(2, ready), NOW + 10)).toMatchObject({ stage: 1, later: [0], held: [0] });
  });

  it("halts its rollout where failures use up the budget that it would need", () => {
    const now = rollout({ stages, maxFailures: 3 });
    const next = look(look(now, row(0, waiting, ready)), row(1, failed));
    expect(next.state).toMatchObject({ kind: "halted" });
  });
});

describe("whatever is held, waits, falls silent or is ready", () => {
  const anything = fc.constantFrom(held, waiting, silent, ready, available, undefined);
  const rounds = fc.array(fc.array(anything, { minLength: 6, maxLength: 6 }), { maxLength: 25 });
  const stages = [stage("one", 0, 3, { maxUnavailable: 1 }), stage("two", 3, 6, { maxUnavailable: 2 })];

  it("the budget holds, who waits is known, and in the end all move", () => {
    assert(
      property(rounds, (all) => {
        let now = rollout({ total: 6, stages });
        for (const round of [
          ...all,
          ...Array.from({ length: 12 }, (_, n) => Array(6).fill(n % 2 ? available : ready)),
        ]) {
          const targets = round.flatMap((standing: Standing | undefined, rank) => {
            if (standing === undefined) return [];
            // Only what was moved can be available, only what was not is asked for its turn.
            const isOut = now.out.includes(rank);
            if ((standing.kind === "available") !== isOut) return [];
            return [seen(rank, standing)];
          });
          const before = now;
          now = look(now, targets);
          for (const one of stages)
            expect(now.out.filter((rank) => inStageOf(one, rank)).length).toBeLessThanOrEqual(
              one.maxUnavailable,
            );
          for (const rank of [...now.held, ...now.waiting]) expect(now.later).toContain(rank);
          expect(now.released).toBeGreaterThanOrEqual(before.released);
          // No stage ends before those of it that wait for another App.
          const passed = stages.slice(before.stage, now.stage);
          for (const one of passed)
            for (const rank of now.waiting)
              expect(inStageOf(one, rank) && before.state.kind === "running").toBe(false);
        }
        expect(now).toMatchObject({ later: [], out: [], state: { kind: "succeeded", silent: 0 } });
      }),
    );
  });
});

const placement = (phase: "healthy" | "progressing" | "failed" | undefined): Placement =>
  placementSchema.parse({
    project: "default",
    app: "base",
    cluster: "a",
    assigned: { action: "apply", epoch: 1, generation: 4, release: 2, at: 0 },
    ...(phase === undefined
      ? {}
      : {
          observed: {
            seq: 1,
            epoch: 1,
            generation: 4,
            release: 2,
            phase,
            message: "",
            objects: 1,
            outcomes: {},
            drift: 0,
            at: 0,
          },
        }),
  });

describe("dependencyWait", () => {
  const target = { epoch: 1, generation: 4, action: "apply" as const };
  const facts = { app: "base", target, placement: placement("healthy"), rollout: "running" as const };

  it.each([
    [facts, undefined],
    [{ ...facts, target: undefined, placement: undefined }, undefined],
    [
      { ...facts, target: { ...target, action: "remove" as const }, placement: placement(undefined) },
      undefined,
    ],
    [
      { ...facts, target: { ...target, generation: 6 } },
      "waiting: waits for App base on this cluster: not moved yet",
    ],
    [{ ...facts, placement: placement(undefined) }, "waiting: waits for App base on this cluster: assigned"],
    [
      { ...facts, placement: placement("progressing") },
      "waiting: waits for App base on this cluster: progressing",
    ],
    [{ ...facts, placement: placement("failed") }, "waiting: waits for App base on this cluster: failed"],
    [
      { ...facts, placement: placement("failed"), rollout: "succeeded" as const },
      "held: waits for App base on this cluster: failed",
    ],
    [
      { ...facts, placement: placement("progressing"), rollout: "succeeded" as const },
      "waiting: waits for App base on this cluster: progressing",
    ],
  ])("%#", (given, words) => {
    const wait = dependencyWait(given);
    expect(wait === undefined ? undefined : `${wait.kind}: ${wait.why}`).toBe(words);
  });
});

describe("turnOf", () => {
  const notNow = { kind: "held", why: "later" } as const;
  const target = { epoch: 1, generation: 4, carried: false };

  it("asks for silence first, then for holds, and for neither where nothing changes", () => {
    expect(turnOf(target, undefined, { silent: false, notNow })).toEqual(notNow);
    expect(turnOf(target, undefined, { silent: true, notNow })).toEqual({ kind: "silent" });
    expect(turnOf({ ...target, carried: true }, placement("healthy"), { silent: false, notNow })).toEqual({
      kind: "available",
    });
  });
});

describe("holdFor", () => {
  const one = (until: number) => ({ until, reason: `until ${until}` });

  it("gives the one that lasts longest of those that mean the App and are not over", () => {
    const holds = { person: one(50), agent: { all: one(40), apps: { shop: one(90) } } };
    expect(holdFor(holds, "shop", 10)?.until).toBe(90);
    expect(holdFor(holds, "web", 10)?.until).toBe(50);
    expect(holdFor(holds, undefined, 10)?.until).toBe(50);
    expect(holdFor(holds, "shop", 90)).toBeUndefined();
    expect(holdFor(undefined, "shop", 0)).toBeUndefined();
    expect(holdFor(holds, "constructor", 60)).toBeUndefined();
  });
});

describe("parseHold", () => {
  const now = Date.parse("2026-11-21T12:00:00Z");
  const hour = 3_600_000;

  it("reads a hold of all, and of Apps", () => {
    expect(parseHold({}, now)).toEqual({ apps: {} });
    expect(
      parseHold(
        {
          until: "2026-11-22T07:00:00+01:00",
          reason: "payday",
          "app.shop": "2026-11-21T13:00:00Z a  migration",
        },
        now,
      ),
    ).toEqual({
      all: { until: Date.parse("2026-11-22T06:00:00Z"), reason: "payday" },
      apps: { shop: { until: now + hour, reason: "a migration" } },
    });
  });

  it.each([
    [{ until: "tomorrow", reason: "x" }, "until is no time"],
    [{ reason: "x" }, "until is no time"],
    [{ until: "2026-11-22T06:00:00Z" }, "until has no reason"],
    [{ until: "2027-11-22T06:00:00Z", reason: "x" }, "until is more than 30 days ahead"],
    [{ "app.shop": "2026-11-22T06:00:00Z" }, "app.shop has no reason"],
    [{ "app.NO": "2026-11-22T06:00:00Z x" }, "cannot be read"],
    [
      Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`app.a${n}`, "2026-11-22T06:00:00Z x"])),
      "at most 10 Apps",
    ],
  ])("holds all for an hour where %j cannot be read, and says why", (data, words) => {
    const told = parseHold(data, now);
    expect(told.all?.until).toBe(now + hour);
    expect(told.all?.reason).toContain(words);
    expect(toldHoldSchema.parse(told)).toEqual(told);
  });
});
