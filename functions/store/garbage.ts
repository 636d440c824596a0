/**
 * What the garbage collection reads of the table, whole partitions one item at a time, and the old releases that it
 * removes. All reads are consistent: what is not seen here is deleted elsewhere.
 */
import { placementSchema } from "#core/placement.ts";
import { releaseSchema, type Release } from "#core/release.ts";
import { isOver } from "#core/rollout.ts";
import { chartStateSchema, type ChartState } from "#core/chart-state.ts";
import { sourceStateSchema, type SourceState } from "#core/source.ts";
import { readAll, type Db, type Item } from "./db.ts";
import { rolloutOfItem } from "./rollout.ts";
import { deleteScans } from "./scan.ts";
import { servedSchema, type Served } from "./served.ts";
import { keys, lists, type Partition } from "./table.ts";

const consistent = { consistent: true } as const;

/** Also those that were deleted: a new one of the same name goes on from what its Apps were. */
export async function everyProject(db: Db): Promise<string[]> {
  const items = await readAll(db, [...lists.projects(), ...lists.pastProjects()], consistent);
  return [...new Set(items.map((item) => item["sk"] as string))].sort();
}

async function* each<T>(
  db: Db,
  partitions: readonly Partition[],
  parse: (item: Item) => T,
): AsyncGenerator<T> {
  for (const partition of partitions)
    for await (const item of db.query(partition, consistent)) yield parse(item);
}

export function eachSourceState(db: Db, project: string): AsyncGenerator<SourceState> {
  return each(db, lists.sourceStates(project), (item) => sourceStateSchema.parse(item["state"]));
}

export function eachChartState(db: Db, project: string): AsyncGenerator<ChartState> {
  return each(db, lists.chartStates(project), (item) => chartStateSchema.parse(item["state"]));
}

export function eachServed(db: Db, project: string): AsyncGenerator<Served> {
  return each(db, lists.served(project), (item) => servedSchema.parse(item));
}

/** Every App that ever had a release, with the number of its newest one. */
export async function newestReleases(db: Db, project: string): Promise<Map<string, number>> {
  const items = await readAll(db, lists.appStates(project), consistent);
  return new Map(items.map((item) => [item["app"] as string, item["release"] as number]));
}

/** Digests of what Apps' renders took of their trees. */
export async function* eachReads(db: Db, project: string): AsyncGenerator<string> {
  for await (const reads of each(db, lists.appStates(project), (item) => item["reads"]))
    if (typeof reads === "string") yield reads;
}

export function eachRelease(db: Db, project: string, app: string): AsyncGenerator<Release> {
  return each(db, lists.releases(project, app), (item) => releaseSchema.parse(item));
}

/** Digests of target lists: of each way there, and of ways back. */
export async function* eachRolloutTargets(db: Db, project: string, app: string): AsyncGenerator<string> {
  for await (const { targets, back } of each(db, lists.rollouts(project, app), rolloutOfItem)) {
    yield targets;
    if (back !== undefined) yield back.targets;
  }
}

/** What clusters were told to have, and what they said they have. */
export async function* eachPlacedBundle(db: Db, project: string, app: string): AsyncGenerator<string> {
  for await (const { assigned, observed } of each(db, lists.placements(project, app), (item) =>
    placementSchema.parse(item),
  ))
    for (const bundle of [assigned?.bundle, observed?.bundle]) if (bundle !== undefined) yield bundle;
}

export async function* eachAssignedBundle(db: Db, project: string, cluster: string): AsyncGenerator<string> {
  for await (const bundle of each(db, lists.assignments(project, cluster), (item) => item["bundle"]))
    if (typeof bundle === "string") yield bundle;
}

/**
 * Removes the releases below `kept` with their rollouts, and returns how many; one whose rollout is not over stays. The
 * rollout goes first: after a crash in between the release is found here again.
 */
export async function trimReleases(db: Db, project: string, app: string, kept: number): Promise<number> {
  let removed = 0;
  for await (const release of each(db, lists.releases(project, app), (item) => item["release"] as number)) {
    if (release >= kept) break;
    const key = keys.rollout(project, app, release);
    const item = await db.get(key, consistent);
    if (item !== undefined) {
      const { state, version } = rolloutOfItem(item);
      if (!isOver(state)) continue;
      const unchanged = { text: "#version = :was", names: { version: "version" }, values: { was: version } };
      if ((await db.delete(key, unchanged)) === "lost") continue;
    }
    await deleteScans(db, { project, app, release });
    await db.delete(keys.release(project, app, release));
    removed += 1;
  }
  return removed;
}
