/** What is known of one placement, for the sentence that says why it is where it is. */
import { errorPlace } from "#core/fleet.ts";
import { inStageOf, whyOf, type Rollout } from "#core/rollout.ts";
import { getTargets } from "../release/content.ts";
import { getBeats, isSilent } from "../store/cluster.ts";
import { getPlacements } from "../store/placement.ts";
import { getRollout } from "../store/rollout.ts";
import { getAppRecord } from "../store/state.ts";
import { notNow } from "./not-now.ts";
import type { ObserveDeps } from "./observe.ts";
import { windowsNow } from "./windows.ts";

export async function whyPlaced(
  deps: ObserveDeps,
  project: string,
  app: string,
  cluster: string,
): Promise<string> {
  const { db, objects, now } = deps;
  const record = await getAppRecord(db, project, app);
  const release = record?.release ?? 0;
  const rollout = release === 0 ? undefined : await getRollout(db, project, app, release);
  const list = rollout === undefined ? [] : await getTargets(objects, rollout.targets, 0, rollout.total);
  const rank = list.findIndex((one) => one.cluster === cluster);
  const target = list[rank];
  const [placements, beats] = await Promise.all([
    getPlacements(db, project, app, [cluster]),
    getBeats(db, project, [cluster]),
  ]);
  const held =
    rollout === undefined || target === undefined ? undefined : await notNow(deps, rollout, [target], beats);
  const error = record?.error;
  const place = error === undefined ? "" : errorPlace(error);
  const withheld =
    record?.withheld === undefined ? undefined : await getRollout(db, project, app, record.withheld);
  return whyOf({
    app,
    cluster,
    rollout,
    target: target === undefined ? undefined : { ...target, rank },
    placement: placements.get(cluster),
    silent: isSilent(beats.get(cluster), now()),
    notNow: held?.get(cluster),
    window: windowOf(rollout, rank, now()),
    withheld,
    ...(error === undefined ? {} : { error: place === "" ? error.message : `${place}: ${error.message}` }),
  });
}

function windowOf(rollout: Rollout | undefined, rank: number, now: number) {
  const stage = rollout?.stages.findIndex((one) => inStageOf(one, rank));
  return rollout === undefined || stage === undefined || rollout.opened === stage
    ? undefined
    : windowsNow(rollout, now)[stage];
}
