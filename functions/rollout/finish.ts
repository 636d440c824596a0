/**
 * What follows the end of a rollout: a deleted App goes, a rollback pins, the release that waited starts. All of it may be
 * repeated; the sweep does, where a crash left it undone.
 */
import { isDone, isOver, type Rollout } from "#core/rollout.ts";
import { getTargets } from "../release/content.ts";
import { leaveApp } from "../release/leave.ts";
import { isPinned } from "../release/pin.ts";
import { getResource } from "../store/resource.ts";
import { getRelease, getRollout, putRollout } from "../store/rollout.ts";
import { getAppRecord, inForce, markInactive, putAppRecord, type AppRecord } from "../store/state.ts";
import type { AssignDeps } from "./assign.ts";

const PINNED_CLUSTERS_MAX = 50;

type Ended = Pick<Rollout, "project" | "app" | "release">;

/**
 * The record is read before the rollout: whoever takes the end back, or a pin, writes both in one transaction. So either
 * that is seen here, or the record is another one by the time that it is written.
 */
export async function finish(deps: AssignDeps, { project, app, release }: Ended): Promise<void> {
  const record = await getAppRecord(deps.db, project, app);
  const rollout = await getRollout(deps.db, project, app, release);
  if (rollout === undefined || !isOver(rollout.state)) return;
  if (record?.release === release && (await hasLeft(deps, rollout))) {
    const stored = await getResource(deps.db, "App", project, app);
    if (stored?.deleting === true) await leaveApp(deps.db, stored);
  }
  if (record === undefined) return;
  const pinned = await pin(deps, rollout, record);
  if (pinned.release !== release) await startWaiting(deps, rollout, pinned);
  else if (pinned.active && isDone(rollout))
    await markInactive(deps.db, pinned, rollout.state.kind === "aborted" ? "look-anew" : undefined);
}

/** Its newest release takes it off all of its clusters, and they are done. One of before may end while the removal is yet to be made. */
async function hasLeft({ db }: AssignDeps, { project, app, release, state }: Rollout): Promise<boolean> {
  if (!isWhole(state)) return false;
  const made = await getRelease(db, project, app, release);
  return made !== undefined && made.removed === made.targetCount;
}

/** Every cluster has it. */
function isWhole(state: Rollout["state"]): boolean {
  return (
    state.kind === "succeeded" && state.silent === 0 && state.held === undefined && state.failed === undefined
  );
}

/** Clusters that failed are named: what is given to them next tells whether the cause is gone. */
async function pin(deps: AssignDeps, rollout: Rollout, record: AppRecord): Promise<AppRecord> {
  if (rollout.pinned !== true || inForce(record) !== rollout.release) return record;
  if (record.pinned?.release === rollout.release) return record;
  const failed = rollout.failed.slice(0, PINNED_CLUSTERS_MAX);
  const last = failed.at(-1);
  const list =
    last === undefined ? [] : await getTargets(deps.objects, rollout.targets, failed[0] ?? 0, last + 1);
  const clusters = failed.flatMap((rank) => list[rank - (failed[0] ?? 0)]?.cluster ?? []);
  const next = {
    ...record,
    version: record.version + 1,
    pinned: { release: rollout.release, clusters },
  };
  // Somebody else wrote the record: the sweep comes by again.
  return (await putAppRecord(deps.db, next, record.version)) === "written" ? next : record;
}

/** The newest release waited for this one. */
async function startWaiting(deps: AssignDeps, { release }: Rollout, record: AppRecord): Promise<void> {
  const { project, app } = record;
  if (record.rolling !== release) return;
  const next = await getRollout(deps.db, project, app, record.release);
  const { rolling: _, pinned: __, ...rest } = record;
  if (next?.state.kind === "pending") {
    const orders = new Map(
      record.pinned === undefined
        ? []
        : (await getTargets(deps.objects, next.targets, 0, next.total)).map(({ cluster, order }) => [
            cluster,
            order,
          ]),
    );
    // It would give the same to what failed: it waits until the pin is lifted, or a newer one comes.
    if (await isPinned(deps, record, orders)) return;
    // Together: in between, whoever is told to go back by the old one would still find it in force.
    await putRollout(deps.db, { ...next, state: { kind: "running" }, startedAt: deps.now() }, rest);
    return;
  }
  await putAppRecord(deps.db, { ...rest, version: record.version + 1 }, record.version);
}
