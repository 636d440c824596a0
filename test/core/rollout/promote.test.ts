import { assert, property } from "fast-check";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  command,
  decide,
  inStageOf,
  stateWords,
  takeVerdict,
  timelineOf,
  type Rollout,
} from "#core/rollout.ts";
import { gateSchema } from "#core/gate.ts";
import {
  available,
  failed,
  moving,
  ready,
  rollout,
  row,
  seen,
  silent,
  stage,
} from "../../support/rollout.ts";

const gate = gateSchema.parse({
  name: "smoke",
  webhook: { url: "https://ci.example.com/t", credentials: "key" },
});
const tell = (now: Rollout, by = "user:eve", at = 10) => command(now, { kind: "promote", by }, at);
const promoted = (now: Rollout, by?: string, at?: number): Rollout => {
  const done = tell(now, by, at);
  if (done.kind !== "done") throw new Error(JSON.stringify(done));
  return done.next;
};
const two = (change: object = {}, second: object = {}) =>
  rollout({
    total: 2,
    stages: [stage("canary", 0, 1, change), stage("eu", 1, 2, second)],
    by: "user:ada",
  });
const CLOSED = [{ open: false }, { open: false }];

describe("promote", () => {
  it("passes soaks and windows of all stages that are left", () => {
    const now = two({ soakMs: 100 }, { soakMs: 100 });
    const first = { targets: row(0, ready), windows: CLOSED };
    expect(decide(now, first, 1).next).toMatchObject({ released: 0, state: { step: { kind: "window" } } });
    let at = decide(promoted(now), first, 11).next;
    expect(at).toMatchObject({ released: 1, out: [0] });
    at = decide(at, { targets: row(0, available, ready), windows: CLOSED }, 12).next;
    expect(at).toMatchObject({ stage: 1, out: [1] });
    at = decide(at, { targets: row(0, available, available), windows: CLOSED }, 13).next;
    expect(at.state).toMatchObject({ kind: "succeeded", at: 13 });
  });

  it("ends a soak that is under way, and not one that a cluster broke", () => {
    const soaking = decide(two({ soakMs: 100 }), { targets: row(0, ready) }, 1).next;
    const since = decide(soaking, { targets: row(0, available) }, 2).next;
    expect(since.state).toMatchObject({ step: { kind: "soaking" } });
    expect(decide(promoted(since), { targets: row(0, available, ready) }, 11).next.stage).toBe(1);
    expect(decide(promoted(since), { targets: row(0, moving, ready) }, 11).next.stage).toBe(0);
  });

  it("gives every yes that is theirs to give, and waits for the others", () => {
    const now = two({ approval: "before" }, { approval: "after", approvers: { count: 2 } });
    const one = promoted(now);
    expect(one.approvals.map(({ stage: name, when, by }) => [name, when, by])).toEqual([
      ["canary", "before", "user:eve"],
      ["eu", "after", "user:eve"],
    ]);
    expect(tell(one)).toEqual({ kind: "already" });
    expect(promoted(one, "user:bob").approvals).toHaveLength(3);
    const refusalOf = () => "only role leads may approve it";
    const told = command(now, { kind: "promote", by: "user:eve", refusalOf }, 10);
    expect(told).toMatchObject({ next: { approvals: [{ stage: "canary" }] } });
  });

  // What would break: promote would be the way round the second person.
  it("gives none by who made the release", () => {
    const mine = promoted(two({ approval: "before" }), "user:ada");
    expect(mine.approvals).toEqual([]);
    expect(decide(mine, { targets: row(0, ready) }, 11).next).toMatchObject({
      released: 0,
      state: { step: { kind: "approval" } },
    });
  });

  it("never passes a gate, whatever it says", () => {
    const moved = decide(promoted(two({ soakMs: 100, gates: [gate] })), { targets: row(0, ready) }, 11).next;
    const asked = decide(moved, { targets: row(0, available) }, 12).next;
    expect(asked).toMatchObject({ stage: 0, state: { step: { kind: "gates" } } });
    const answer = (kind: "pass" | "fail" | "inconclusive") => {
      const verdict = { kind, message: "told" };
      const told = takeVerdict(asked, { gate: "smoke", attempt: asked.gates[0]?.attempt ?? 0, verdict }, 13);
      if (told === undefined) throw new Error("nobody waits for it");
      return decide(told, { targets: row(0, available, ready) }, 13).next;
    };
    expect(answer("inconclusive").stage).toBe(0);
    expect(answer("fail").state).toMatchObject({ kind: "halted", gate: "smoke" });
    expect(answer("pass").stage).toBe(1);
    // What was halted is looked at with all its time again.
    const again = command(answer("fail"), { kind: "retry", by: "user:eve" }, 14);
    expect(again.kind === "done" && "promoted" in again.next).toBe(false);
    expect(tell(answer("fail"))).toMatchObject({ kind: "refused" });
  });

  it("is told with who did it", () => {
    const now = two({ approval: "before" });
    const after = { ...promoted(now), stamp: { by: "user:eve", why: "a hotfix" } };
    expect(stateWords(after)).toContain("promoted by user:eve");
    expect(timelineOf(now, after, 10)).toMatchObject({
      what: "promoted: no soaks and no windows any more; approved before stage canary",
      by: "user:eve",
      why: "a hotfix",
    });
  });

  it("holds budgets and gates whenever it is given, whatever is observed", () => {
    const standing = fc.constantFrom(available, available, moving, failed, silent, ready, undefined);
    const shape = fc.array(
      fc.record({
        size: fc.integer({ min: 1, max: 4 }),
        most: fc.integer({ min: 1, max: 3 }),
        gated: fc.boolean(),
      }),
      { minLength: 1, maxLength: 3 },
    );
    const rounds = fc.array(
      fc.record({ seen: fc.array(standing, { minLength: 12, maxLength: 12 }), tells: fc.boolean() }),
      {
        maxLength: 25,
      },
    );
    assert(
      property(shape, rounds, (parts, all) => {
        let from = 0;
        const stages = parts.map(({ size, most, gated }, index) => {
          const made = stage(`s${index}`, from, from + size, {
            maxUnavailable: most,
            soakMs: 1_000,
            ...(gated ? { gates: [gate] } : {}),
          });
          from += size;
          return made;
        });
        let now = rollout({ total: from, stages, maxFailures: 9 });
        for (const [at, round] of all.entries()) {
          const told = round.tells ? tell(now, "user:eve", at) : undefined;
          if (told?.kind === "done") now = told.next;
          const targets = round.seen
            .slice(0, from)
            .flatMap((one, rank) => (one === undefined ? [] : [seen(rank, one)]));
          const { next } = decide(now, { targets }, at);
          for (const one of stages) {
            const fresh = next.out.filter((rank) => !now.out.includes(rank) && rank >= now.released);
            const ours = next.out.filter((rank) => inStageOf(one, rank) && !next.free.includes(rank));
            const isMore = fresh.some((rank) => ours.includes(rank));
            if (isMore) expect(ours.length).toBeLessThanOrEqual(one.maxUnavailable);
          }
          // Nobody ever answered a gate here: a stage that moved something is not left.
          for (const one of stages.slice(now.stage, next.stage))
            if (one.gates !== undefined) {
              const wasMoved = next.released > one.from && now.moved > 0 && one === stages[now.stage];
              expect(wasMoved).toBe(false);
            }
          now = next;
        }
      }),
    );
  });
});
