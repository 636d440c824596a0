import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KubeObject } from "#core/object.ts";
import {
  CLUSTERS_NAMED_MAX,
  ENTRIES_LISTED_MAX,
  FIELDS_LISTED_MAX,
  groupChanges,
  LINES_LISTED_MAX,
  noChanges,
  OBJECTS_LISTED_MAX,
  withGroup,
  type ClusterChange,
  type Side,
} from "#core/release-changes.ts";
import { planChangesSchema, planRequestSchema, type PlanChanges } from "#core/release-plan.ts";

const configMap = (name: string, data: object = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name },
  data,
});
type Bundles = Record<string, readonly KubeObject[]>;

/** Bundles are named by letters here. */
function plan(changes: readonly ClusterChange[], bundles: Bundles, budget = 20): PlanChanges {
  const placed = (side: Side | undefined) =>
    side === undefined ? undefined : { objects: bundles[side.bundle] ?? [], namespace: side.namespace };
  return groupChanges(changes).reduce(
    (sum, group) => withGroup(sum, group, placed(group.before), placed(group.after)),
    noChanges(budget),
  );
}

const side = (bundle: string | undefined): Side | undefined =>
  bundle === undefined ? undefined : { bundle, namespace: "shop" };
const moves = (cluster: string, before: string | undefined, after: string | undefined): ClusterChange => ({
  cluster,
  before: side(before),
  after: side(after),
  same: before === after,
  loses: "deleted",
});
const clusters = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => `c-${String(n).padStart(4, "0")}`);

describe("a plan's entries", () => {
  it("hold clusters with the same change together: 412 of them are one entry", () => {
    const all = [
      ...clusters(412).map((name) => moves(name, "a", "b")),
      moves("new", undefined, "b"),
      moves("out", "a", undefined),
      moves("quiet", "b", "b"),
    ];
    const found = plan(all, { a: [configMap("x")], b: [configMap("x", { k: "1" }), configMap("y")] });
    expect(found.entries.map(({ action, clusters: { count } }) => [action, count])).toEqual([
      ["update", 412],
      ["install", 1],
      ["remove", 1],
    ]);
    expect(found.entries[0]?.clusters.first).toEqual(clusters(412).slice(0, CLUSTERS_NAMED_MAX));
    expect(found).toMatchObject({
      clusters: { total: 415, changed: 414 },
      objects: { created: 414, changed: 412, deleted: 1, left: 0 },
      deletes: { most: 1, over: 0 },
      more: { entries: 0, clusters: 0 },
    });
  });

  it("tell other options for the same objects, and objects that are left behind", () => {
    const found = plan(
      [
        { ...moves("a", "x", "x"), same: false },
        { ...moves("b", "x", "y"), loses: "left" },
      ],
      { x: [configMap("one"), configMap("two")], y: [configMap("one")] },
      0,
    );
    expect(found.entries).toMatchObject([
      { action: "options", unchanged: 2, changed: { count: 0 }, deleted: { count: 0 } },
      { action: "update", deleted: { count: 0 }, left: { count: 1, listed: [{ name: "two" }] } },
    ]);
    expect(found.deletes).toEqual({ most: 0, budget: 0, over: 0 });
  });

  it("count the clusters that would lose more than the budget", () => {
    const found = plan(
      [moves("a", "x", "y"), moves("b", "x", "y"), moves("c", "y", "x")],
      { x: [configMap("one"), configMap("two"), configMap("three")], y: [] },
      2,
    );
    expect(found.deletes).toEqual({ most: 3, budget: 2, over: 2 });
  });

  it("are bounded in number, objects and fields, and count what is not listed", () => {
    const many = Array.from({ length: 400 }, (_, n) => configMap(`m-${String(n).padStart(3, "0")}`));
    const wide = (v: string) => [
      configMap("wide", Object.fromEntries(Array.from({ length: 90 }, (_, n) => [`k${n}`, v]))),
    ];
    const count = ENTRIES_LISTED_MAX + 7;
    const bundles: Bundles = { many, none: [], wide1: wide("1"), wide2: wide("2") };
    for (let n = 0; n < count; n++) bundles[`n${n}`] = [configMap(`only-${n}`)];
    const found = plan(
      [
        ...clusters(3).map((name) => moves(name, "none", "many")),
        moves("w-1", "wide1", "wide2"),
        moves("w-2", "wide1", "wide2"),
        ...Array.from({ length: count }, (_, n) => moves(`z-${n}`, "none", `n${n}`)),
      ],
      bundles,
    );
    expect(found.entries).toHaveLength(ENTRIES_LISTED_MAX);
    expect(found.more).toEqual({
      entries: count + 2 - ENTRIES_LISTED_MAX,
      clusters: count + 2 - ENTRIES_LISTED_MAX,
    });
    expect(found.objects.created).toBe(3 * 400 + count);
    expect(found.entries[0]?.created).toMatchObject({ count: 400, listed: { length: OBJECTS_LISTED_MAX } });
    expect(found.entries[1]?.changed.listed[0]).toMatchObject({
      fields: { length: FIELDS_LISTED_MAX },
      more: 90 - FIELDS_LISTED_MAX,
    });
  });

  it("are bounded in all lines together, and deletes are told before all else", () => {
    const set = (prefix: string, n: number) =>
      Array.from({ length: 200 }, (_, at) => configMap(`${prefix}-${n}-${at}`));
    const bundles: Bundles = {};
    const changes: ClusterChange[] = [];
    for (let n = 0; n < 40; n++) {
      Object.assign(bundles, { [`old${n}`]: set("old", n), [`new${n}`]: set("new", n) });
      changes.push(moves(`c-${n}`, `old${n}`, `new${n}`));
    }
    const found = plan(changes, bundles);
    const lines = found.entries.flatMap(({ created, deleted }) => [...created.listed, ...deleted.listed]);
    expect(lines).toHaveLength(LINES_LISTED_MAX);
    expect(found.entries.map(({ deleted }) => deleted.count)).toEqual(Array.from({ length: 40 }, () => 200));
    const cut = found.entries.find(
      ({ created, deleted }) => created.listed.length + deleted.listed.length < 400,
    );
    expect(cut?.created.listed.length ?? 0).toBeLessThanOrEqual(cut?.deleted.listed.length ?? 0);
  });
});

