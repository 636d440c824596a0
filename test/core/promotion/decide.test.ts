/** What a Promotion does next: never early, never twice, never over a person's no, and the same however often it is asked. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decidePromotion, type Health, type PromotionObserved } from "#core/promotion/decide.ts";
import { settleDelivery, settlePull, type Delivered, type Settled } from "#core/promotion/settle.ts";
import { promotionSchema, type PromotionSpec } from "#core/promotion.ts";
import type { RolloutState } from "#core/rollout.ts";

const SOAK_MS = 60_000;
const spec: PromotionSpec = promotionSchema.parse({
  apiVersion: "fairlead.dev/v1",
  kind: "Promotion",
  metadata: { name: "shop-prod" },
  spec: {
    from: { app: "shop-staging" },
    soak: "1m",
    to: { source: "fleet", path: "apps/shop/prod" },
    change: { copy: ["apps/shop/staging/**"] },
    host: { kind: "github" },
  },
}).spec;

type Known = Parameters<typeof decidePromotion>[1];
const nothing: Known = { state: undefined, landed: undefined, pull: undefined, asked: undefined };
const succeeded = (at: number, silent = 0): RolloutState => ({ kind: "succeeded", at, silent });
const at = (release: number, rollout: RolloutState): PromotionObserved => ({ newest: { release, rollout } });
const knownOf = (settled: Settled): Known => ({ ...nothing, ...settled });
const pull = { release: 1, number: 7, url: "https://x.test/7", commit: "c", files: ["a"] };

describe("decidePromotion", () => {
  it("looks at the clusters first, waits for the soak from their newest report on, and then writes", () => {
    const seen = at(1, succeeded(1_000));
    expect(decidePromotion(spec, nothing, seen, 2_000).effects).toEqual([{ kind: "observe" }]);
    const health: Health = { kind: "healthy", since: 1_500 };
    const soaking = decidePromotion(spec, nothing, { ...seen, health }, 2_000);
    expect(soaking).toEqual({
      next: { kind: "soaking", release: 1, since: 1_500, until: 61_500 },
      effects: [],
    });
    const known = { ...nothing, state: soaking.next };
    expect(decidePromotion(spec, known, seen, 61_499)).toEqual(soaking);
    expect(decidePromotion(spec, known, seen, 61_500).effects).toEqual([{ kind: "observe" }]);
    expect(decidePromotion(spec, known, { ...seen, health }, 61_500).effects).toEqual([
      { kind: "deliver", release: 1 },
    ]);
  });

  it("begins the soak anew after any report in between", () => {
    const state = { kind: "soaking", release: 1, since: 0, until: SOAK_MS } as const;
    const health: Health = { kind: "healthy", since: 50_000 };
    const again = decidePromotion(spec, { ...nothing, state }, { ...at(1, succeeded(0)), health }, SOAK_MS);
    expect(again.next).toEqual({ kind: "soaking", release: 1, since: 50_000, until: 110_000 });
  });

  it("passes over silent clusters for a person alone, and never over a rollout that has not succeeded", () => {
    const silent = at(1, succeeded(0, 2));
    const asked = { ...nothing, asked: { release: 1, by: "user:ada" } };
    expect(decidePromotion(spec, nothing, silent, 9e9).next.kind).toBe("waiting");
    expect(decidePromotion(spec, asked, silent, 1).effects).toEqual([{ kind: "deliver", release: 1 }]);
    const halted = at(1, { kind: "halted", reason: "x" });
    expect(decidePromotion(spec, asked, halted, 9e9).effects).toEqual([]);
  });

  it("watches the pull request of an older release while a newer one soaks", () => {
    const known = {
      ...nothing,
      pull,
      state: { kind: "opened", release: 1, url: "u", commit: "c", at: 0 },
    } as const;
    const { next, effects } = decidePromotion(spec, known, at(2, { kind: "running" }), 5);
    expect(next).toMatchObject({ kind: "waiting", release: 2 });
    expect(effects).toEqual([{ kind: "watch", number: 7 }]);
  });

  it("says why it can never work, and goes on once that is gone", () => {
    const refused = decidePromotion(spec, nothing, { ...at(1, succeeded(0)), fault: "a loop" }, 9e9);
    expect(refused).toMatchObject({ next: { kind: "failed", code: "refused" }, effects: [] });
    const known = { ...nothing, state: refused.next };
    expect(decidePromotion(spec, known, at(1, succeeded(0)), 9e9).effects).toEqual([{ kind: "observe" }]);
  });
});

describe("settlePull", () => {
  const opened = { state: { kind: "opened", release: 1, url: pull.url, commit: "c", at: 0 }, pull } as const;
  it("takes a merge as landed and a close as no", () => {
    expect(settlePull(opened, pull, "merged", 5)).toEqual({
      landed: { release: 1, files: ["a"] },
      state: { kind: "current", release: 1, at: 5, url: pull.url },
    });
    const declined = settlePull(opened, pull, "closed", 5);
    expect(declined).toEqual({ state: { kind: "declined", release: 1, url: pull.url, at: 5 } });
    expect(decidePromotion(spec, knownOf(declined), at(1, succeeded(0)), 9e9).effects).toEqual([]);
    expect(decidePromotion(spec, knownOf(declined), at(2, succeeded(0)), 9e9).effects).toEqual([
      { kind: "observe" },
    ]);
  });

  it("knows nothing of another pull request, and nothing new of an open one", () => {
    expect(settlePull(opened, { ...pull, number: 8 }, "merged", 5)).toBe(opened);
    expect(settlePull(opened, pull, "open", 5)).toBe(opened);
  });
});

const rollout = fc.oneof(
  fc
    .record({ at: fc.nat(200_000), silent: fc.constantFrom(0, 0, 1) })
    .map((one): RolloutState => ({ kind: "succeeded", ...one })),
  fc.constantFrom<RolloutState>({ kind: "running" }, { kind: "halted", reason: "x" }),
);
const health = fc.oneof(
  fc.nat(400_000).map((since): Health => ({ kind: "healthy", since })),
  fc.constant<Health>({ kind: "unhealthy", reason: "cluster a is degraded" }),
);
const outcome = fc.constantFrom<Delivered>(
  { kind: "same", files: [] },
  { kind: "committed", commit: "c", files: [] },
  { kind: "opened", pull },
  { kind: "failed", code: "timeout", message: "slow" },
);
const step = fc.record({
  pass: fc.nat(90_000),
  newer: fc.boolean(),
  rollout,
  health,
  outcome,
  standing: fc.constantFrom("open" as const, "merged" as const, "closed" as const),
  asked: fc.boolean(),
});

describe("any history", () => {
  it("writes only what has soaked or was asked for, no release again once it landed, and decides the same twice", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        let [known, now, release] = [nothing, 0, 1];
        let landed = 0;
        for (const one of steps) {
          now += one.pass;
          if (one.newer) release += 1;
          if (one.asked) known = { ...known, asked: { release, by: "user:ada" } };
          const isSettled = known.state?.kind === "current" && landed === release;
          const observed = { ...at(release, one.rollout), health: one.health };
          const decided = decidePromotion(spec, known, observed, now);
          expect(decidePromotion(spec, known, observed, now)).toEqual(decided);
          known = { ...known, state: decided.next };
          for (const effect of decided.effects) {
            if (effect.kind === "watch" && known.pull !== undefined && known.state !== undefined) {
              const before = known.pull.release;
              known = knownOf(
                settlePull({ ...rest(known), state: known.state }, known.pull, one.standing, now),
              );
              if (one.standing === "merged") landed = before;
            }
            if (effect.kind !== "deliver") continue;
            expect(effect.release).toBe(release);
            expect(one.rollout.kind).toBe("succeeded");
            expect(isSettled).toBe(false);
            if (known.asked?.release !== release) {
              expect(one.health.kind).toBe("healthy");
              const since = one.health.kind === "healthy" ? one.health.since : Infinity;
              expect(now - since).toBeGreaterThanOrEqual(SOAK_MS);
              expect(one.rollout).toMatchObject({ silent: 0 });
            }
            const state = known.state ?? decided.next;
            known = knownOf(settleDelivery({ ...rest(known), state }, release, one.outcome, now));
            if (one.outcome.kind === "same" || one.outcome.kind === "committed") landed = release;
          }
        }
      }),
    );
  });
});

function rest({ landed, pull: open, asked }: Known): Omit<Settled, "state"> {
  return {
    ...(landed === undefined ? {} : { landed }),
    ...(open === undefined ? {} : { pull: open }),
    ...(asked === undefined ? {} : { asked }),
  };
}
