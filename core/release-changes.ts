/**
 * What a release would change, against what the newest one orders: clusters with the same change are one entry. Pure
 * over two sides of bundles; bounded in entries, objects, fields and text, and every bound that was met is counted.
 * Values of Secrets are never told.
 */
import { PATH_CHARS_MAX } from "./field-changes.ts";
import type { ObjectRef } from "./object.ts";
import { changesOfObjects, type Placed } from "./object-changes.ts";
import type { PlanChanges, PlanEntry } from "./release-plan.ts";
import { sentence } from "./text.ts";

export const ENTRIES_LISTED_MAX = 50;
export const OBJECTS_LISTED_MAX = 200;
export const FIELDS_LISTED_MAX = 20;
/** Objects and fields of all entries together: it keeps the whole plan below a few mebibytes. */
export const LINES_LISTED_MAX = 4000;
export const CLUSTERS_NAMED_MAX = 10;

/** One cluster by the newest release and by the planned one; `bundle` is a digest. */
export interface ClusterChange {
  cluster: string;
  before: Side | undefined;
  after: Side | undefined;
  /** The order is the same: the cluster keeps its generation. */
  same: boolean;
  /** What becomes of objects that it would lose. */
  loses: "deleted" | "left";
}
export interface Side {
  bundle: string;
  namespace: string;
}

export interface ChangeGroup extends Omit<ClusterChange, "cluster"> {
  /** In order of the names. */
  clusters: string[];
}

/** Clusters with the same change, the largest group first; every cluster is in exactly one. */
export function groupChanges(changes: readonly ClusterChange[]): ChangeGroup[] {
  const groups = new Map<string, ChangeGroup>();
  for (const { cluster, ...change } of changes) {
    const key = JSON.stringify([sideKey(change.before), sideKey(change.after), change.same, change.loses]);
    const group = groups.get(key) ?? { ...change, clusters: [] };
    group.clusters.push(cluster);
    groups.set(key, group);
  }
  for (const { clusters } of groups.values()) clusters.sort();
  const first = ({ clusters: [name = ""] }: ChangeGroup): string => name;
  return [...groups.values()].sort(
    (a, b) => b.clusters.length - a.clusters.length || (first(a) < first(b) ? -1 : 1),
  );
}

function sideKey(side: Side | undefined): string {
  return side === undefined ? "" : `${side.bundle} ${side.namespace}`;
}

/** Before the first group: `budget` deletes are allowed on a cluster. */
export function noChanges(budget: number): PlanChanges {
  return {
    clusters: { total: 0, changed: 0 },
    objects: { created: 0, changed: 0, deleted: 0, left: 0 },
    deletes: { most: 0, budget, over: 0 },
    entries: [],
    more: { entries: 0, clusters: 0 },
  };
}

/** The plan with one group more. Of a group that stays as it is, no bundle is looked at. */
export function withGroup(
  plan: PlanChanges,
  group: ChangeGroup,
  before: Placed | undefined,
  after: Placed | undefined,
): PlanChanges {
  const count = group.clusters.length;
  const total = plan.clusters.total + count;
  if (group.same) return { ...plan, clusters: { ...plan.clusters, total } };
  const entry = entryOf(group, before, after);
  const { created, changed, deleted, left } = entry;
  const { objects, deletes } = plan;
  const isListed = plan.entries.length < ENTRIES_LISTED_MAX;
  return {
    clusters: { total, changed: plan.clusters.changed + count },
    objects: {
      created: objects.created + created.count * count,
      changed: objects.changed + changed.count * count,
      deleted: objects.deleted + deleted.count * count,
      left: objects.left + left.count * count,
    },
    deletes: {
      ...deletes,
      most: Math.max(deletes.most, deleted.count),
      over: deletes.over + (deleted.count > deletes.budget ? count : 0),
    },
    entries: isListed ? [...plan.entries, shortened(entry, linesLeft(plan))] : plan.entries,
    more: isListed ? plan.more : { entries: plan.more.entries + 1, clusters: plan.more.clusters + count },
  };
}

function entryOf(group: ChangeGroup, before: Placed | undefined, after: Placed | undefined): PlanEntry {
  const { created, changed, gone, unchanged } = changesOfObjects(before, after);
  const none = { count: 0, listed: [] };
  return {
    clusters: { count: group.clusters.length, first: group.clusters.slice(0, CLUSTERS_NAMED_MAX) },
    action: actionOf(group),
    created: refs(created),
    changed: {
      count: changed.length,
      listed: changed.slice(0, OBJECTS_LISTED_MAX).map(({ object, fields }) => ({
        object,
        fields: fields
          .slice(0, FIELDS_LISTED_MAX)
          .map((field) => ({ ...field, path: sentence(field.path, PATH_CHARS_MAX) })),
        more: Math.max(0, fields.length - FIELDS_LISTED_MAX),
      })),
    },
    deleted: group.loses === "deleted" ? refs(gone) : none,
    left: group.loses === "left" ? refs(gone) : none,
    unchanged,
  };
}

function actionOf({ before, after }: ChangeGroup): PlanEntry["action"] {
  if (after === undefined) return "remove";
  if (before === undefined) return "install";
  return sideKey(before) === sideKey(after) ? "options" : "update";
}

function refs(all: ObjectRef[]): PlanEntry["created"] {
  return { count: all.length, listed: all.slice(0, OBJECTS_LISTED_MAX) };
}

function linesLeft({ entries }: PlanChanges): number {
  return LINES_LISTED_MAX - entries.reduce((sum, entry) => sum + linesOf(entry), 0);
}

function linesOf({ created, changed, deleted, left }: PlanEntry): number {
  const fields = changed.listed.reduce((sum, one) => sum + 1 + one.fields.length, 0);
  return created.listed.length + fields + deleted.listed.length + left.listed.length;
}

/** Deletes are told before all else, as they cannot be taken back. Counts stay what they are. */
function shortened(entry: PlanEntry, lines: number): PlanEntry {
  let room = lines;
  const take = <T>(all: readonly T[], size: (one: T) => number): T[] =>
    all.filter((one) => (room -= size(one)) >= 0);
  const one = (): number => 1;
  const deleted = { ...entry.deleted, listed: take(entry.deleted.listed, one) };
  const left = { ...entry.left, listed: take(entry.left.listed, one) };
  const changed = { ...entry.changed, listed: take(entry.changed.listed, ({ fields }) => 1 + fields.length) };
  const created = { ...entry.created, listed: take(entry.created.listed, one) };
  return { ...entry, created, changed, deleted, left };
}
