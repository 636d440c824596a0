/**
 * Sources, Apps and Clusters as people wrote them. Each change carries a version that grows by one; a write that
 * lost a race is told, not repeated.
 */
import type { App } from "#core/app.ts";
import type { Cluster } from "#core/cluster.ts";
import { canonicalJson } from "#core/digest.ts";
import { durationMs } from "#core/duration.ts";
import type { Resource, ResourceKind } from "#core/resource.ts";
import { assertNever } from "#core/assert.ts";
import { readAll, type Db, type Item } from "./db.ts";
import { keys, lists, type Key } from "./table.ts";

export interface Stored<R extends Resource = Resource> {
  resource: R;
  version: number;
  /** The App is being removed from its clusters; the item goes when they are done. */
  deleting: boolean;
}

type OfKind<K extends ResourceKind> = Extract<Resource, { kind: K }>;

function keyOf(kind: ResourceKind, project: string, name: string): Key {
  switch (kind) {
    case "Source":
      return keys.source(project, name);
    case "App":
      return keys.app(project, name);
    case "Cluster":
      return keys.cluster(project, name);
    default:
      return assertNever(kind);
  }
}

function stored<R extends Resource>(item: Item): Stored<R> {
  return {
    resource: item["resource"] as R,
    version: item["version"] as number,
    deleting: item["deleting"] === true,
  };
}

export async function getResource<K extends ResourceKind>(
  db: Db,
  kind: K,
  project: string,
  name: string,
): Promise<Stored<OfKind<K>> | undefined> {
  const item = await db.get(keyOf(kind, project, name), { consistent: true });
  return item === undefined ? undefined : stored<OfKind<K>>(item);
}

export type PutOutcome = "created" | "configured" | "unchanged" | "conflict";

/** Idempotent: the same resource twice is `unchanged` and writes nothing. */
export async function putResource(db: Db, resource: Resource): Promise<PutOutcome> {
  const { metadata, kind } = resource;
  const { resourceVersion, ...identity } = metadata;
  const wanted = { ...resource, metadata: identity };
  const before = await getResource(db, kind, metadata.project, metadata.name);
  if (resourceVersion !== undefined && resourceVersion !== (before?.version ?? 0)) return "conflict";
  if (before !== undefined && !before.deleting && canonicalJson(before.resource) === canonicalJson(wanted))
    return "unchanged";
  const item = {
    ...keyOf(kind, metadata.project, metadata.name),
    project: metadata.project,
    name: metadata.name,
    resource: wanted,
    version: (before?.version ?? 0) + 1,
  };
  const written = await db.put(item, versionIs(before?.version));
  if (written === "lost") return "conflict";
  if (kind === "Cluster") await putLine(db, wanted as Cluster);
  return before === undefined ? "created" : "configured";
}

/** The poll interval stands on the line, so that an idle poll reads one item. */
async function putLine(db: Db, cluster: Cluster): Promise<void> {
  await db.update(keys.line(cluster.metadata.project, cluster.metadata.name), {
    text: "SET #project = :project, #cluster = :cluster, #pollMs = :pollMs, #desired = if_not_exists(#desired, :zero)",
    names: { project: "project", cluster: "cluster", pollMs: "pollMs", desired: "desired" },
    values: {
      project: cluster.metadata.project,
      cluster: cluster.metadata.name,
      pollMs: durationMs(cluster.spec.poll),
      zero: 0,
    },
  });
}

export async function listResources<K extends ResourceKind>(
  db: Db,
  kind: K,
  project: string,
): Promise<Stored<OfKind<K>>[]> {
  const items = await readAll(db, partitionsOf(kind, project), { consistent: true });
  const all = items.map((item) => stored<OfKind<K>>(item));
  return all.sort((a, b) => (a.resource.metadata.name < b.resource.metadata.name ? -1 : 1));
}

function partitionsOf(kind: ResourceKind, project: string) {
  switch (kind) {
    case "Source":
      return lists.sources(project);
    case "App":
      return lists.apps(project);
    case "Cluster":
      return lists.clusters(project);
    default:
      return assertNever(kind);
  }
}

/** An App is only marked here: it leaves its clusters first, by signed statements. */
export async function markDeleting(db: Db, app: Stored<App>): Promise<"written" | "lost"> {
  const { project, name } = app.resource.metadata;
  return db.update(
    keys.app(project, name),
    {
      text: "SET #deleting = :true, #version = :next",
      names: { deleting: "deleting", version: "version" },
      values: { true: true, next: app.version + 1, was: app.version },
    },
    "#version = :was",
  );
}

/** Removes the item; for a cluster also its line, so that its key is worth nothing any more. */
export async function deleteResource(db: Db, stored: Stored): Promise<"written" | "lost"> {
  const { kind, metadata } = stored.resource;
  if (kind === "Cluster") await db.delete(keys.line(metadata.project, metadata.name));
  return db.delete(keyOf(kind, metadata.project, metadata.name), versionIs(stored.version));
}

function versionIs(version: number | undefined) {
  return version === undefined
    ? { text: "attribute_not_exists(pk)" }
    : { text: "#version = :was", names: { version: "version" }, values: { was: version } };
}

export async function listProjects(db: Db): Promise<string[]> {
  const items = await readAll(db, lists.projects());
  return items.map((item) => item["sk"] as string);
}

export async function ensureProject(db: Db, project: string): Promise<void> {
  await db.put({ ...keys.project(project), project }, { text: "attribute_not_exists(pk)" });
}
