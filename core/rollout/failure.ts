/** When failures stop a rollout, and how: it halts where it is, or it goes back. */
import { sentence } from "../text.ts";
import { inStage, roomIn } from "./ranks.ts";
import type { Rollout } from "./state.ts";

/** The stopped rollout; undefined: it may go on. What a person halted, a person lets go on. */
export function onFailures(rollout: Rollout, now: number): Rollout | undefined {
  const { state, failed, maxFailures, onFailure } = rollout;
  if (state.kind === "halted" && state.by !== undefined) return rollout;
  if (failed.length === 0) return undefined;
  if (failed.length < maxFailures && !isStuck(rollout)) return undefined;
  const reason = failureReason(rollout);
  return onFailure === "rollback"
    ? rollingBack(rollout, reason, now)
    : { ...rollout, state: { kind: "halted", reason } };
}

/** Those that failed use up the whole budget: nothing would ever move again. */
function isStuck(rollout: Rollout): boolean {
  const stage = rollout.stages[rollout.stage];
  if (stage === undefined) return false;
  const waits = rollout.waiting.some((rank) => inStage(stage, rank));
  if (rollout.released >= stage.to && !waits) return false;
  const failed = new Set(rollout.failed);
  const out = rollout.out.filter((rank) => inStage(stage, rank));
  const slots = stage.maxConcurrent ?? Number.POSITIVE_INFINITY;
  return out.every((rank) => failed.has(rank)) && (roomIn(stage, rollout) === 0 || out.length >= slots);
}

export function failureReason({ failures, failed }: Rollout): string {
  const [first] = failures;
  const others = failed.length > 1 ? ` (and ${failed.length - 1} more)` : "";
  return sentence(
    first === undefined ? `${failed.length} failed` : `${first.cluster}${others}: ${first.reason}`,
  );
}

/** The fence grows: what was handed out and not written yet is not written any more. */
export function rollingBack(rollout: Rollout, reason: string, now: number): Rollout {
  return { ...rollout, fence: rollout.fence + 1, state: { kind: "rolling-back", reason, since: now } };
}
