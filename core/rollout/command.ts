/** What people may tell a rollout. Each command is one change of the record; what follows from it is decided like all else. */
import { assertNever } from "../assert.ts";
import { rollingBack } from "./failure.ts";
import { isApproved } from "./gates.ts";
import { isOver, type Rollout, type Step } from "./state.ts";

export const COMMANDS = [
  "pause",
  "resume",
  "approve",
  "reject",
  "skip-stage",
  "retry",
  "abort",
  "rollback",
  "unpin",
] as const;
export type CommandKind = (typeof COMMANDS)[number];

export type Commanded =
  | { kind: "done"; next: Rollout }
  /** It is so already. */
  | { kind: "already" }
  | { kind: "refused"; message: string };

export interface Command {
  kind: CommandKind;
  by: string;
  reason?: string | undefined;
}

export function command(rollout: Rollout, told: Command, now: number): Commanded {
  switch (told.kind) {
    case "pause":
      return pause(rollout, told.by, now);
    case "resume":
      return resume(rollout);
    case "approve":
      return approve(rollout, told.by, now);
    case "reject":
      return reject(rollout, told, now);
    case "skip-stage":
      return skip(rollout, now);
    case "retry":
      return retry(rollout, now);
    case "abort":
      return abort(rollout, told.by, now);
    case "rollback":
      return rollback(rollout, told, now);
    case "unpin":
      return unpin(rollout);
    default:
      return assertNever(told.kind);
  }
}

const done = (next: Rollout): Commanded => ({ kind: "done", next });
const refused = (message: string): Commanded => ({ kind: "refused", message });

function notNow({ release, state }: Rollout, verb: string, when: string): Commanded {
  return refused(`release ${release} is ${state.kind}: only one that is ${when} can be ${verb}`);
}

function pause(rollout: Rollout, by: string, at: number): Commanded {
  const { state } = rollout;
  if (state.kind === "paused") return { kind: "already" };
  if (state.kind !== "running" && state.kind !== "halted") return notNow(rollout, "paused", "running");
  return done({ ...rollout, state: { kind: "paused", by, at } });
}

function resume(rollout: Rollout): Commanded {
  const { state } = rollout;
  if (state.kind === "running") return { kind: "already" };
  const isHeld = state.kind === "halted" && state.by !== undefined;
  if (state.kind !== "paused" && !isHeld) return notNow(rollout, "resumed", "paused");
  return done({ ...rollout, state: { kind: "running" } });
}

function approvalStep({ state }: Rollout): Extract<Step, { kind: "approval" }> | undefined {
  const step = state.kind === "running" ? state.step : undefined;
  return step?.kind === "approval" ? step : undefined;
}

/** By a second person: who changed the App that this release is made of has said yes already. */
function approve(rollout: Rollout, by: string, at: number): Commanded {
  if (rollout.state.kind === "withheld") return approveLosses(rollout, rollout.state, by, at);
  const step = approvalStep(rollout);
  const stage = rollout.stages[rollout.stage];
  if (stage === undefined || step === undefined) {
    const given =
      stage !== undefined && stage.approval !== undefined && isApproved(rollout, stage, stage.approval);
    return given ? { kind: "already" } : refused(`release ${rollout.release} waits for no approval`);
  }
  if (isApproved(rollout, stage, step.when)) return { kind: "already" };
  if (by === rollout.by)
    return refused(`${by} made this release by changing the App: somebody else has to approve it`);
  const approval = { stage: stage.name, when: step.when, by, at };
  return done({ ...rollout, approvals: [...rollout.approvals, approval] });
}

type Withheld = Extract<Rollout["state"], { kind: "withheld" }>;

function approveLosses(rollout: Rollout, state: Withheld, by: string, at: number): Commanded {
  if (state.approved !== undefined) return { kind: "already" };
  if (state.authors.includes(by))
    return refused(
      `${by} made release ${rollout.release}: somebody else has to approve what it would delete, or raise spec.rollout.budget`,
    );
  return done({ ...rollout, state: { ...state, approved: { by, at } } });
}

function reject(rollout: Rollout, { by, reason }: Command, now: number): Commanded {
  if (rollout.state.kind === "withheld") {
    const why = words("rejected", by, reason);
    return done({ ...rollout, state: { kind: "aborted", at: now, by, reason: why } });
  }
  if (approvalStep(rollout) === undefined) return refused(`release ${rollout.release} waits for no approval`);
  const why = words("rejected", by, reason);
  if (rollout.onFailure === "rollback") return done(rollingBack(rollout, why, now));
  return done({ ...rollout, state: { kind: "halted", reason: why, by } });
}

/** A soak, or the wait for a window: an approval is given by who may approve. */
function skip(rollout: Rollout, now: number): Commanded {
  const step = rollout.state.kind === "running" ? rollout.state.step : undefined;
  const stage = rollout.stages[rollout.stage];
  if (stage !== undefined && step?.kind === "window")
    return done({ ...rollout, opened: rollout.stage, state: { kind: "running" } });
  if (stage === undefined || step?.kind !== "soaking")
    return refused(`release ${rollout.release} has no soak and no window to skip at this moment`);
  return done({ ...rollout, state: { kind: "running", step: { ...step, until: now } } });
}

function retry(rollout: Rollout, now: number): Commanded {
  const { state, failed } = rollout;
  const held = state.kind === "halted" || state.kind === "running" || state.kind === "paused";
  if (!held || (failed.length === 0 && state.kind !== "halted"))
    return refused(`release ${rollout.release} has no failed cluster or gate to try again`);
  const next = { ...rollout, failed: [], failures: [], gates: [], retriedAt: now };
  return done(state.kind === "halted" ? { ...next, state: { kind: "running" } } : next);
}

function abort(rollout: Rollout, by: string, at: number): Commanded {
  const { state } = rollout;
  if (state.kind === "aborted") return { kind: "already" };
  if (isOver(state)) return notNow(rollout, "aborted", "under way");
  if (state.kind === "rolling-back")
    return refused(`release ${rollout.release} is going back: that cannot be aborted half-way`);
  return done({ ...rollout, fence: rollout.fence + 1, state: { kind: "aborted", at, by } });
}

function rollback(rollout: Rollout, { by, reason }: Command, now: number): Commanded {
  const { state } = rollout;
  if (state.kind === "rolling-back" || state.kind === "rolled-back") return { kind: "already" };
  if (state.kind === "superseded" || state.kind === "pending")
    return notNow(rollout, "rolled back", "in force");
  return done(rollingBack(rollout, words("rolled back", by, reason), now));
}

function unpin(rollout: Rollout): Commanded {
  if (rollout.pinned !== true) return refused(`release ${rollout.release} pins nothing`);
  const { pinned: _, ...rest } = rollout;
  return done(rest);
}

function words(what: string, by: string, reason: string | undefined): string {
  return reason === undefined ? `${what} by ${by}` : `${what} by ${by}: ${reason}`;
}
