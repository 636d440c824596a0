/**
 * Resources as people wrote them. Each change carries a version that grows by one and the stamp of who made it; a write
 * that lost a race is told, not repeated.
 */
import type { Stamp } from "#core/actor.ts";
import type { App } from "#core/app.ts";
import type { Cluster } from "#core/cluster.ts";
import { canonicalJson } from "#core/digest.ts";
import { durationMs } from "#core/duration.ts";
import { API_VERSION, DEFAULT_PROJECT } from "#core/metadata.ts";
import { HUB_PROJECT, projectSchema, type Project } from "#core/project.ts";
import type { Resource, ResourceKind } from "#core/resource.ts";
import { assertNever } from "#core/assert.ts";
import { attributesOf, readAll, type Db, type Expression, type Item, type TransactItem } from "./db.ts";
import { isEmpty, readPage, type Page, type PageAsked } from "./page.ts";
import { keys, lists, type Key } from "./table.ts";

export interface Stored<R extends Resource = Resource> {
  resource: R;
  version: number;
  /** The App is being removed from its clusters; the item goes when they are done. */
  deleting: boolean;
  /** Who changed it last; absent on what was written before stamps were. */
  stamp: Stamp | undefined;
  /** The Source whose fleet folder keeps it, as `source:<project>/<name>`; absent where people do. */
  managedBy: string | undefined;
}

export type OfKind<K extends ResourceKind> = Extract<Resource, { kind: K }>;

