/**
 * The small scope, whole: two stages of three clusters, each of which ends well, fails or is silent, and at one moment of
 * its life the rollout is paused, aborted, told to go back, or a newer commit takes its place; in every order in which
 * clusters can be heard. Whatever happens, the invariants hold at each step, and it ends.
 */
import { describe, expect, it } from "vitest";
import {
  command,
  decide,
  inStageOf,
  isOver,
  type ObservedTarget,
  type Rollout,
  type Standing,
} from "#core/rollout.ts";
import { rollout, seen, stage } from "../../support/rollout.ts";

type Fate = "ok" | "fail" | "silent";
type Act = "none" | "pause" | "abort" | "newer";

const FATES: readonly Fate[] = ["ok", "fail", "silent"];
const ACTS: readonly Act[] = ["none", "pause", "abort", "newer"];
const ORDERS = permutations([0, 1, 2]);
const STEPS_MAX = 40;
const SHAPES = [
  [stage("canary", 0, 1), stage("rest", 1, 3)],
  [stage("canary", 0, 2, { soakMs: 2 }), stage("rest", 2, 3)],
  [stage("canary", 0, 1, { approval: "after" }), stage("rest", 1, 3, { maxUnavailable: 2 })],
] as const;

function permutations(list: readonly number[]): number[][] {
  if (list.length < 2) return [[...list]];
  return list.flatMap((one) =>
    permutations(list.filter((other) => other !== one)).map((rest) => [one, ...rest]),
  );
}

/** A cluster as the world knows it: whether it was given something, and how that came out. */
interface World {
  fates: readonly Fate[];
  assigned: Set<number>;
  told: Set<number>;
}

function standing({ fates, assigned, told }: World, rank: number, released: boolean): Standing {
  const fate = fates[rank];
  if (fate === "silent") return { kind: "silent" };
  if (!released) return { kind: "ready", unavailable: false };
  if (!assigned.has(rank)) return { kind: "moving", assigned: false };
  if (!told.has(rank)) return { kind: "moving", assigned: true };
  return fate === "ok" ? { kind: "available" } : { kind: "failed", reason: "broken" };
}

function observe(world: World, now: Rollout): ObservedTarget[] {
  return world.fates.map((_, rank) => seen(rank, standing(world, rank, rank < now.released)));
}

/** Never more out than the stage allows, and no stage before the one before it is through its gates. */
function check(before: Rollout, after: Rollout, world: World): void {
  must(after.released >= before.released, "no rank goes back");
  must(after.fence >= before.fence, "no fence shrinks");
  for (const one of after.stages)
    must(after.out.filter((rank) => inStageOf(one, rank)).length <= one.maxUnavailable, "budget");
  const [first, second] = after.stages;
  if (first === undefined || second === undefined || after.released <= first.to) return;
  for (let rank = 0; rank < first.to; rank += 1)
    must(after.later.includes(rank) || (world.told.has(rank) && world.fates[rank] === "ok"), "stage order");
  const moved = world.fates.slice(0, first.to).some((fate) => fate !== "silent");
  if (first.approval === "after" && moved) must(after.approvals.length === 1, "approval");
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`broken: ${what}`);
}

function act(now: Rollout, what: Act, at: number): Rollout {
  if (what === "none" || isOver(now.state)) return now;
  if (what === "newer")
    return { ...now, fence: now.fence + 1, state: { kind: "superseded", at, by: now.release + 1 } };
  const done = command(now, { kind: what, by: "user:ada" }, at);
  return done.kind === "done" ? done.next : now;
}

function run(
  start: Rollout,
  fates: readonly Fate[],
  order: readonly number[],
  what: Act,
  when: number,
): Rollout {
  const world: World = { fates, assigned: new Set(), told: new Set() };
  let now = start;
  for (let at = 0; at < STEPS_MAX; at += 1) {
    if (at === when) now = act(now, what, at);
    if (what === "pause" && at === when + 3) {
      const resumed = command(now, { kind: "resume", by: "user:ada" }, at);
      if (resumed.kind === "done") now = resumed.next;
    }
    if (now.state.kind === "running" && now.state.step?.kind === "approval") {
      const yes = command(now, { kind: "approve", by: "user:eve" }, at);
      if (yes.kind === "done") now = yes.next;
    }
    const { next, effects } = decide(now, { targets: observe(world, now) }, at);
    check(now, next, world);
    if (isOver(now.state)) must(!effects.some(({ kind }) => kind === "assign"), "over is over");
    for (const effect of effects)
      if (effect.kind === "assign")
        for (const rank of next.out) if (rank >= effect.from && rank < effect.to) world.assigned.add(rank);
    now = next;
    const heard = order.find((rank) => world.assigned.has(rank) && !world.told.has(rank));
    // Every second step somebody is heard: assignments and reports interleave.
    if (heard !== undefined && at % 2 === 1) world.told.add(heard);
  }
  return now;
}

describe("every interleaving of 2 stages × 3 clusters × {ok, fail, silent} × {pause, abort, newer commit}", () => {
  const fates = FATES.flatMap((a) => FATES.flatMap((b) => FATES.map((c): Fate[] => [a, b, c])));

  it.each(SHAPES.map((stages, index) => ({ index, stages: [...stages] })))(
    "keeps the invariants and ends, shape $index",
    ({ stages }) => {
      let runs = 0;
      for (const fate of fates)
        for (const order of ORDERS)
          for (const what of ACTS)
            for (let when = 0; when < (what === "none" ? 1 : 16); when += 1) {
              const end = run(rollout({ total: 3, stages }), fate, order, what, when);
              runs += 1;
              must(endOf(end), `no end: ${JSON.stringify({ fate, order, what, when, end })}`);
            }
      expect(runs).toBe(27 * 6 * 49);
    },
  );
});

/** On the release, or in a named, visible exception: silent, failed, aborted, superseded. */
function endOf({ state, later, out, failed, total }: Rollout): boolean {
  if (state.kind === "halted") return failed.length > 0;
  if (state.kind === "succeeded")
    return state.silent === later.length && out.length === 0 && later.length <= total;
  return state.kind === "aborted" || state.kind === "superseded";
}
