/** What is known of one placement, for the sentence that says why it is where it is. */
import { errorPlace } from "#core/fleet.ts";
import { whyOf } from "#core/rollout.ts";
import { getTargets } from "../release/content.ts";
import { getBeats, isSilent } from "../store/cluster.ts";
import { getPlacements } from "../store/placement.ts";
import { getRollout } from "../store/rollout.ts";
import { getAppRecord } from "../store/state.ts";
import type { ObserveDeps } from "./observe.ts";

export async function whyPlaced(
  { db, objects, now }: ObserveDeps,
  project: string,
  app: string,
  cluster: string,
): Promise<string> {
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
  const error = record?.error;
  const place = error === undefined ? "" : errorPlace(error);
  const held =
    record?.withheld === undefined ? undefined : await getRollout(db, project, app, record.withheld);
  return whyOf({
    app,
    cluster,
    rollout,
    target: target === undefined ? undefined : { ...target, rank },
    placement: placements.get(cluster),
    silent: isSilent(beats.get(cluster), now()),
    ...(held === undefined ? {} : { held }),
    ...(error === undefined ? {} : { error: place === "" ? error.message : `${place}: ${error.message}` }),
  });
}
