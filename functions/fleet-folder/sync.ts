/**
 * Keeps what a Source's fleet folder says: applied, changed and pruned with the commit, as `source:<project>/<name>`.
 * Level-triggered: any event may call it, twice or late, and where nothing changed it writes nothing. What cannot be
 * done stands on the Source; it never stops what can.
 */
import { LOOK_RETRY_MS } from "#core/app-due.ts";
import { actorName, type Actor, type Stamp } from "#core/actor.ts";
import { idOf, projectFor, type Change, type Held, type World } from "#core/apply-plan.ts";
import { digestOf } from "#core/digest.ts";
import { fleetFolder, type FleetFolder } from "#core/fleet-folder.ts";
import { allowsSource } from "#core/project-rules.ts";
import type { ResourceKind } from "#core/resource.ts";
import { isVerified } from "#core/signers.ts";
import { lastRead, type ReadSource, type Source } from "#core/source.ts";
import { sentence } from "#core/text.ts";
import { rightsCheck } from "../apply/rights.ts";
import { readWorld } from "../apply/world.ts";
import { writeChanges } from "../apply/write.ts";
import type { ObjectStore } from "../objects/port.ts";
import { getTree } from "../release/content.ts";
import { demandedOf } from "../release/verify-source.ts";
import type { Db } from "../store/db.ts";
import {
  deleteFleetRecord,
  getFleetRecord,
  listFleetStates,
  putFleetRecord,
  type FleetRecord,
} from "../store/fleet-state.ts";
import { getResource, listResources, type Stored } from "../store/resource.ts";
import { getSourceState } from "../store/state.ts";
import { decidePrune } from "./prune.ts";
import { decidePuts, sourceRules } from "./decide.ts";
import { readFolder } from "./read.ts";

export interface FleetDeps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
}

export type Synced =
  /** The Source has no fleet folder, or was never read. */
  | { kind: "none" }
  | { kind: "unchanged" }
  | { kind: "synced"; state: FleetFolder; written: number }
  /** Somebody else moved something meanwhile: the next look does it. */
  | { kind: "lost" };

const RACES_MAX = 3;
const KINDS: readonly ResourceKind[] = ["App", "Source", "Policy", "Promotion"];

export async function syncFleetFolder(deps: FleetDeps, project: string, name: string): Promise<Synced> {
  for (let race = 0; ; race++) {
    const synced = await sync(deps, project, name);
    if (synced.kind !== "lost" || race === RACES_MAX) return synced;
  }
}

/** Every folder of a project, and what is left of those that are none any more. */
export async function syncFleetFolders(deps: FleetDeps, project: string): Promise<void> {
  const sources = await listResources(deps.db, "Source", project);
  const named = sources.filter(({ resource }) => resource.spec.apps !== undefined);
  const known = await listFleetStates(deps.db, project);
  const names = new Set([...named.map(({ resource }) => resource.metadata.name), ...known.keys()]);
  for (const name of names) await syncFleetFolder(deps, project, name);
}

interface Folder {
  source: Stored<Source>;
  apps: string;
  read: ReadSource;
  record: FleetRecord | undefined;
  actor: Extract<Actor, { kind: "source" }>;
}

async function sync(deps: FleetDeps, project: string, name: string): Promise<Synced> {
  const { db } = deps;
  const source = await getResource(db, "Source", project, name);
  const record = await getFleetRecord(db, project, name);
  const apps = source?.resource.spec.apps;
  if (source === undefined || apps === undefined) {
    if (record !== undefined) await deleteFleetRecord(db, record);
    return { kind: "none" };
  }
  const read = lastRead(await getSourceState(db, project, name));
  // What is not signed as the Source demands now changes nothing, also when it was read before that.
  if (read === undefined || !isVerified(read, await demandedOf(db, source.resource))) return { kind: "none" };
  const folder: Folder = { source, apps, read, record, actor: { kind: "source", project, name } };
  if (record !== undefined && (await isDone(deps, folder, record))) return { kind: "unchanged" };
  return apply(deps, folder);
}

/** Without the tree: as long as nobody touched what the folder keeps, there is nothing to do. */
async function isDone({ db, now }: FleetDeps, folder: Folder, record: FleetRecord): Promise<boolean> {
  if (record.state.errorsTotal > 0 && now() - record.state.at >= LOOK_RETRY_MS) return false;
  const world = await worldOf(db, folder, record.clusters > 0 ? [...KINDS, "Cluster"] : KINDS);
  return seenDigest(folder, projectVersion(folder, world), keptIn(folder, world)) === record.seen;
}

