/**
 * Garbage collection of the object store, by mark and sweep: what nothing names any more, and has not for some time, is
 * deleted. Safe at any moment, twice at once, and killed in the middle; `docs/decisions/017-garbage-collection.md` says
 * why. What cannot be read ends a run before anything is deleted.
 */
import { RELEASES_KEPT } from "#core/limits.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { Db } from "../store/db.ts";
import { everyProject, newestReleases, trimReleases } from "../store/garbage.ts";
import { listResources } from "../store/resource.ts";
import { markNeeded } from "./mark.ts";
import { sweep, type Swept } from "./sweep.ts";

export interface CollectDeps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
}

export interface Collection extends Swept {
  /** Releases that fell out of what an App can go back to. */
  trimmed: number;
}

/** `timeMs`: after it no further object is looked at. */
export async function collectGarbage(deps: CollectDeps, timeMs: number): Promise<Collection> {
  const markedAt = deps.now();
  const hasTime = (): boolean => deps.now() - markedAt < timeMs;
  const trimmed = await trimAll(deps.db);
  const needed = await markNeeded(deps);
  return { trimmed, ...(await sweep({ objects: deps.objects, needed, markedAt, hasTime })) };
}

/** Of an App that is gone, the newest release alone: a new App of its name goes on from there. */
async function trimAll(db: Db): Promise<number> {
  let trimmed = 0;
  for (const project of await everyProject(db)) {
    const apps = new Set(
      (await listResources(db, "App", project)).map(({ resource }) => resource.metadata.name),
    );
    for (const [app, newest] of await newestReleases(db, project))
      trimmed += await trimReleases(db, project, app, apps.has(app) ? newest - RELEASES_KEPT : newest);
  }
  return trimmed;
}
