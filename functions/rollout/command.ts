/**
 * A person's command to a rollout: one change of its record, stamped for the audit log, then the step that follows from
 * it. Whoever was faster is read and decided again.
 */
import type { Actor, Stamp } from "#core/actor.ts";
import { approverRefusal, type Approvers } from "#core/approval.ts";
import { HUB_PROJECT } from "#core/project.ts";
import { command, isOver, type CommandKind, type Rollout } from "#core/rollout.ts";
import { getProject } from "../store/resource.ts";
import { getRollout, putRollout } from "../store/rollout.ts";
import { getAppRecord, inForce, type AppRecord } from "../store/state.ts";
import type { AssignDeps } from "./assign.ts";
import { tick } from "./tick.ts";

export interface RolloutCommand {
  project: string;
  app: string;
  release: number;
  command: CommandKind;
  stamp: Stamp;
  /** Absent: nobody of whom a stage asks for a yes by name. */
  actor?: Actor;
}

export type CommandResult =
  | { kind: "done"; rollout: Rollout }
  | { kind: "refused"; message: string }
  | { kind: "unknown" };

const RACES_MAX = 5;

export async function commandRollout(deps: AssignDeps, told: RolloutCommand): Promise<CommandResult> {
  const { project, app, release, stamp } = told;
  for (let race = 0; race < RACES_MAX; race++) {
    const rollout = await getRollout(deps.db, project, app, release);
    if (rollout === undefined) return { kind: "unknown" };
    const record = await getAppRecord(deps.db, project, app);
    const elsewhere = newerInForce(record, rollout, told.command);
    if (elsewhere !== undefined) return { kind: "refused", message: elsewhere };
    const { by, why } = stamp;
    const refusalOf = await approverCheck(deps, rollout, told);
    const commanded = command(rollout, { kind: told.command, by, reason: why, refusalOf }, deps.now());
    if (commanded.kind === "refused") return commanded;
    if (commanded.kind === "done") {
      const next = { ...commanded.next, stamp };
      if ((await putRollout(deps.db, next, recordAfter(record, rollout, told.command))) === "lost") continue;
    }
    await tick(deps, project, app, release, { redrive: true });
    const rolled = await getRollout(deps.db, project, app, release);
    return rolled === undefined ? { kind: "unknown" } : { kind: "done", rollout: rolled };
  }
  return {
    kind: "refused",
    message: `the rollout of release ${release} is being changed by others: try again`,
  };
}

/** Roles are read only where a stage asks for certain people, and a yes is given. */
async function approverCheck(
  { db }: AssignDeps,
  { project, stages }: Rollout,
  { command: told, actor = hubActor }: RolloutCommand,
): Promise<((approvers: Approvers) => string | undefined) | undefined> {
  const isYes = told === "approve" || told === "promote";
  if (!isYes || stages.every(({ approvers }) => approvers === undefined)) return undefined;
  const found = await Promise.all([project, HUB_PROJECT].map((name) => getProject(db, name)));
  const bindings = found.flatMap((one) => one?.spec.roles ?? []);
  return (approvers) => approverRefusal(approvers, actor, bindings);
}

const hubActor: Actor = { kind: "hub", part: "rollout" };

const TOLD_TO_WITHHELD: readonly CommandKind[] = ["approve", "reject", "abort"];

function newerInForce(
  record: AppRecord | undefined,
  { release }: Rollout,
  told: CommandKind,
): string | undefined {
  if (record === undefined || inForce(record) === release) return undefined;
  if (record.withheld === release && TOLD_TO_WITHHELD.includes(told)) return undefined;
  return `release ${release} is not in force any more: release ${inForce(record)} is`;
}

/**
 * What the App's record says from then on, written together with the rollout: cut off in between, a pin that was lifted
 * would stay, with nobody left to lift it. Undefined: it is not touched.
 */
function recordAfter(
  record: AppRecord | undefined,
  { release, state }: Rollout,
  told: CommandKind,
): AppRecord | undefined {
  if (record === undefined) return undefined;
  if (told === "unpin") return record.pinned?.release === release ? unpinned(record) : record;
  // A newer release does not touch what is over: the App's record alone says that there is none.
  if (!isOver(state)) return undefined;
  return told === "rollback" ? { ...record, active: true } : record;
}

/** Looked at and rendered anew: the same commit may be tried again. */
function unpinned(record: AppRecord): AppRecord {
  const { pinned: _, reads: __, ...rest } = record;
  return { ...rest, inputs: "" };
}
