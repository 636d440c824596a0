/** Where an App is: the targets of its newest release, and the clusters among them that it shall leave. */
import type { Target } from "#core/release.ts";
import { isDone } from "#core/rollout.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { Db } from "../store/db.ts";
import { getPlacements } from "../store/placement.ts";
import { getRelease, getRollout } from "../store/rollout.ts";
import { getTargets } from "./content.ts";
import type { Situation } from "./situation.ts";

export interface Previous {
  targets: ReadonlyMap<string, Target>;
  /** Of the newest release. */
  commit?: string;
  /** Clusters went back from the newest release: none of them is where its targets say. */
  returned?: boolean;
  /** It was aborted, and something was committed since: whoever has not got it is owed what is in force now. */
  aborted?: boolean;
  /** Its rollout has clusters to move yet, or waits for what they say. */
  moving?: boolean;
  /** Clusters that have the App, are still there, and shall not have it any more. */
  gone: string[];
}

export async function readPrevious(
  deps: { db: Db; objects: Pick<ObjectStore, "get"> },
  situation: Situation,
): Promise<Previous> {
  const { project, name } = situation.app.resource.metadata;
  const release = situation.record?.release ?? 0;
  if (release === 0) return { targets: new Map(), gone: [] };
  const last = await getRelease(deps.db, project, name, release);
  if (last === undefined) throw new Error(`App ${name} names release ${release}, which is not in the table`);
  const list = await getTargets(deps.objects, last.targets, 0, last.targetCount);
  const targets = new Map(list.map((target) => [target.cluster, target]));
  const rollout = await getRollout(deps.db, project, name, release);
  const returned = rollout?.state.kind === "rolling-back" || rollout?.state.kind === "rolled-back";
  // One of an epoch that is over moves nobody any more.
  const isOld = (rollout?.epoch ?? situation.hub.epoch) < situation.hub.epoch;
  const moving = rollout !== undefined && !isOld && !isDone(rollout);
  const aborted = rollout?.state.kind === "aborted" && last.commit !== situation.source.commit;
  return {
    targets,
    commit: last.commit,
    returned,
    moving,
    aborted,
    gone: await goneClusters(deps.db, situation, targets, rollout?.state.kind === "succeeded"),
  };
}

/**
 * A removal stays a target until its cluster has told that it is done, and its rollout is through: until then it may go back, and
 * the cluster has the App again. Where there is no placement the App was never given, or its end was under way when somebody
 * applied it again.
 */
async function goneClusters(
  db: Db,
  { app, clusters, known }: Situation,
  targets: ReadonlyMap<string, Target>,
  isThrough: boolean,
): Promise<string[]> {
  const kept = new Set(clusters.map(({ metadata }) => metadata.name));
  const leaving = [...targets.keys()].filter((cluster) => !kept.has(cluster) && known.has(cluster));
  const { project, name } = app.resource.metadata;
  const placements = await getPlacements(db, project, name, leaving);
  const isGone = (cluster: string): boolean => {
    if (!isThrough || targets.get(cluster)?.action !== "remove") return false;
    const placement = placements.get(cluster);
    return placement === undefined || placement.observed?.phase === "removed";
  };
  return leaving.filter((cluster) => !isGone(cluster)).sort();
}
