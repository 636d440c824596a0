/**
 * Deletes what the inventory holds and the bundle does not, after the whole set was counted against the signed
 * limit. What another App here declares is left to it. Each object is looked at once more: what no longer bears our mark
 * stays, and a delete names the very version that was looked at.
 */
import type { Inventory } from "#core/inventory.ts";
import type { Parting } from "#core/moving.ts";
import { refText, type KubeObject } from "#core/object.ts";
import { pruneOrder } from "#core/order.ts";
import type { Outcome } from "#core/outcome.ts";
import { dropped, planPrune, pruneRefusal, type Owner, type PruneEntry } from "#core/plan.ts";
import type { Failure } from "#core/protocol.ts";
import type { Besides } from "./claims.ts";
import { KubeError, type Address, type Kube } from "./kube/port.ts";
import { mapBounded } from "./slots.ts";
import type { Stopper } from "./stop.ts";

/** Looks at an object that changes at each of them; the next pass goes on. */
const LOOKS_MAX = 3;

export interface PruneContext {
  kube: Kube;
  owner: Owner;
  stopper: Stopper;
  atOnceMax: number;
  besides: Pick<Besides, "partingOf">;
}

export interface PruneOrder {
  prune: boolean;
  limit: number;
  desired: readonly KubeObject[];
}

export type PruneEnd =
  | { kind: "over-limit"; message: string }
  /** Nothing is deleted while another App's word is awaited. */
  | { kind: "waiting"; message: string }
  /** `gone` is what is there no more or not ours; a failed delete is in neither list. */
  | {
      kind: "pruned";
      gone: string[];
      /** Left to other Apps, which do not have it yet. */
      left: Left[];
      outcomes: Outcome[];
      failures: Failure[];
      passing: boolean;
    };

export interface Left {
  key: string;
  object: string;
  app: string;
  /** That App declares it, and will take it over; otherwise it only needs it. */
  taking: boolean;
}

interface Pruned {
  key: string;
  outcome: Outcome;
  left?: Left;
  failure?: Failure;
  passing?: boolean;
}

export async function prune(
  context: PruneContext,
  inventory: Inventory,
  order: PruneOrder,
): Promise<PruneEnd> {
  const entries = order.prune ? dropped(inventory, order.desired) : [];
  const going: PruneEntry[] = [];
  const done: Pruned[] = [];
  for (const entry of entries) {
    const parting = await context.besides.partingOf(entry.key);
    if (parting.kind === "waits") return { kind: "waiting", message: waits(parting, entries.length) };
    if (parting.kind === "goes") going.push(entry);
    else done.push(await stays(context, entry, parting));
  }
  const plan = planPrune(going, order.limit);
  if (plan.kind === "over-limit") return { kind: "over-limit", message: overLimit(plan) };
  for (const batch of plan.kind === "none" ? [] : pruneOrder(plan.entries)) {
    const some = await mapBounded(batch, context.atOnceMax, async (entry) => {
      context.stopper.check();
      return await pruneOne(context, entry);
    });
    done.push(...some);
    if (some.some((one) => one.outcome === "failed")) break;
  }
  const over = done.filter((one) => one.outcome !== "failed" && one.left === undefined);
  return {
    kind: "pruned",
    gone: over.map((one) => one.key),
    left: done.flatMap((one) => one.left ?? []),
    outcomes: done.map((one) => one.outcome),
    failures: done.flatMap((one) => one.failure ?? []),
    passing: done.every((one) => one.outcome !== "failed" || one.passing === true),
  };
}

function overLimit({ count, limit, examples }: { count: number; limit: number; examples: string[] }): string {
  const some = examples.join(", ");
  return `budget: would delete ${count} objects, limit ${limit}: raise spec.rollout.budget.deletes (${some}${count > examples.length ? ", …" : ""})`;
}

function waits({ app }: Extract<Parting, { kind: "waits" }>, count: number): string {
  const what = count === 1 ? "an object" : `${count} objects`;
  return app === undefined
    ? `waits for the hub's answer before it deletes ${what}: another App may take them over`
    : `waits for the statement of App ${app} before it deletes ${what}: it may take them over`;
}

/** With an App that says that it has it, only the mark tells; before that there is nothing to look at. */
async function stays(
  { kube, owner }: PruneContext,
  entry: PruneEntry,
  parting: Extract<Parting, { kind: "stays" | "needed" }>,
): Promise<Pruned> {
  const { key } = entry;
  const { app } = parting;
  const taking = parting.kind === "stays";
  const left: Pruned = { key, outcome: "skipped", left: { key, object: refText(entry), app, taking } };
  if (!taking || !parting.taken) return left;
  try {
    const live = await kube.get(addressOf(entry));
    return live === undefined || pruneRefusal(live, owner) !== undefined ? { key, outcome: "skipped" } : left;
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    return left;
  }
}

/** What was refused when it was to be made may not be looked at either: that must not keep its bundle from going on. */
async function lookedAt(kube: Kube, entry: PruneEntry): Promise<KubeObject | undefined | "never made"> {
  try {
    return await kube.get(addressOf(entry));
  } catch (error) {
    if (entry.uid === undefined && error instanceof KubeError && error.status === 403) return "never made";
    throw error;
  }
}

async function pruneOne(context: PruneContext, entry: PruneEntry): Promise<Pruned> {
  const { key } = entry;
  try {
    for (let look = 0; look < LOOKS_MAX; look += 1) {
      const seen = await deleted(context, entry);
      if (seen !== undefined) return seen;
    }
    const failure = { object: refText(entry), reason: "delete: it changes too fast to be deleted safely" };
    return { key, outcome: "failed", failure, passing: true };
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    const failure = { object: refText(entry), reason: `delete: ${error.reason}: ${error.message}` };
    return { key, outcome: "failed", failure, passing: error.passing };
  }
}

/** Undefined: it is not what it was when it was looked at. */
async function deleted(context: PruneContext, entry: PruneEntry): Promise<Pruned | undefined> {
  const { kube, owner, besides } = context;
  const { key } = entry;
  const address = addressOf(entry);
  const live = await lookedAt(kube, entry);
  if (live === undefined) return { key, outcome: "deleted" };
  if (live === "never made" || pruneRefusal(live, owner) !== undefined) return { key, outcome: "skipped" };
  // Batches take their time: another App's statement may have come since all were asked.
  const parting = await besides.partingOf(key);
  if (parting.kind === "stays" || parting.kind === "needed") return await stays(context, entry, parting);
  if (parting.kind === "waits") throw new KubeError(503, "Moving", waits(parting, 1));
  // The live UID, not the remembered one: an object that we made again bears our mark and a new UID.
  const { uid, resourceVersion } = live.metadata;
  const end = await kube.delete(address, textOf(uid), textOf(resourceVersion));
  return end === "other" ? undefined : { key, outcome: "deleted" };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function addressOf({ apiVersion, kind, namespace, name }: PruneEntry): Address {
  return { apiVersion, kind, namespace, name };
}