export function keyOf(kind: ResourceKind, project: string, name: string): Key {
  switch (kind) {
    case "Project":
      return keys.project(name);
    case "Policy":
      return keys.policy(project, name);
    case "Promotion":
      return keys.promotion(project, name);
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
    stamp: item["stamp"] as Stamp | undefined,
    managedBy: item["managedBy"] as string | undefined,
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

/** `version` is the stored one: after a write the new one, on a conflict the one that stands in the way (0: none). */
export type Put =
  | { kind: "created" | "configured" | "unchanged"; version: number }
  | { kind: "conflict"; version: number };

/** Idempotent: the same resource twice is `unchanged` and writes nothing. */
export async function putResource(
  db: Db,
  resource: Resource,
  stamp: Stamp,
  managedBy?: string,
): Promise<Put> {
  const { metadata, kind } = resource;
  const { resourceVersion, ...identity } = metadata;
  const wanted = { ...resource, metadata: identity };
  const before = await getResource(db, kind, metadata.project, metadata.name);
  const version = before?.version ?? 0;
  if (resourceVersion !== undefined && resourceVersion !== version) return { kind: "conflict", version };
  if (
    before !== undefined &&
    !before.deleting &&
    before.managedBy === managedBy &&
    canonicalJson(before.resource) === canonicalJson(wanted)
  )
    return { kind: "unchanged", version };
  const item = {
    ...keyOf(kind, metadata.project, metadata.name),
    project: metadata.project,
    name: metadata.name,
    resource: wanted,
    version: version + 1,
    stamp,
    ...(managedBy === undefined ? {} : { managedBy }),
  };
  const condition = versionIs(before?.version);
  const written =
    wanted.kind === "Cluster" ? await putCluster(db, item, wanted, condition) : await db.put(item, condition);
  if (written === "lost") return { kind: "conflict", version: await versionOf(db, wanted) };
  return { kind: before === undefined ? "created" : "configured", version: version + 1 };
}

async function versionOf(db: Db, { kind, metadata }: Resource): Promise<number> {
  return (await getResource(db, kind, metadata.project, metadata.name))?.version ?? 0;
}

const WITH_LINE_TRIES_MAX = 3;

/**
 * With its line, in one transaction: a cluster without a line could never be polled for. The poll interval stands on the
 * line, so that an idle poll reads one item.
 */
async function putCluster(
  db: Db,
  item: Key & Item,
  { metadata, spec }: Cluster,
  condition: Expression,
): Promise<"written" | "lost"> {
  const { project, name } = metadata;
  const line: Expression = {
    text: "SET #project = :project, #cluster = :cluster, #pollMs = :pollMs, #desired = if_not_exists(#desired, :zero)",
    names: { project: "project", cluster: "cluster", pollMs: "pollMs", desired: "desired" },
    values: { project, cluster: name, pollMs: durationMs(spec.poll), zero: 0 },
  };
  return withLine(db, project, name, item["version"] as number, [
    { Put: { TableName: db.table, Item: item, ...conditioned(condition) } },
    {
      Update: {
        TableName: db.table,
        Key: keys.line(project, name),
        UpdateExpression: line.text,
        ...attributesOf(line),
      },
    },
  ]);
}

/** An assignment that raises the line's counter at this moment ends the transaction as well: that is no lost race. */
async function withLine(
  db: Db,
  project: string,
  name: string,
  next: number,
  items: TransactItem[],
): Promise<"written" | "lost"> {
  for (let attempt = 1; ; attempt++) {
    if ((await db.transact(items)) === "written") return "written";
    const version = (await getResource(db, "Cluster", project, name))?.version ?? 0;
    if (version !== next - 1 || attempt === WITH_LINE_TRIES_MAX) return "lost";
  }
}

function conditioned({ text, ...rest }: Expression) {
  return { ConditionExpression: text, ...attributesOf({ text, ...rest }) };
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

/** One page in order of the names, of those that `keep` lets through. */
export async function pageResources<K extends ResourceKind>(
  db: Db,
  kind: K,
  project: string,
  { keep, ...asked }: PageAsked & { keep: (stored: Stored<OfKind<K>>) => boolean },
): Promise<Page<Stored<OfKind<K>>>> {
  const page = await readPage(db, partitionsOf(kind, project), {
    ...asked,
    keep: (item) => keep(stored<OfKind<K>>(item)),
  });
  return { ...page, items: page.items.map((item) => stored<OfKind<K>>(item)) };
}

function partitionsOf(kind: ResourceKind, project: string) {
  switch (kind) {
    case "Project":
      return lists.projects();
    case "Policy":
      return lists.policies(project);
    case "Promotion":
      return lists.promotions(project);
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
export async function markDeleting(db: Db, app: Stored<App>, stamp: Stamp): Promise<"written" | "lost"> {
  return mark(db, app, stamp);
}

/**
 * Removes the item; for a cluster also its line, so that its key is worth nothing any more. The mark goes first and
 * carries the stamp: the stream's last image of the item then says who removed it. Lost when somebody wrote it anew in
 * between: then all of it stays.
 */
export async function deleteResource(db: Db, stored: Stored, stamp: Stamp): Promise<"written" | "lost"> {
  const { kind, metadata } = stored.resource;
  const { project, name } = metadata;
  if ((await mark(db, stored, stamp)) === "lost") return "lost";
  // Numbers and newest releases of its Apps outlive it, and nothing else would name it any more.
  if (kind === "Project") await db.put({ ...keys.pastProject(name) }, { text: "attribute_not_exists(pk)" });
  const key = keyOf(kind, project, name);
  const condition = versionIs(stored.version + 1);
  if (kind !== "Cluster") return db.delete(key, condition);
  const TableName = db.table;
  return withLine(db, project, name, stored.version + 2, [
    { Delete: { TableName, Key: key, ...conditioned(condition) } },
    { Delete: { TableName, Key: keys.line(project, name) } },
    { Delete: { TableName, Key: keys.identity(project, name) } },
  ]);
}

async function mark(db: Db, stored: Stored, stamp: Stamp): Promise<"written" | "lost"> {
  const { kind, metadata } = stored.resource;
  return db.update(
    keyOf(kind, metadata.project, metadata.name),
    {
      text: "SET #deleting = :true, #version = :next, #stamp = :stamp",
      names: { deleting: "deleting", version: "version", stamp: "stamp" },
      values: { true: true, next: stored.version + 1, was: stored.version, stamp },
    },
    "#version = :was",
  );
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

/** The two projects that every hub has from its opening: its own, and the one that a name without a project means. */
export async function ensureProjects(db: Db, stamp: Stamp): Promise<void> {
  for (const name of [HUB_PROJECT, DEFAULT_PROJECT]) await ensureProject(db, name, stamp);
}

/** Whether nothing of a project is left: no resource, no credential, no API token that would still open it. */
export async function isProjectEmpty(db: Db, project: string): Promise<boolean> {
  const kept = [
    lists.sources,
    lists.apps,
    lists.clusters,
    lists.policies,
    lists.promotions,
    lists.credentials,
    lists.apiTokens,
  ];
  return isEmpty(
    db,
    kept.flatMap((list) => list(project)),
  );
}

/** A Project that allows everything to nobody but the hub's own admins; one that is there stays as it is. */
export async function ensureProject(db: Db, name: string, stamp: Stamp): Promise<void> {
  const resource = projectSchema.parse({ apiVersion: API_VERSION, kind: "Project", metadata: { name } });
  const item = { ...keys.project(name), project: name, name, resource, version: 1, stamp };
  await db.put(item, { text: "attribute_not_exists(#resource)", names: { resource: "resource" } });
}

export async function getProject(db: Db, name: string): Promise<Project | undefined> {
  return (await getResource(db, "Project", name, name))?.resource;
}
