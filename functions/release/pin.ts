/**
 * A rollback pins its App: what failed is not rolled out again because some other commit comes along. It holds until the
 * bundles of the clusters that failed are others, or somebody lifts it.
 */
import type { Target } from "#core/release.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { Db } from "../store/db.ts";
import { getRelease } from "../store/rollout.ts";
import type { AppRecord } from "../store/state.ts";
import { getTargets } from "./content.ts";
import type { Planned } from "./plan.ts";
import type { Situation } from "./situation.ts";

interface Deps {
  db: Db;
  objects: Pick<ObjectStore, "get">;
}

/** Why these targets are not released; undefined: nothing stands in their way. Leaving a cluster is never held back. */
export async function pinnedBy(
  deps: Deps,
  { app, record }: Situation,
  planned: readonly Planned[],
): Promise<string | undefined> {
  if (record?.pinned === undefined || app.deleting) return undefined;
  const orders = new Map(planned.map(({ wanted, order }) => [wanted.cluster, order]));
  return (await isPinned(deps, record, orders)) ? pinnedWords(record.pinned) : undefined;
}

/** `orders` by cluster, of what would be released. */
export async function isPinned(
  { db, objects }: Deps,
  { project, app, pinned }: Pick<AppRecord, "project" | "app" | "pinned">,
  orders: ReadonlyMap<string, string>,
): Promise<boolean> {
  if (pinned === undefined) return false;
  const bad = await getRelease(db, project, app, pinned.against ?? pinned.release);
  if (bad === undefined) return false;
  const targets = await getTargets(objects, bad.targets, 0, bad.targetCount);
  const failed = new Set(pinned.clusters);
  const same = ({ cluster, order }: Target): boolean => orders.get(cluster) === order;
  // Without a cluster that failed, any difference is one.
  if (failed.size === 0) return targets.every(same) && orders.size === targets.length;
  return targets.some((target) => failed.has(target.cluster) && same(target));
}

function pinnedWords({ release, clusters, against }: NonNullable<AppRecord["pinned"]>): string {
  const where = clusters.length === 0 ? "" : ` on ${clusters.slice(0, 3).join(", ")}`;
  return `pinned: release ${against ?? release} went back, and this would give the same to what failed${where}: push a fix, or lift it with fairlead rollout unpin`;
}