const letter = fc.constantFrom("a", "b", "c", undefined);
const change = fc
  .record({ n: fc.integer({ min: 0, max: 30 }), before: letter, after: letter })
  .map(({ n, before, after }) => moves(`c-${n}`, before, after));
const fleet = fc.uniqueArray(change, { selector: ({ cluster }) => cluster, maxLength: 30 });

describe("grouping", () => {
  it("loses no cluster, names none twice, and is the same in any order of the clusters", () => {
    fc.assert(
      fc.property(fleet, (changes) => {
        const groups = groupChanges(changes);
        const names = groups.flatMap((group) => group.clusters);
        expect(names.toSorted()).toEqual(changes.map(({ cluster }) => cluster).toSorted());
        expect(groupChanges(changes.toReversed())).toEqual(groups);
        for (const { clusters, ...shared } of groups)
          for (const cluster of clusters)
            expect(changes.find((one) => one.cluster === cluster)).toEqual({ cluster, ...shared });
      }),
    );
  });

  it("of a release against itself leaves an empty plan", () => {
    fc.assert(
      fc.property(fleet, (changes) => {
        const still = changes.map(({ cluster, after }) => moves(cluster, after?.bundle, after?.bundle));
        const found = plan(still, {});
        expect(found).toEqual({ ...noChanges(20), clusters: { total: still.length, changed: 0 } });
        expect(planChangesSchema.parse(found)).toEqual(found);
      }),
    );
  });
});

describe("a request for a plan", () => {
  const refused = (request: unknown): boolean => !planRequestSchema.safeParse(request).success;

  it("names a full commit, a branch, or clean paths of files", () => {
    expect(refused({ commit: "a".repeat(40) })).toBe(false);
    expect(refused({ branch: "feature/x" })).toBe(false);
    expect(refused({ files: { "apps/a.yaml": "x", "bin/b": { base64: "AAE=" }, ".hidden/..c": "" } })).toBe(
      false,
    );
    for (const commit of ["a".repeat(39), "HEAD", "A".repeat(40)]) expect(refused({ commit })).toBe(true);
    expect(refused({ commit: "a".repeat(40), branch: "main" })).toBe(true);
    expect(refused({})).toBe(true);
  });

  it.each(["", "/a", "a/", "a//b", "../a", "a/../b", "a/.", "a\\b", "a\nb", "x".repeat(1025)])(
    "refuses the path %j",
    (path) => {
      expect(refused({ files: { [path]: "x" } })).toBe(true);
    },
  );

  it("refuses a file that lies in a file, and what is no base64", () => {
    expect(refused({ files: { "a/b": "x", a: "y" } })).toBe(true);
    expect(refused({ files: { a: { base64: "%%" } } })).toBe(true);
  });
});
