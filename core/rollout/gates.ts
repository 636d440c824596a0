/** What a stage waits for besides its clusters: a yes, a window, the time to soak, what its gates say. */
import { askGates, judgeGates, type Judged } from "./judging.ts";
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
  const isMoved = Math.max(rollout.released, stage.from) >= stage.to;
  if (isMoved && stage.to > stage.from) return undefined;
  if (stage.approval === "before" && !isApproved(rollout, stage, "before"))
    return waiting(rollout, "before", now);
  // An empty stage soaks on while its windows are closed, or a soak that is longer than they are would never end.
  const isOpen = window?.open !== false || rollout.opened === rollout.stage || rollout.promoted !== undefined;
  if (!isMoved && !isOpen)
    return { kind: "window", ...(window.until === undefined ? {} : { until: window.until }) };
  return undefined;
}

export type After =
  | { kind: "passed"; rollout: Rollout }
  | { kind: "waits"; rollout: Rollout; step?: Step | undefined }
  | { kind: "stopped"; rollout: Rollout; by: Extract<Judged, { kind: "broken" }> };

/** Clusters, then the soak with the gates that are watched, then all gates, then the approval. What failed and is tolerated is passed by. */
export function gateAfter(rollout: Rollout, stage: Stage, now: number): After {
  if (!isThere(rollout, stage)) return { kind: "waits", rollout: withoutRuns(rollout, stage) };
  if (rollout.waiting.some((rank) => inStage(stage, rank)))
    return { kind: "waits", rollout: withoutRuns(rollout, stage), step: { kind: "dependency" } };
  if (isUnchanged(rollout, stage)) return { kind: "passed", rollout };
  const step = rollout.state.kind === "running" ? rollout.state.step : undefined;
  // Soak and gates were over when it came to ask.
  const asks = step?.kind === "approval" && step.when === "after" && stage.approval === "after";
  const judged = asks ? undefined : soakAndGates(rollout, stage, step, now);
  if (judged !== undefined && judged.kind !== "passed") return judged;
  const next = judged?.rollout ?? rollout;
  if (stage.approval === "after" && !isApproved(next, stage, "after"))
    return { kind: "waits", rollout: next, step: waiting(next, "after", now) };
  return { kind: "passed", rollout: next };
}

/** Every rank of the stage had its turn, and took it well. */
function isThere(rollout: Rollout, stage: Stage): boolean {
  const failed = new Set(rollout.failed);
  if (rollout.released < stage.to) return false;
  return !rollout.out.some((rank) => inStage(stage, rank) && !failed.has(rank));
}

/**
 * Where nothing changed for any of its clusters there is nothing to wait for. An empty stage keeps its gates, for it may
 * be empty by a slip in a label; so does one of silent clusters alone, for nobody has seen the release there.
 */
function isUnchanged({ moved, later }: Rollout, stage: Stage): boolean {
  return moved === 0 && stage.to > stage.from && !later.some((rank) => inStage(stage, rank));
}

/** What the gates said before the stage had to begin anew counts for nothing. */
function withoutRuns(rollout: Rollout, stage: Stage): Rollout {
  const gates = rollout.gates.filter((run) => run.stage !== stage.name);
  return gates.length === rollout.gates.length ? rollout : { ...rollout, gates };
}

function soakAndGates(rollout: Rollout, stage: Stage, step: Step | undefined, now: number): After {
  const isBegun = step?.kind === "soaking" || step?.kind === "gates";
  const begun = isBegun || stage.gates === undefined ? rollout : { ...rollout, gates: [] };
  const soaked = rollout.promoted === undefined ? soak(step, stage, now) : undefined;
  if (stage.gates === undefined)
    return soaked === undefined ? { kind: "passed", rollout } : { kind: "waits", rollout, step: soaked };
  const judged = judgeGates(begun, stage, now);
  if (judged.kind === "broken") return { kind: "stopped", rollout: begun, by: judged };
  if (judged.kind === "passed" && soaked === undefined) return { kind: "passed", rollout: begun };
  const since = step?.kind === "gates" ? step.since : now;
  return {
    kind: "waits",
    rollout: askGates(begun, stage, now, soaked === undefined),
    step: soaked ?? { kind: "gates", since },
  };
}

function soak(step: Step | undefined, { soakMs }: Stage, now: number): Step | undefined {
  if (soakMs === undefined || step?.kind === "gates") return undefined;
  const since = step?.kind === "soaking" ? step.since : now;
  const until = step?.kind === "soaking" ? step.until : now + soakMs;
  return now >= until ? undefined : { kind: "soaking", since, until };
}

function waiting({ state }: Rollout, when: "before" | "after", now: number): Step {
  const step = state.kind === "running" ? state.step : undefined;
  return step?.kind === "approval" && step.when === when ? step : { kind: "approval", when, since: now };
}

export function isApproved(rollout: Rollout, stage: Stage, when: "before" | "after"): boolean {
  return approversOf(rollout, stage, when).size >= (stage.approvers?.count ?? 1);
}

/** Who has said yes: people count once, however often they say it. */
export function approversOf(
  { approvals }: Rollout,
  { name }: Stage,
  when: "before" | "after",
): ReadonlySet<string> {
  return new Set(approvals.filter((one) => one.stage === name && one.when === when).map(({ by }) => by));
}