async function apply(deps: FleetDeps, folder: Folder): Promise<Synced> {
  const { db } = deps;
  const { source, apps, read, actor } = folder;
  const world = await worldOf(db, folder, [...KINDS, "Cluster"]);
  const projectOf = (name: string) => projectFor(name, [], world);
  const project = projectOf(actor.project);
  // Read before its Project forbade it; the look at the Source tells so.
  if (project === undefined || !allowsSource(project, source.resource.spec.git.url)) return { kind: "none" };
  const found = readFolder(source.resource, apps, await getTree(deps.objects, read.tree));
  const rules = sourceRules(db, actor);
  const puts = await decidePuts(found.documents, world, actor, rules);
  const pruned = found.broken
    ? { changes: [], errors: [] }
    : await decidePrune(db, {
        held: [...world.held.values()],
        named: new Set(found.named.map(({ resource }) => idOf(resource))),
        apps: puts.changes.flatMap(({ resource }) => (resource.kind === "App" ? [resource] : [])),
        managedBy: actorName(actor),
        refusalOf: rightsCheck(rules, projectOf),
      });
  const changes = [...puts.changes, ...pruned.changes];
  const writing = await writeChanges(db, changes, stampOf(folder));
  if (writing.lost !== undefined) return { kind: "lost" };
  const errors = [...found.errors, ...puts.errors, ...pruned.errors];
  const state = fleetFolder(read.commit, puts.changes.length, errors, deps.now());
  const kept = keptAfter(folder, world, changes, writing.versions);
  const version = writing.versions.get(projectId(folder)) ?? projectVersion(folder, world);
  const recorded = await remember(db, folder, state, kept, version);
  return recorded === "lost" ? { kind: "lost" } : { kind: "synced", state, written: writing.written.length };
}

function worldOf(db: Db, { actor }: Folder, listed: readonly ResourceKind[]): Promise<World> {
  return readWorld(db, [], { projects: new Set([actor.project]), listed });
}

/** Id, version, and whether it is leaving. */
type Kept = Map<string, readonly [number, boolean]>;

function keptIn({ actor }: Folder, { held }: World): Kept {
  const mine = [...held].filter(([, one]) => one.managedBy === actorName(actor));
  return new Map(mine.map(([id, one]: [string, Held]) => [id, [one.version, one.deleting]]));
}

function keptAfter(
  folder: Folder,
  world: World,
  changes: readonly Change[],
  versions: ReadonlyMap<string, number>,
): Kept {
  const kept = keptIn(folder, world);
  for (const change of changes) {
    const id = idOf(change.kind === "put" ? change.resource : change.before.resource);
    const version = versions.get(id);
    if (version === undefined) kept.delete(id);
    else if (change.kind !== "put" || change.managedBy === actorName(folder.actor))
      kept.set(id, [version, change.kind === "remove"]);
  }
  return kept;
}

function projectId({ actor }: Folder): string {
  return `Project/${actor.project}/${actor.project}`;
}

function projectVersion(folder: Folder, { held }: World): number {
  return held.get(projectId(folder))?.version ?? 0;
}

function seenDigest({ source, read, actor }: Folder, project: number, kept: Kept): string {
  const { commit, tree } = read;
  const own = [...kept].sort(([a], [b]) => (a < b ? -1 : 1));
  return digestOf({ actor: actorName(actor), commit, tree, source: source.version, project, own });
}

function stampOf({ actor, read }: Folder): Stamp {
  return { by: actorName(actor), commit: read.commit, why: sentence(read.message.split("\n", 1)[0] ?? "") };
}

async function remember(
  db: Db,
  folder: Folder,
  state: FleetFolder,
  kept: Kept,
  project: number,
): Promise<"written" | "lost"> {
  const { name, project: where } = folder.actor;
  return putFleetRecord(db, {
    project: where,
    name,
    state,
    seen: seenDigest(folder, project, kept),
    clusters: [...kept.keys()].filter((id) => id.startsWith("Cluster/")).length,
    version: (folder.record?.version ?? 0) + 1,
  });
}
