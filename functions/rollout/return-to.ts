/**
 * A person wants what an earlier release gave. The wish stands on the App's record, so that any look acts on it; the mark
 * on the rollout in force is what the audit log has, and wakes the release function, which alone signs.
 */
import type { Stamp } from "#core/actor.ts";
import { RELEASES_KEPT } from "#core/limits.ts";
import { getRelease, getRollout, putRollout } from "../store/rollout.ts";
import { getAppRecord, inForce, putAppRecord } from "../store/state.ts";
import type { AssignDeps } from "./assign.ts";
import type { CommandResult } from "./command.ts";

export interface ReturnCommand {
  project: string;
  app: string;
  /** The release in force. */
  release: number;
  to: number;
  stamp: Stamp;
}

const RACES_MAX = 5;

export async function commandReturn(
  { db }: Pick<AssignDeps, "db">,
  { project, app, release, to, stamp }: ReturnCommand,
): Promise<CommandResult> {
  for (let race = 0; race < RACES_MAX; race++) {
    const [record, rollout, then] = await Promise.all([
      getAppRecord(db, project, app),
      getRollout(db, project, app, release),
      getRelease(db, project, app, to),
    ]);
    if (record === undefined || rollout === undefined) return { kind: "unknown" };
    if (inForce(record) !== release)
      return refused(`release ${release} is not in force any more: release ${inForce(record)} is`);
    const oldest = Math.max(1, record.release - RELEASES_KEPT);
    if (then === undefined || then.targetCount === 0 || to < oldest || to >= record.release)
      return refused(
        `there is no going back to release ${to}: take one from ${oldest} to ${record.release - 1} that was signed (fairlead get releases)`,
      );
    const wish = { ...record, returnTo: { release: to, by: stamp.by }, version: record.version + 1 };
    if ((await putAppRecord(db, wish, record.version)) === "lost") continue;
    const marked = { ...rollout, returnTo: to, stamp };
    if ((await putRollout(db, marked)) === "written") return { kind: "done", rollout: marked };
  }
  return refused(`release ${release} is being changed by others: try again`);
}

function refused(message: string): CommandResult {
  return { kind: "refused", message };
}
