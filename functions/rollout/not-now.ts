/** Why clusters may not be moved at their turn although they are heard: they say so themselves, or they wait for another App. */
import { holdFor, holdWords } from "#core/hold.ts";
import type { Target } from "#core/release.ts";
import { dependencyWait, isOver, unreleasedWait, type NotNow, type Rollout } from "#core/rollout.ts";
import type { ObjectStore } from "../objects/port.ts";
import { targetIndex } from "../release/target-index.ts";
import type { Beat } from "../store/cluster.ts";
import type { Db } from "../store/db.ts";
import { getPlacements } from "../store/placement.ts";
import { getResource } from "../store/resource.ts";
import { getRollout, putRollout } from "../store/rollout.ts";
import { getAppRecord, inForce, type AppRecord } from "../store/state.ts";

interface Deps {
  db: Db;
  objects: Pick<ObjectStore, "get">;
  now: () => number;
}

const DEPENDANTS_MAX = 100;
/** Told of the rollout that some of them wait for. */
type OnWait = (base: Rollout) => Promise<void>;

/** By cluster. What an App does not depend on is not read. */
export async function notNow(
  deps: Deps,
  rollout: Pick<Rollout, "project" | "app" | "dependsOn">,
  targets: readonly Pick<Target, "cluster" | "action">[],
  beats: ReadonlyMap<string, Beat>,
  onWait: OnWait = async () => {},
): Promise<Map<string, NotNow>> {
  const found = new Map<string, NotNow>();
  for (const { cluster } of targets) {
    const hold = holdFor(beats.get(cluster)?.holds, rollout.app, deps.now());
    if (hold !== undefined) found.set(cluster, { kind: "held", why: holdWords(hold) });
  }
  for (const dependency of rollout.dependsOn ?? []) {
    // Leaving a cluster waits for nobody.
    const open = targets.filter(({ cluster, action }) => action === "apply" && !found.has(cluster));
    if (open.length === 0) break;
    const clusters = open.map(({ cluster }) => cluster);
    const waits = await waitsFor(deps, rollout.project, dependency, clusters, onWait);
    for (const [cluster, wait] of waits) found.set(cluster, wait);
  }
  return found;
}

/** An App that is not there holds nobody; one that has yet to be released holds all. */
async function waitsFor(
  { db, objects }: Deps,
  project: string,
  dependency: string,
  clusters: readonly string[],
  onWait: OnWait,
): Promise<Map<string, NotNow>> {
  const record = await getAppRecord(db, project, dependency);
  const release = record === undefined ? 0 : inForce(record);
  const base = release === 0 ? undefined : await getRollout(db, project, dependency, release);
  if (base === undefined) {
    if (isForNobody(record)) return new Map();
    const there = await getResource(db, "App", project, dependency);
    const isThere = there !== undefined && !there.deleting;
    return new Map(isThere ? clusters.map((cluster) => [cluster, unreleasedWait(dependency)]) : []);
  }
  const index = await targetIndex(objects, base);
  const meant = clusters.filter((cluster) => index.has(cluster));
  const placements = await getPlacements(db, project, dependency, meant);
  const waits = meant.flatMap((cluster) => {
    const facts = { app: dependency, target: index.get(cluster), placement: placements.get(cluster) };
    const wait = dependencyWait({ ...facts, rollout: base.state.kind });
    return wait === undefined ? [] : [[cluster, wait] as const];
  });
  if (waits.length > 0) await onWait(base);
  return new Map(waits);
}

/** It was looked at, nothing was wrong with it, and there was no cluster to give it to. */
function isForNobody(record: AppRecord | undefined): boolean {
  return record?.release === 0 && record.error === undefined && record.withheld === undefined;
}

/** So that its reports wake who waits. Whoever changes it at this moment is faster: the sweep looks again. */
export async function noteDependant(db: Db, base: Rollout, app: string): Promise<void> {
  const { dependants = [], state } = base;
  if (dependants.includes(app) || dependants.length >= DEPENDANTS_MAX) return;
  if (isOver(state) && state.kind !== "succeeded") return;
  await putRollout(db, { ...base, dependants: [...dependants, app] });
}
