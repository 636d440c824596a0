/** When failures stop a rollout, and how: it halts where it is, or it goes back. */
import { sentence } from "../text.ts";
import type { Judged } from "./judging.ts";
import { inStage, roomIn } from "./ranks.ts";
import type { Rollout } from "./state.ts";

/** The stopped rollout; undefined: it may go on. What a person halted, a person lets go on. */
export function onFailures(rollout: Rollout, now: number): Rollout | undefined {
  const { state, failed, maxFailures, onFailure } = rollout;
  if (state.kind === "halted" && state.by !== undefined) return rollout;
  const isFew = failed.length === 0 || (failed.length < maxFailures && !isStuck(rollout));
  // What a gate halted goes on when somebody says so: clusters that heal are no answer to it.
  if (isFew) return state.kind === "halted" && state.gate !== undefined ? rollout : undefined;
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

/** A gate that says no is a failure like a cluster's; one that says nothing waits for a person. */
export function onGate(
  rollout: Rollout,
  { gate, failed, reason }: Extract<Judged, { kind: "broken" }>,
  now: number,
): Rollout {
  return failed && rollout.onFailure === "rollback"
    ? rollingBack(rollout, reason, now)
    : { ...rollout, state: { kind: "halted", reason, gate } };
}

/** The fence grows: what was handed out and not written yet is not written any more. */
export function rollingBack(rollout: Rollout, reason: string, now: number): Rollout {
  return { ...rollout, fence: rollout.fence + 1, state: { kind: "rolling-back", reason, since: now } };
}
