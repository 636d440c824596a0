/**
 * Marks what the hub needs of the object store: everything that the table names. It reads all of it or throws: half a
 * mark would be half a fleet deleted. Held in memory are digests, nothing else.
 *
 * Releases are read before placements: whatever is assigned after its placement was read here comes from a release that
 * was there before, or from one whose content is young.
 */
import { lastRead } from "#core/source.ts";
import type { ObjectStore } from "../objects/port.ts";
import { getTargetPage, getTargetPages } from "../release/content.ts";
import type { Db } from "../store/db.ts";
import {
  eachAssignedBundle,
  eachChartState,
  eachPlacedBundle,
  eachReads,
  eachRelease,
  eachRolloutTargets,
  eachServed,
  eachSourceState,
  everyProject,
  newestReleases,
} from "../store/garbage.ts";
import { listResources } from "../store/resource.ts";
import { documentsOf } from "../store/served.ts";

/** Folders of the object store that hold content by digest. The rest of it is never looked at. */
export const COLLECTED = ["apis", "bundles", "charts", "reads", "targets", "trees"] as const;
export type Collected = (typeof COLLECTED)[number];
export type Needed = Readonly<Record<Collected, ReadonlySet<string>>>;

interface MarkDeps {
  db: Db;
  objects: Pick<ObjectStore, "get">;
}

const CLUSTERS_AT_ONCE = 16;
const PAGES_AT_ONCE = 8;

export async function markNeeded(deps: MarkDeps): Promise<Needed> {
  const needed = Object.fromEntries(COLLECTED.map((folder) => [folder, new Set<string>()])) as Marks;
  for (const project of await everyProject(deps.db)) await markProject(deps, project, needed);
  return needed;
}

type Marks = Record<Collected, Set<string>>;

async function markProject(deps: MarkDeps, project: string, needed: Marks): Promise<void> {
  const { db } = deps;
  for await (const state of eachSourceState(db, project)) {
    const read = lastRead(state);
    if (read !== undefined) needed.trees.add(read.tree);
  }
  for await (const state of eachChartState(db, project)) {
    const found = state.kind === "failed" ? state.last : state;
    if (found !== undefined) needed.charts.add(found.digest);
  }
  for await (const served of eachServed(db, project))
    for (const digest of documentsOf(served)) needed.apis.add(digest);
  for await (const reads of eachReads(db, project)) needed.reads.add(reads);
  const apps = [...(await newestReleases(db, project)).keys()];
  for (const app of apps) await markReleases(deps, project, app, needed);
  for (const app of apps)
    for await (const bundle of eachPlacedBundle(db, project, app)) needed.bundles.add(bundle);
  await markAssignments(db, project, needed);
}

async function markReleases(deps: MarkDeps, project: string, app: string, needed: Marks): Promise<void> {
  const indexes = new Set<string>();
  for await (const { tree, chart, targets } of eachRelease(deps.db, project, app)) {
    needed.trees.add(tree);
    if (chart !== undefined) needed.charts.add(chart.digest);
    indexes.add(targets);
  }
  for await (const targets of eachRolloutTargets(deps.db, project, app)) indexes.add(targets);
  for (const index of indexes) await markTargets(deps, index, needed);
}

/** Of a page that was seen, the bundles are marked already. */
async function markTargets({ objects }: MarkDeps, index: string, needed: Marks): Promise<void> {
  if (needed.targets.has(index)) return;
  const pages = (await getTargetPages(objects, index)).filter((page) => !needed.targets.has(page));
  await atOnce(PAGES_AT_ONCE, pages, async (page) => {
    for (const { bundle } of await getTargetPage(objects, page))
      if (bundle !== undefined) needed.bundles.add(bundle.digest);
  });
  for (const document of [index, ...pages]) needed.targets.add(document);
}

async function markAssignments(db: Db, project: string, needed: Marks): Promise<void> {
  const clusters = await listResources(db, "Cluster", project);
  const names = clusters.map(({ resource }) => resource.metadata.name);
  await atOnce(CLUSTERS_AT_ONCE, names, async (cluster) => {
    for await (const bundle of eachAssignedBundle(db, project, cluster)) needed.bundles.add(bundle);
  });
}

async function atOnce<T>(max: number, all: readonly T[], run: (one: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < all.length; start += max)
    await Promise.all(all.slice(start, start + max).map(run));
}
