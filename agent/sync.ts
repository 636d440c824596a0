/**
 * One pass over one App. A new bundle is delivered: inventory first, waves, UIDs, prune only when all of it went
 * in. An applied one is compared: drift is restored or told. A missing target namespace is made with a bare
 * server-side apply; it is in no inventory and therefore never pruned.
 */
import { isHook } from "#core/hooks.ts";
import { leaving, leftIn, without, withUids } from "#core/inventory.ts";
import { refKey, refOf, type KubeObject } from "#core/object.ts";
import { scaledIn } from "#core/object-rules.ts";
import type { Owner } from "#core/plan.ts";
import type { Statement } from "#core/statement.ts";
import type { ApplyContext, Mode, Seen } from "./apply.ts";
import type { HealthOf } from "./cel/rules.ts";
import { deliver, identified, remove, type Deliverable } from "./deliver.ts";
import type { DeliveryRun } from "./delivery-run.ts";
import type { AgentDeps } from "./deps.ts";
import type { Besides } from "./claims.ts";
import type { Kube } from "./kube/port.ts";
import { endOf, type PassEnd } from "./pass-end.ts";
import type { Judge } from "./observe.ts";
import type { Explain } from "./pods.ts";
import { prepare, type Prepared } from "./prepare.ts";
import { prune } from "./prune.ts";
import type { InventoryStore } from "./state/inventories.ts";
import { ensureNamespace } from "./state/system.ts";
import type { Stopper } from "./stop.ts";
import { applyAll } from "./waves.ts";

export type ApplyOrder = Extract<Statement["order"], { action: "apply" }>;
export type RemoveOrder = Extract<Statement["order"], { action: "remove" }>;

export interface SyncContext {
  /** `kube` has the rights that the App's objects are read and written with. */
  deps: AgentDeps;
  /** The same cluster as the agent itself. */
  own: Kube;
  stopper: Stopper;
  owner: Owner;
  store: InventoryStore;
  run: DeliveryRun;
  besides: Besides;
  settled: ApplyContext["settled"];
  health: HealthOf;
  judge: Judge;
  explain: Explain;
}

export async function applyPass(
  context: SyncContext,
  order: ApplyOrder,
  bundle: readonly KubeObject[],
  mode: Mode,
): Promise<PassEnd> {
  const { own, store } = context;
  const prepared = await prepare(own, bundle, order.namespace, context.owner, context.run.generation);
  const usable = prepared.objects.filter((object) => !prepared.problems.has(refKey(refOf(object))));
  const ensureTarget = (): Promise<void> => makeTarget(context, order, usable);
  const how = applyContext(context, order, mode, prepared);
  const apply = (objects: readonly KubeObject[]): Promise<Seen[]> => applyAll(context, how, objects);
  if (mode === "deliver") {
    const { prune, adopt } = order.sync;
    const { problems } = prepared;
    const budget = { prune, limit: order.pruneLimit, leaving: false };
    const whole: Deliverable = { ...context, adopt, problems, apply, prune: budget, ensureTarget };
    return await deliver(whole, prepared.objects, usable);
  }
  if (mode !== "tell") await ensureTarget();
  const held = prepared.objects.filter((object) => !isHook(object));
  const seen = await apply(held);
  if (mode !== "tell") await store.save(withUids(store.inventory, seen.flatMap(identified)));
  return (await endLeft(context, order)) ?? endOf(seen);
}

/** What was left to another App is ours to delete once no App wants it; undefined when nothing is to be told of it. */
async function endLeft(context: SyncContext, order: ApplyOrder): Promise<PassEnd | undefined> {
  const { deps, owner, stopper, store, besides } = context;
  const remembered = leftIn(store.inventory);
  if (Object.keys(remembered.entries).length === 0) return undefined;
  const atOnceMax = deps.options.objectsAtOnceMax;
  const parts = { kube: deps.kube, owner, stopper, atOnceMax, besides };
  const limits = { prune: order.sync.prune, limit: order.pruneLimit };
  const end = await prune(parts, remembered, { ...limits, desired: [] });
  if (end.kind === "over-limit") return { ...end, outcomes: {} };
  if (end.kind === "waiting") return undefined;
  const kept = end.left.map(({ key }) => key);
  await store.save(leaving(without(store.inventory, end.gone), kept));
  if (end.failures.length === 0) return undefined;
  const { failures, passing } = end;
  return { kind: "failed", outcomes: {}, drift: [], failures, passing, retryAfterMs: 0 };
}

/**
 * Deletes what the inventory holds, or leaves it marked where the order says orphan. `last` is the bundle that was in
 * force, for its hooks, with its namespace.
 */
export async function removePass(
  context: SyncContext,
  order: RemoveOrder,
  last: { objects: readonly KubeObject[]; namespace: string },
): Promise<PassEnd> {
  if (order.deletion === "orphan") return endOf([]);
  const { own, owner } = context;
  const { generation } = context.run;
  const prepared = await prepare(own, last.objects, last.namespace, owner, generation);
  const { problems } = prepared;
  const nothing = { apply: () => Promise.resolve([]), ensureTarget: () => Promise.resolve() };
  const budget = { prune: true, limit: order.pruneLimit, leaving: true };
  return await remove({ ...context, ...nothing, adopt: false, problems, prune: budget }, prepared.objects);
}

function applyContext(context: SyncContext, order: ApplyOrder, mode: Mode, prepared: Prepared): ApplyContext {
  const { deps, store, besides } = context;
  const { problems } = prepared;
  const { settled, health } = context;
  const scaled = scaledIn(prepared.objects);
  return {
    kube: deps.kube,
    besides,
    sync: order.sync,
    mode,
    known: store.inventory,
    scaled,
    problems,
    settled,
    health,
  };
}

async function makeTarget(
  context: SyncContext,
  order: ApplyOrder,
  objects: readonly KubeObject[],
): Promise<void> {
  // Such an account lives in a namespace already, and need not be allowed to look at it.
  if (order.sync.serviceAccount !== undefined) return;
  const name = order.namespace;
  const brought = objects.some((object) => refKey(refOf(object)) === `/Namespace//${name}`);
  const used = objects.some((object) => object.metadata.namespace === name);
  if (used && !brought) await ensureNamespace(context.deps.kube, name);
}
