/** What a Promotion is decided by: the App, its Sources, its newest rollout; and only when that is asked for, its clusters. */
import type { App } from "#core/app.ts";
import type { Placement } from "#core/placement.ts";
import type { Promotion } from "#core/promotion.ts";
import type { Health, PromotionObserved } from "#core/promotion/decide.ts";
import { aim, type Aimed } from "#core/promotion/target.ts";
import { sameGeneration } from "#core/rollout/standing.ts";
import type { Source } from "#core/source.ts";
import { isSilent, listBeats } from "../store/cluster.ts";
import type { Db } from "../store/db.ts";
import { listPlacements } from "../store/placement.ts";
import { getResource } from "../store/resource.ts";
import { getRollout } from "../store/rollout.ts";
import { getAppRecord } from "../store/state.ts";

export interface Scene {
  app: App | undefined;
  to: Source | undefined;
  aimed: Aimed;
  /** Digest of what the App's newest renders read. */
  reads: string | undefined;
  observed: PromotionObserved;
}

export async function sceneOf(db: Db, promotion: Promotion): Promise<Scene> {
  const { spec, metadata } = promotion;
  const { project } = metadata;
  const app = (await getResource(db, "App", project, spec.from.app))?.resource;
  const from =
    app === undefined ? undefined : (await getResource(db, "Source", project, app.spec.source))?.resource;
  const to = (await getResource(db, "Source", project, spec.to.source))?.resource;
  const aimed = aim(promotion, { app, from, to });
  const record = await getAppRecord(db, project, spec.from.app);
  const release = record?.release ?? 0;
  const rollout = release === 0 ? undefined : await getRollout(db, project, spec.from.app, release);
  return {
    app,
    to,
    aimed,
    reads: record?.reads,
    observed: {
      ...(aimed.kind === "refused" ? { fault: aimed.message } : {}),
      ...(rollout === undefined ? {} : { newest: { release, rollout: rollout.state } }),
    },
  };
}

/** All clusters of the App: healthy on what they were given, heard, and since when nothing changed. */
export async function healthOf(db: Db, project: string, app: string, now: number): Promise<Health> {
  const placements = await listPlacements(db, project, app);
  const beats = await listBeats(db, project);
  const given = placements.filter(({ assigned }) => assigned?.action === "apply");
  if (given.length === 0) return { kind: "unhealthy", reason: "it is on no cluster" };
  for (const placement of given) {
    const reason = unhealthy(placement);
    if (reason !== undefined) return { kind: "unhealthy", reason: `cluster ${placement.cluster} ${reason}` };
    if (isSilent(beats.get(placement.cluster), now))
      return { kind: "unhealthy", reason: `cluster ${placement.cluster} is silent` };
  }
  return { kind: "healthy", since: Math.max(...given.map(({ observed }) => observed?.at ?? now)) };
}

function unhealthy({ assigned, observed }: Placement): string | undefined {
  if (assigned === undefined || observed === undefined || !sameGeneration(observed, assigned))
    return "has not told of what it was given";
  return observed.phase === "healthy" ? undefined : `is ${observed.phase}`;
}
