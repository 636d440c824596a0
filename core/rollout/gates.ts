/** What a stage waits for besides its clusters: a yes, a window, the time to soak. */
import { inStage } from "./ranks.ts";
import type { Rollout, Stage, Step } from "./state.ts";
import type { WindowVerdict } from "./window.ts";

/** Why no (further) cluster of the stage may move; undefined: they may. Moves under way finish. */
export function gateBefore(
  rollout: Rollout,
  stage: Stage,
  window: WindowVerdict | undefined,
  now: number,
): Step | undefined {
  if (Math.max(rollout.released, stage.from) >= stage.to && stage.to > stage.from) return undefined;
  if (stage.approval === "before" && !isApproved(rollout, stage, "before"))
    return waiting(rollout, "before", now);
  if (window !== undefined && !window.open)
    return { kind: "window", ...(window.until === undefined ? {} : { until: window.until }) };
  return undefined;
}

/** Every rank of the stage had its turn. What failed and is tolerated is passed by. */
export function gateAfter(rollout: Rollout, stage: Stage, now: number): Step | undefined | "passed" {
  const failed = new Set(rollout.failed);
  if (rollout.released < stage.to) return undefined;
  if (rollout.out.some((rank) => inStage(stage, rank) && !failed.has(rank))) return undefined;
  // Where nothing changes for any of its clusters there is nothing to wait for. An empty stage keeps its gates, for it
  // may be empty by a slip in a label; so does one whose clusters were silent, for nobody has tried the release there.
  const unchanged =
    rollout.moved === 0 && stage.to > stage.from && !rollout.later.some((rank) => inStage(stage, rank));
  if (unchanged) return "passed";
  const soaked = soak(rollout, stage, now);
  if (soaked !== undefined) return soaked;
  if (stage.approval === "after" && !isApproved(rollout, stage, "after"))
    return waiting(rollout, "after", now);
  return "passed";
}

function soak({ state }: Rollout, { soakMs, approval }: Stage, now: number): Step | undefined {
  const step = state.kind === "running" ? state.step : undefined;
  // The soak was over when it came to ask.
  if (soakMs === undefined || (step?.kind === "approval" && step.when === "after" && approval === "after"))
    return undefined;
  const since = step?.kind === "soaking" ? step.since : now;
  const until = step?.kind === "soaking" ? step.until : now + soakMs;
  return now >= until ? undefined : { kind: "soaking", since, until };
}

function waiting({ state }: Rollout, when: "before" | "after", now: number): Step {
  const step = state.kind === "running" ? state.step : undefined;
  return step?.kind === "approval" && step.when === when ? step : { kind: "approval", when, since: now };
}

export function isApproved({ approvals }: Rollout, { name }: Stage, when: "before" | "after"): boolean {
  return approvals.some((one) => one.stage === name && one.when === when);
}
