/**
 * One step of a rollout: read it and what it asks to see, decide, write. A lost race is read and decided again. A few
 * ranks are assigned at once, many through the stream; what was lost on that way is owed again and handed out here when
 * `redrive` is asked.
 */
import {
  decide,
  DIRECT_RANKS_MAX,
  freshOut,
  isOver,
  type Effect,
  type ObservedTarget,
  type Rollout,
} from "#core/rollout.ts";
import { canonicalJson } from "#core/digest.ts";
import { getRollout, putRollout } from "../store/rollout.ts";
import { assignRange, assignRanks, isOfBefore, type AssignDeps } from "./assign.ts";
import { finish } from "./finish.ts";
import { observeLater, observeNext, observeOpen, observeReported, type Reported } from "./observe.ts";
import { windowsNow } from "./windows.ts";

const RACES_MAX = 5;
/** Silent clusters are passed by, each look twice as far as the one before: a hundred thousand in one tick. */
const LOOKS_MAX = 18;

export interface TickOptions {
  redrive?: boolean;
  /** Only these are looked at; absent: all that are out. */
  reported?: readonly Reported[];
  /** Only these are looked at, as far as they were passed by: what they waited for may be there. */
  later?: readonly string[];
}

export async function tick(
  deps: AssignDeps,
  project: string,
  app: string,
  release: number,
  { redrive = false, reported, later }: TickOptions = {},
): Promise<Rollout | undefined> {
  for (let race = 0; race < RACES_MAX; race++) {
    const rollout = await getRollout(deps.db, project, app, release);
    if (rollout === undefined) return undefined;
    if (isOver(rollout.state) && rollout.state.kind !== "succeeded") {
      if (redrive) await finish(deps, rollout);
      return rollout;
    }
    if (await isOfBefore(deps, rollout)) return rollout;
    const seen = await observe(deps, rollout, reported, later);
    const { next, effects } = await decided(deps, rollout, seen);
    const isNew = canonicalJson(next) !== canonicalJson(rollout);
    if (isNew && (await putRollout(deps.db, next)) === "lost") continue;
    const fresh = isNew ? freshOut(rollout, next) : [];
    if (redrive) await handOut(deps, next, effects);
    else if (fresh.length <= DIRECT_RANKS_MAX) await assignRanks(deps, next, fresh);
    if (isOver(next.state) && (isNew || redrive)) await finish(deps, next);
    return isNew ? { ...next, version: next.version + 1 } : next;
  }
  // Each loser leaves a winner behind, and the sweep looks again: nothing is lost by giving up here.
  return undefined;
}

function observe(
  deps: AssignDeps,
  rollout: Rollout,
  reported: readonly Reported[] | undefined,
  later: readonly string[] | undefined,
): Promise<ObservedTarget[]> {
  if (later !== undefined) return observeLater(deps, rollout, later);
  return reported === undefined ? observeOpen(deps, rollout) : observeReported(deps, rollout, reported);
}

/** Looks at the next ranks as long as the decision asks for them. */
async function decided(deps: AssignDeps, rollout: Rollout, targets: ObservedTarget[]) {
  const seen = [...targets];
  const now = deps.now();
  const windows = windowsNow(rollout, now);
  let decision = decide(rollout, { targets: seen, windows }, now);
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const look = decision.effects.find((effect) => effect.kind === "look");
    if (look === undefined) break;
    const most = Math.max(look.room, 2 ** looks);
    const next = await observeNext(deps, rollout, look.from, Math.min(look.to, look.from + most));
    if (next.length === 0) break;
    seen.push(...next);
    decision = decide(rollout, { targets: seen, windows }, now);
  }
  return decision;
}

async function handOut(
  deps: AssignDeps,
  { project, app, release }: Rollout,
  effects: readonly Effect[],
): Promise<void> {
  for (const effect of effects)
    if (effect.kind === "assign") {
      const { from, to, fence } = effect;
      await assignRange(deps, { project, app, release, from, to, fence });
    }
}
