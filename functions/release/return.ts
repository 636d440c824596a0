/**
 * Makes a release that gives each cluster what an earlier one gave it. Its bundles and statements are kept, so this needs
 * neither Git nor a render. It goes through the App's stages, and pins the App: the commit that was gone back from does
 * not come again by itself.
 */
import { rankOrder, type Target, type Wanted } from "#core/release.ts";
import { stageOf } from "#core/rollout.ts";
import { payloadOf, returnLoss, targetsOf, type KnownLosses } from "./back.ts";
import type { MakeDeps, Making } from "./make.ts";
import type { Planned } from "./plan.ts";
import type { Previous } from "./previous.ts";
import type { Situation } from "./situation.ts";

const PINNED_CLUSTERS_MAX = 50;

export type Return =
  | { kind: "return"; planned: Planned[]; making: Making }
  | { kind: "refused"; message: string };

/** Clusters that joined since keep what they have; what the App has left since, it does not come back to. */
export async function returnTo(
  deps: MakeDeps,
  situation: Situation,
  previous: Previous,
  wish: { release: number; by: string },
): Promise<Return> {
  const { project, name } = situation.app.resource.metadata;
  const then = await targetsOf(deps, project, name, wish.release);
  const planned = await planReturn(deps, situation, previous, then);
  if (then.size === 0 || planned === undefined)
    return {
      kind: "refused",
      message: `release ${wish.release} is not kept any more: go back to a newer one`,
    };
  const moved = planned.filter(({ carried }) => carried === undefined).map(({ wanted }) => wanted.cluster);
  const pins = { against: situation.record?.release ?? 0, clusters: moved.slice(0, PINNED_CLUSTERS_MAX) };
  const reason = `rollback to release ${wish.release}`;
  return {
    kind: "return",
    planned,
    making: { reason, by: wish.by, pins, returned: previous.returned ?? false },
  };
}

async function planReturn(
  deps: MakeDeps,
  { app, clusters }: Situation,
  previous: Previous,
  then: ReadonlyMap<string, Target>,
): Promise<Planned[] | undefined> {
  const { name } = app.resource.metadata;
  const labels = new Map(clusters.map(({ metadata }) => [metadata.name, metadata.labels ?? {}]));
  const stage = (cluster: string): number => stageOf(app.resource.spec.rollout, labels.get(cluster));
  const kept = [...labels.keys()].filter((one) => then.has(one) || previous.targets.has(one));
  const losses: KnownLosses = new Map();
  const planned: Planned[] = [];
  for (const cluster of rankOrder(name, [...new Set([...kept, ...previous.gone])], stage)) {
    const last = previous.targets.get(cluster);
    const was = labels.has(cluster) ? then.get(cluster) : undefined;
    const target = was?.action === "apply" ? was : last;
    const told = target === undefined ? undefined : payloadOf(target.statement);
    if (target === undefined || told === undefined) return undefined;
    const wanted: Wanted = { cluster, ...told.order };
    const carried = last?.order === target.order ? last : undefined;
    const loss =
      last === undefined || carried !== undefined ? 0 : await returnLoss(deps, losses, last, target);
    const pruneLimit = Math.max(wanted.pruneLimit, loss);
    planned.push({ wanted, order: target.order, carried, stage: stage(cluster), pruneLimit, earlier: told });
  }
  return planned;
}
