/**
 * Writes a plan, change by change, each only if nobody was faster. The first lost race ends it and is told with what was
 * written before; to do it all again is safe.
 */
import type { Stamp } from "#core/actor.ts";
import type { Change, PutChange, RemoveChange } from "#core/apply-plan.ts";
import { idOf } from "#core/apply-plan.ts";
import type { App } from "#core/app.ts";
import { assertNever } from "#core/assert.ts";
import type { Resource } from "#core/resource.ts";
import type { Db } from "../store/db.ts";
import { forgetCluster } from "./forget.ts";
import { deleteResource, markDeleting, putResource, type Stored } from "../store/resource.ts";

export interface Writing {
  /** The stored version of each change after it, by `idOf`; absent for what is gone. */
  versions: Map<string, number>;
  written: Change[];
  /** Where somebody else was faster; nothing after it was written. */
  lost: Change | undefined;
}

/** At once: changes of one kind do not depend on each other. */
const PARALLEL = 10;

export async function writeChanges(db: Db, changes: readonly Change[], stamp: Stamp): Promise<Writing> {
  const writing: Writing = { versions: new Map(), written: [], lost: undefined };
  for (const part of parts(changes)) {
    const done = await Promise.all(
      part.map(async (change) => [change, await write(db, change, stamp)] as const),
    );
    for (const [change, version] of done) {
      if (version === "lost") writing.lost ??= change;
      else {
        if (version !== undefined) writing.versions.set(idOf(resourceOf(change)), version);
        if (isWrite(change)) writing.written.push(change);
      }
    }
    if (writing.lost !== undefined) return writing;
  }
  return writing;
}

export function resourceOf(change: Change): Resource {
  return change.kind === "put" ? change.resource : change.before.resource;
}

export function isWrite(change: Change): boolean {
  return change.kind === "remove" || (change.kind === "put" && change.outcome !== "unchanged");
}

/** Runs of one kind of change and resource, in slices. */
function parts(changes: readonly Change[]): Change[][] {
  const found: Change[][] = [];
  for (const change of changes) {
    const last = found.at(-1);
    const [first] = last ?? [];
    const joins = first?.kind === change.kind && resourceOf(first).kind === resourceOf(change).kind;
    if (last !== undefined && joins && last.length < PARALLEL) last.push(change);
    else found.push([change]);
  }
  return found;
}

async function write(db: Db, change: Change, stamp: Stamp): Promise<number | undefined | "lost"> {
  switch (change.kind) {
    case "put":
      return put(db, change, stamp);
    case "remove":
      return remove(db, change, stamp);
    case "keep":
      return change.before.version;
    default:
      return assertNever(change);
  }
}

async function put(
  db: Db,
  { resource, before, outcome, managedBy }: PutChange,
  stamp: Stamp,
): Promise<number | "lost"> {
  const resourceVersion = before?.version ?? 0;
  if (outcome === "unchanged") return resourceVersion;
  const wanted = { ...resource, metadata: { ...resource.metadata, resourceVersion } } as Resource;
  const written = await putResource(db, wanted, stamp, managedBy);
  return written.kind === "conflict" ? "lost" : written.version;
}

async function remove(db: Db, { before }: RemoveChange, stamp: Stamp): Promise<number | undefined | "lost"> {
  const { resource } = before;
  if (resource.kind === "App") {
    const marked = await markDeleting(db, before as Stored<App>, stamp);
    return marked === "lost" ? "lost" : before.version + 1;
  }
  if ((await deleteResource(db, before, stamp)) === "lost") return "lost";
  if (resource.kind === "Cluster") {
    const { project, name } = resource.metadata;
    await forgetCluster(db, project, name);
  }
  return undefined;
}
