/**
 * The small scope in every order: two stages of three clusters, each of which ends well, fails or is silent. From each state
 * that can be reached everything is tried that may happen next (a look, an assignment that lands, a report, time that
 * passes, a command at any moment), and from each state it comes to an end once nothing more is commanded.
 */
import { describe, expect, it } from "vitest";
import { command, decide, inStageOf, type Rollout, type Standing } from "#core/rollout.ts";
import { rollout, seen, stage } from "../../support/rollout.ts";

const FATES = ["ok", "fail", "silent"] as const;
type Fate = (typeof FATES)[number];
const ACTS = ["pause", "abort", "newer"] as const;
type Act = (typeof ACTS)[number];
const SOAK_MS = 10;
const STATES_MAX = 50_000;

interface State {
  rollout: Rollout;
  /** Assignments that were decided and are not written yet. */
  owed: readonly number[];
  assigned: readonly number[];
  told: readonly number[];
  now: number;
  act: Act | "none";
}

const ALL = [0, 1, 2];

function standing(state: State, fates: readonly Fate[], rank: number): Standing {
  if (fates[rank] === "silent") return { kind: "silent" };
  if (rank >= state.rollout.released) return { kind: "ready", unavailable: false };
  if (!state.assigned.includes(rank)) return { kind: "moving", assigned: false };
  if (!state.told.includes(rank)) return { kind: "moving", assigned: true };
  return fates[rank] === "ok" ? { kind: "available" } : { kind: "failed", reason: "broken" };
}

function look(state: State, fates: readonly Fate[]): State {
  const targets = ALL.map((rank) => seen(rank, standing(state, fates, rank)));
  const { next, effects } = decide(state.rollout, { targets }, state.now);
  const due = effects.flatMap((effect) =>
    effect.kind === "assign" ? next.out.filter((rank) => rank >= effect.from && rank < effect.to) : [],
  );
  check(state, next, fates);
  return { ...state, rollout: next, owed: [...new Set([...state.owed, ...due])].sort((a, b) => a - b) };
}

function check({ rollout: was, told }: State, is: Rollout, fates: readonly Fate[]): void {
  must(is.released >= was.released && is.stage >= was.stage && is.fence >= was.fence, "nothing goes back");
  for (const one of is.stages)
    must(is.out.filter((rank) => inStageOf(one, rank)).length <= one.maxUnavailable, "the budget of a stage");
  const [first] = is.stages;
  if (first === undefined || is.released <= first.to) return;
  for (let rank = 0; rank < first.to; rank += 1)
    must(fates[rank] === "silent" || (told.includes(rank) && fates[rank] === "ok"), "the order of stages");
  if (first.approval === "after") must(is.approvals.length === 1, "the approval");
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`broken: ${what}`);
}

/** Everything that may happen next. */
function nexts(state: State, fates: readonly Fate[], act: Act): State[] {
  const { owed, assigned, told } = state;
  const lands = owed.map((rank) => land(state, rank));
  const heard = assigned.filter((rank) => !told.includes(rank) && fates[rank] !== "silent");
  const reports = heard.map((rank) => ({ ...state, told: [...told, rank].sort((a, b) => a - b) }));
  const isSoaking = state.rollout.state.kind === "running" && state.rollout.state.step?.kind === "soaking";
  const later = isSoaking && state.now === 0 ? [{ ...state, now: SOAK_MS }] : [];
  return [look(state, fates), ...lands, ...reports, ...later, ...commanded(state, act), ...answered(state)];
}

/** As the handler does it: what a fence or the end of the rollout forbids is dropped. */
function land(state: State, rank: number): State {
  const owed = state.owed.filter((one) => one !== rank);
  const isOver = state.rollout.state.kind === "aborted" || state.rollout.state.kind === "superseded";
  return isOver
    ? { ...state, owed }
    : { ...state, owed, assigned: [...new Set([...state.assigned, rank])].sort((a, b) => a - b) };
}

function commanded(state: State, act: Act): State[] {
  const { rollout: now } = state;
  if (state.act !== "none") return [];
  if (act === "newer") {
    if (now.state.kind !== "running" && now.state.kind !== "halted") return [];
    const ended = { kind: "superseded", at: state.now, by: now.release + 1 } as const;
    return [{ ...state, act, rollout: { ...now, fence: now.fence + 1, state: ended } }];
  }
  const done = command(now, { kind: act, by: "user:ada" }, state.now);
  return done.kind === "done" ? [{ ...state, act, rollout: done.next }] : [];
}

/** What a person says to a rollout that waits for it. */
function answered(state: State): State[] {
  const kinds = ["approve", "resume"] as const;
  return kinds.flatMap((kind) => {
    const waits = kind === "resume" ? state.rollout.state.kind === "paused" : true;
    const done = command(state.rollout, { kind, by: "user:eve" }, state.now);
    return waits && done.kind === "done" ? [{ ...state, rollout: done.next }] : [];
  });
}

const keyOf = (state: State): string => JSON.stringify(state);

/** Every state that can be reached, each once. */
function reachable(start: State, fates: readonly Fate[], act: Act): State[] {
  const found = new Map([[keyOf(start), start]]);
  for (const state of found.values()) {
    for (const next of nexts(state, fates, act)) found.set(keyOf(next), found.get(keyOf(next)) ?? next);
    must(found.size < STATES_MAX, `more than ${STATES_MAX} states`);
  }
  return [...found.values()];
}

/** Everything that was begun happens, and people answer. */
function endFrom(start: State, fates: readonly Fate[]): State {
  let state = start;
  for (let round = 0; round < 30; round += 1) {
    state = look({ ...state, now: state.now + SOAK_MS }, fates);
    for (const rank of state.owed) state = land(state, rank);
    const told = state.assigned.filter((rank) => fates[rank] !== "silent");
    state = { ...state, told };
    state = answered(state)[0] ?? state;
  }
  return state;
}

function isEnd({ rollout: { state, later, out, failed } }: State): boolean {
  if (state.kind === "halted") return failed.length > 0;
  if (state.kind === "succeeded") return out.length === 0 && state.silent === later.length;
  return state.kind === "aborted" || state.kind === "superseded";
}

const SHAPES = [
  [stage("canary", 0, 1), stage("rest", 1, 3)],
  [stage("canary", 0, 2, { soakMs: SOAK_MS, maxUnavailable: 2 }), stage("rest", 2, 3)],
  [stage("canary", 0, 1, { approval: "after" }), stage("rest", 1, 3, { maxUnavailable: 2 })],
];

describe.each(SHAPES.map((stages, index) => ({ index, stages })))(
  "shape $index, in every order",
  ({ stages }) => {
    it.each(ACTS)("with %s at any moment: keeps the invariants and ends from everywhere", (act) => {
      let states = 0;
      for (const a of FATES)
        for (const b of FATES)
          for (const c of FATES) {
            const fates = [a, b, c];
            const first = rollout({ total: 3, stages });
            const start: State = { rollout: first, owed: [], assigned: [], told: [], now: 0, act: "none" };
            for (const state of reachable(start, fates, act)) {
              states += 1;
              must(isEnd(endFrom(state, fates)), `no end: ${keyOf(state)}`);
            }
          }
      expect(states).toBeGreaterThan(200);
    });
  },
);
