/**
 * What a release would order, target by target, and what each cluster would lose by it. Pure but for reading the
 * bundles of the release before; nothing is written here.
 */
import type { App } from "#core/app.ts";
import type { Bundle } from "#core/bundle.ts";
import { rulesInForce, type HealthRule } from "#core/health-rule.ts";
import type { ClusterLoss } from "#core/losses.ts";
import { orderedChecks } from "#core/object-check.ts";
import { lossBetween, orderDigest, rankOrder, type Target, type Wanted } from "#core/release.ts";
import type { KubeObject } from "#core/object.ts";
import { stageOf } from "#core/rollout.ts";
import type { Statement } from "#core/statement.ts";
import type { Labels } from "#core/selector.ts";
import { accountOf, accountText } from "#core/service-account.ts";
import type { ObjectStore } from "../objects/port.ts";
import { getBundleObjects } from "./content.ts";

export interface Planned {
  wanted: Wanted;
  order: string;
  /** The target of the release before, when this one orders the same. */
  carried: Target | undefined;
  /** Index of its stage. */
  stage: number;
  /** The most that it may delete, where more than the budget was approved. */
  pruneLimit?: number;
  /** Of an earlier release that it goes back to; absent: it is made of what was committed last. */
  earlier?: Pick<Statement, "source">;
}

/** In rank order. `gone` are clusters that have the App and shall not have it any more. */
export function planTargets(
  app: App,
  bundles: ReadonlyMap<string, Bundle>,
  gone: readonly string[],
  before: ReadonlyMap<string, Target>,
  labels: ReadonlyMap<string, Labels> = new Map(),
  projectHealth: readonly HealthRule[] = [],
): Planned[] {
  const { name } = app.metadata;
  const stage = (cluster: string): number => stageOf(app.spec.rollout, labels.get(cluster));
  return rankOrder(name, [...bundles.keys(), ...gone], stage).map((cluster) => {
    const wanted = wantedFor(app, cluster, bundles.get(cluster), stage(cluster), projectHealth);
    const order = orderDigest(wanted);
    const last = before.get(cluster);
    const carried = last?.order === order ? last : undefined;
    return { wanted, order, carried, stage: stage(cluster) };
  });
}

function wantedFor(
  app: App,
  cluster: string,
  bundle: Bundle | undefined,
  stage: number,
  projectHealth: readonly HealthRule[],
): Wanted {
  const { sync, namespace, rollout } = app.spec;
  const pruneLimit = rollout.budget.deletes;
  if (bundle === undefined) {
    const as = sync.serviceAccount;
    const account = as === undefined ? {} : { serviceAccount: accountText(accountOf(as, namespace)) };
    return { cluster, action: "remove", deletion: sync.deletion, pruneLimit, ...account };
  }
  const health = rulesInForce(app.spec.health ?? [], projectHealth, bundle.objects);
  const checks = orderedChecks(rollout.stages[stage]?.gates ?? [], namespace);
  return {
    cluster,
    action: "apply",
    bundle: { digest: bundle.digest, size: bundle.size },
    namespace,
    sync: {
      ...sync,
      ...(health.length === 0 ? {} : { health }),
      ...(checks.length === 0 ? {} : { checks }),
    },
    pruneLimit,
  };
}

/** What each cluster would lose. Bundles of before are read, each pair of them once. */
export async function lossesOf(
  store: Pick<ObjectStore, "get">,
  app: App,
  planned: readonly Planned[],
  bundles: ReadonlyMap<string, Bundle>,
  before: ReadonlyMap<string, Target>,
): Promise<ClusterLoss[]> {
  const known = new Map<string, readonly string[]>();
  const losses: ClusterLoss[] = [];
  for (const { wanted, carried } of planned) {
    const { cluster, action } = wanted;
    const last = before.get(cluster)?.bundle;
    if (carried !== undefined || last === undefined || !losesObjects(app, wanted)) continue;
    const bundle = bundles.get(cluster);
    const pair = `${last.digest} ${bundle?.digest ?? ""}`;
    const keys =
      known.get(pair) ?? lossBetween(await getBundleObjects(store, last), bundle?.objects ?? noObjects);
    known.set(pair, keys);
    losses.push({ cluster, leaves: action === "remove", keys });
  }
  return losses;
}

const noObjects: readonly KubeObject[] = [];

/** Whether what the cluster has and shall not have any more is deleted there; else it stays, and nobody keeps it. */
export function losesObjects(app: App, wanted: Wanted): boolean {
  return wanted.action === "remove" ? wanted.deletion === "delete" : app.spec.sync.prune;
}
