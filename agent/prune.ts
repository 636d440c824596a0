/**
 * Deletes what the inventory holds and the bundle does not, after the whole set was counted against the signed
 * limit. Each object is looked at once more: what no longer bears our mark stays, and a delete names the UID it means.
 */
import { without, type Inventory } from "#core/inventory.ts";
import { refText, type KubeObject } from "#core/object.ts";
import { pruneOrder } from "#core/order.ts";
import type { Outcome } from "#core/outcome.ts";
import { planPrune, pruneRefusal, type Owner, type PruneEntry } from "#core/plan.ts";
import type { Failure } from "#core/protocol.ts";
import { KubeError, type Kube } from "./kube/port.ts";
import { mapBounded } from "./slots.ts";
import type { Stopper } from "./stop.ts";

export interface PruneOrder {
  prune: boolean;
  limit: number;
  desired: readonly KubeObject[];
}

export type PruneEnd =
  | { kind: "over-limit"; message: string }
  /** `inventory` lacks what is gone or not ours any more; a failed delete stays in it. */
  | { kind: "pruned"; inventory: Inventory; outcomes: Outcome[]; failures: Failure[]; passing: boolean };

interface Pruned {
  key: string;
  outcome: Outcome;
  failure?: Failure;
  passing?: boolean;
}

export async function prune(
  { kube, owner, stopper, atOnceMax }: { kube: Kube; owner: Owner; stopper: Stopper; atOnceMax: number },
  inventory: Inventory,
  order: PruneOrder,
): Promise<PruneEnd> {
  const plan = planPrune(inventory, order.desired, { prune: order.prune, limit: order.limit });
  if (plan.kind === "none") return { kind: "pruned", inventory, outcomes: [], failures: [], passing: false };
  if (plan.kind === "over-limit") return { kind: "over-limit", message: overLimit(plan) };
  const done: Pruned[] = [];
  for (const batch of pruneOrder(plan.entries)) {
    const some = await mapBounded(batch, atOnceMax, async (entry) => {
      stopper.check();
      return await pruneOne(kube, owner, entry);
    });
    done.push(...some);
    if (some.some((one) => one.outcome === "failed")) break;
  }
  return {
    kind: "pruned",
    inventory: without(
      inventory,
      done.filter((one) => one.outcome !== "failed").map((one) => one.key),
    ),
    outcomes: done.map((one) => one.outcome),
    failures: done.flatMap((one) => one.failure ?? []),
    passing: done.every((one) => one.outcome !== "failed" || one.passing === true),
  };
}

function overLimit({ count, limit, examples }: { count: number; limit: number; examples: string[] }): string {
  const some = examples.join(", ");
  return `budget: would delete ${count} objects, limit ${limit}: raise spec.rollout.budget.deletes (${some}${count > examples.length ? ", …" : ""})`;
}

/** What was refused when it was to be made may not be looked at either: that must not keep its bundle from going on. */
async function lookedAt(
  kube: Kube,
  { apiVersion, kind, namespace, name, uid }: PruneEntry,
): Promise<KubeObject | undefined | "never made"> {
  try {
    return await kube.get({ apiVersion, kind, namespace, name });
  } catch (error) {
    if (uid === undefined && error instanceof KubeError && error.status === 403) return "never made";
    throw error;
  }
}

async function pruneOne(kube: Kube, owner: Owner, entry: PruneEntry): Promise<Pruned> {
  const { key, apiVersion, kind, namespace, name } = entry;
  try {
    const live = await lookedAt(kube, entry);
    if (live === "never made") return { key, outcome: "skipped" };
    if (live === undefined) return { key, outcome: "deleted" };
    if (pruneRefusal(live, owner) !== undefined) return { key, outcome: "skipped" };
    // The live UID, not the remembered one: an object that we made again bears our mark and a new UID.
    const uid = live.metadata["uid"];
    const end = await kube.delete(
      { apiVersion, kind, namespace, name },
      typeof uid === "string" ? uid : undefined,
    );
    return { key, outcome: end === "other" ? "skipped" : "deleted" };
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    const failure = { object: refText(entry), reason: `delete: ${error.reason}: ${error.message}` };
    return { key, outcome: "failed", failure, passing: error.passing };
  }
}
