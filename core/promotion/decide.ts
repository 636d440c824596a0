/**
 * What a Promotion does next, decided over plain data. Level-triggered: whoever looks, as often as they like, comes to the
 * same; a release lands once, so a person's revert or refusal of it stays.
 *
 * Nothing is written to a host for a release whose rollout has not succeeded. Without a person's word the release has
 * besides been healthy on every cluster, without any new report, for all of `soak`.
 */
import { durationMs } from "../duration.ts";
import type { RolloutState } from "../rollout/state.ts";
import type { PromotionSpec } from "../promotion.ts";
import type { PromotionRecord, PromotionState } from "./state.ts";

/** How the clusters of the App do, looked at now. */
export type Health =
  | { kind: "healthy"; /** The newest report of any of them. */ since: number }
  | { kind: "unhealthy"; reason: string };

export interface PromotionObserved {
  /** Why it can never work as it is written, such as a loop. */
  fault?: string | undefined;
  /** Of the App, with its rollout; absent: it has none. */
  newest?: { release: number; rollout: RolloutState } | undefined;
  /** Absent: it was not looked at. */
  health?: Health | undefined;
}

export type PromotionEffect =
  /** Look at the clusters, then decide again. */
  | { kind: "observe" }
  /** Write `release` to the host. */
  | { kind: "deliver"; release: number }
  /** See what became of the pull request. */
  | { kind: "watch"; number: number };

export interface Decided {
  next: PromotionState;
  effects: PromotionEffect[];
}

type Known = Pick<PromotionRecord, "landed" | "pull" | "asked"> & { state: PromotionState | undefined };

/** `known` is what is stored for this very spec; nothing of another one counts. */
export function decidePromotion(
  spec: PromotionSpec,
  known: Known,
  observed: PromotionObserved,
  now: number,
): Decided {
  const watch: PromotionEffect[] =
    known.pull === undefined ? [] : [{ kind: "watch", number: known.pull.number }];
  const stay = (next: PromotionState): Decided => ({ next: unchanged(known.state, next), effects: watch });
  const { fault, newest } = observed;
  if (fault !== undefined) return stay(refused(fault, now));
  if (newest === undefined)
    return stay({ kind: "waiting", reason: `App ${spec.from.app} has no release yet`, at: now });
  const { release } = newest;
  if (known.state !== undefined && isSettled(known, release)) return stay(known.state);
  const isAsked = known.asked?.release === release;
  const why = unfinished(newest.rollout, isAsked);
  if (why !== undefined) return stay({ kind: "waiting", release, reason: why, at: now });
  if (isWaitingAgain(known.state, release, now)) return stay(known.state);
  const step = isAsked ? "deliver" : soak(spec, known.state, newest, observed.health, now);
  if (step === "observe")
    return { next: known.state ?? looking(release, now), effects: [{ kind: "observe" }] };
  if (step !== "deliver") return stay(step);
  return { next: known.state ?? looking(release, now), effects: [{ kind: "deliver", release }] };
}

function isWaitingAgain(
  state: PromotionState | undefined,
  release: number,
  now: number,
): state is Extract<PromotionState, { kind: "failed" }> {
  return state?.kind === "failed" && state.release === release && state.again > now;
}

/** Nothing is to be done for this release any more. */
function isSettled({ state, landed, asked }: Known, release: number): boolean {
  if (state === undefined || state.release === undefined) return false;
  if (state.kind === "current") return landed !== undefined && landed.release >= release;
  if (state.release !== release) return false;
  return state.kind === "opened" || (state.kind === "declined" && asked?.release !== release);
}

/** A release that only some clusters have is not promoted; that they were silent a person may pass over. */
function unfinished(rollout: RolloutState, isAsked: boolean): string | undefined {
  if (rollout.kind !== "succeeded") return `its rollout is ${rollout.kind}`;
  const { silent, failed = 0 } = rollout;
  if (isAsked || silent + failed === 0) return undefined;
  return `${silent} silent and ${failed} failed clusters were passed over by its rollout`;
}

function soak(
  spec: PromotionSpec,
  state: PromotionState | undefined,
  { release, rollout }: NonNullable<PromotionObserved["newest"]>,
  health: Health | undefined,
  now: number,
): PromotionState | "observe" | "deliver" {
  if (state?.kind === "soaking" && state.release === release && state.until > now) return state;
  if (health === undefined) return "observe";
  if (health.kind === "unhealthy") return { kind: "waiting", release, reason: health.reason, at: now };
  // A report later than that was of something that changed: from there on it has been as it is.
  const since = Math.max(health.since, rollout.kind === "succeeded" ? rollout.at : now);
  const until = since + durationMs(spec.soak);
  return until > now ? { kind: "soaking", release, since, until } : "deliver";
}

const FAULT_AGAIN_MS = 60_000;

function refused(message: string, now: number): PromotionState {
  const again = now + FAULT_AGAIN_MS;
  return { kind: "failed", code: "refused", message, at: now, attempts: 1, again };
}

function looking(release: number, now: number): PromotionState {
  return { kind: "waiting", release, reason: "its clusters are looked at", at: now };
}

/** The same said again keeps its time: a quiet Promotion writes nothing. */
function unchanged(before: PromotionState | undefined, next: PromotionState): PromotionState {
  if (before === undefined || before.kind !== next.kind || before.release !== next.release) return next;
  if (before.kind === "waiting" && next.kind === "waiting" && before.reason === next.reason) return before;
  if (before.kind === "failed" && next.kind === "failed" && before.message === next.message) return before;
  return next;
}
