/**
 * One pass over one App. A new bundle is delivered: inventory first, waves, UIDs, prune only when all of it went
 * in. An applied one is compared: drift is restored or told. A missing target namespace is made with a bare
 * server-side apply; it is in no inventory and therefore never pruned.
 */
import type { Health } from "#core/health.ts";
import { union, withUids } from "#core/inventory.ts";
import { refKey, refOf, type KubeObject } from "#core/object.ts";
import { countOutcomes, type Outcome, type OutcomeCounts } from "#core/outcome.ts";
import type { Owner } from "#core/plan.ts";
import type { Drift, Failure } from "#core/protocol.ts";
import type { Statement } from "#core/statement.ts";
import type { ApplyContext, Mode, Seen } from "./apply.ts";
import type { AgentDeps } from "./deps.ts";
import { prepare, type Prepared } from "./prepare.ts";
import { prune } from "./prune.ts";
import type { InventoryStore } from "./state/inventories.ts";
import { ensureNamespace } from "./state/system.ts";
import type { Stopper } from "./stop.ts";
import { applyAll } from "./waves.ts";

export type ApplyOrder = Extract<Statement["order"], { action: "apply" }>;
export type RemoveOrder = Extract<Statement["order"], { action: "remove" }>;

export interface SyncContext {
  deps: AgentDeps;
  stopper: Stopper;
  owner: Owner;
  store: InventoryStore;
  settled: ApplyContext["settled"];
}

export type PassEnd =
  | { kind: "done"; outcomes: OutcomeCounts; drift: Drift[]; verdicts: Map<string, Health>; seen: Seen[] }
  /** `passing`: nothing is wrong but the server, worth another try soon. */
  | {
      kind: "failed";
      outcomes: OutcomeCounts;
      drift: Drift[];
      failures: Failure[];
      passing: boolean;
      retryAfterMs: number;
    }
  | { kind: "over-limit"; message: string; outcomes: OutcomeCounts };

export async function applyPass(
  context: SyncContext,
  order: ApplyOrder,
  bundle: readonly KubeObject[],
  mode: Mode,
): Promise<PassEnd> {
  const { deps, store } = context;
  const prepared = await prepare(deps.kube, bundle, order.namespace, context.owner);
  const usable = prepared.objects.filter((object) => !prepared.problems.has(refKey(refOf(object))));
  if (mode === "deliver") await store.save(union(store.inventory, usable));
  if (mode !== "tell") await ensureTarget(context, order.namespace, usable);
  const seen = await applyAll(context, applyContext(context, order, mode, prepared), prepared.objects);
  if (mode !== "tell") await store.save(withUids(store.inventory, seen.flatMap(identified)));
  const end = endOf(seen);
  if (mode !== "deliver" || end.kind !== "done") return end;
  return await pruneAfter(context, order, prepared.objects, end);
}

/** Deletes what the inventory holds, or leaves it marked where the order says orphan. */
export async function removePass(context: SyncContext, order: RemoveOrder): Promise<PassEnd> {
  const nothing: PassEnd = { kind: "done", outcomes: {}, drift: [], verdicts: new Map(), seen: [] };
  if (order.deletion === "orphan") return nothing;
  return await pruneWith(context, { prune: true, limit: order.pruneLimit, desired: [] }, nothing);
}

function applyContext(context: SyncContext, order: ApplyOrder, mode: Mode, prepared: Prepared): ApplyContext {
  const { deps, owner, store } = context;
  const { problems } = prepared;
  const { settled } = context;
  return { kube: deps.kube, owner, sync: order.sync, mode, known: store.inventory, problems, settled };
}

async function ensureTarget(
  context: SyncContext,
  name: string,
  objects: readonly KubeObject[],
): Promise<void> {
  const brought = objects.some((object) => refKey(refOf(object)) === `/Namespace//${name}`);
  const used = objects.some((object) => object.metadata.namespace === name);
  if (used && !brought) await ensureNamespace(context.deps.kube, name);
}

/** As little of a live object as the inventory needs. */
function identified({ object, uid }: Seen): KubeObject[] {
  if (uid === undefined) return [];
  const { name, namespace } = object.metadata;
  return [{ apiVersion: object.apiVersion, kind: object.kind, metadata: { name, namespace, uid } }];
}

function endOf(seen: Seen[]): PassEnd {
  const outcomes = countOutcomes(seen.map((one) => one.outcome));
  const drift = seen.flatMap((one) => one.drift ?? []);
  const failures = seen.flatMap((one) => one.failure ?? []);
  if (failures.length > 0) {
    const waits = seen.flatMap((one) => one.passing ?? []);
    const retryAfterMs = Math.max(0, ...waits.map((wait) => wait.retryAfterMs ?? 0));
    return {
      kind: "failed",
      outcomes,
      drift,
      failures,
      passing: waits.length === failures.length,
      retryAfterMs,
    };
  }
  const verdicts = new Map(seen.flatMap((one) => (one.health === undefined ? [] : [[one.key, one.health]])));
  return { kind: "done", outcomes, drift, verdicts, seen };
}

async function pruneAfter(
  context: SyncContext,
  order: ApplyOrder,
  desired: readonly KubeObject[],
  applied: Extract<PassEnd, { kind: "done" }>,
): Promise<PassEnd> {
  return await pruneWith(context, { prune: order.sync.prune, limit: order.pruneLimit, desired }, applied);
}

async function pruneWith(
  context: SyncContext,
  order: Parameters<typeof prune>[2],
  applied: Extract<PassEnd, { kind: "done" }>,
): Promise<PassEnd> {
  const { deps, owner, stopper, store } = context;
  const atOnceMax = deps.options.objectsAtOnceMax;
  const pruned = await prune({ kube: deps.kube, owner, stopper, atOnceMax }, store.inventory, order);
  if (pruned.kind === "over-limit") return { ...pruned, outcomes: applied.outcomes };
  await store.save(pruned.inventory);
  const outcomes = added(applied.outcomes, pruned.outcomes);
  if (pruned.failures.length === 0) return { ...applied, outcomes };
  const { failures, passing } = pruned;
  return { kind: "failed", outcomes, drift: applied.drift, failures, passing, retryAfterMs: 0 };
}

function added(counts: OutcomeCounts, outcomes: readonly Outcome[]): OutcomeCounts {
  const more = countOutcomes(outcomes);
  const sum = { ...counts };
  for (const [outcome, count] of Object.entries(more) as [Outcome, number][])
    sum[outcome] = (sum[outcome] ?? 0) + count;
  return sum;
}
