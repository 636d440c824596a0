/**
 * A new bundle delivered, or an App removed, step by step. A step that has to wait ends the pass; the next one goes on
 * there. What failed starts over, and hooks that have ended are passed by.
 */
import { deliverySteps, removalSteps, type Step } from "#core/delivery.ts";
import { assertNever } from "#core/assert.ts";
import { HOOKS_MAX } from "#core/hook-run.ts";
import { batchesOf, hooksAt, isHook, type Hook } from "#core/hooks.ts";
import { leaving, union, without, withUids } from "#core/inventory.ts";
import type { KubeObject } from "#core/object.ts";
import { sentence } from "#core/text.ts";
import { addressOf, type Seen } from "./apply.ts";
import { runBatch, tidy, type HookContext } from "./hook.ts";
import { lookAt } from "./observe.ts";
import { added, endOf, openIn, verdictsOf, type PassEnd } from "./pass-end.ts";
import { phaseOf } from "./placement.ts";
import { prune, type Left } from "./prune.ts";

const HELD_TOLD_MS = 3_000;

export interface Deliverable extends HookContext {
  apply: (objects: readonly KubeObject[]) => Promise<Seen[]>;
  /** `leaving`: the App goes, and stays until other Apps have what it leaves to them. */
  prune: { prune: boolean; limit: number; leaving: boolean };
  /** Made just before the first object, or the first hook, needs it. */
  ensureTarget: () => Promise<void>;
}

/** `objects` is the whole bundle, made ready; those with problems are in none of the inventory's entries. */
export async function deliver(
  context: Deliverable,
  objects: readonly KubeObject[],
  usable: readonly KubeObject[],
): Promise<PassEnd> {
  const { run, store } = context;
  const bearing = objects.filter(isHook);
  if (bearing.length > HOOKS_MAX) return tooMany(bearing.length);
  const hooks = bearing.length === 0 ? [] : hooksAt(bearing, await run.momentOf(store.inventory));
  await store.save(
    union(
      store.inventory,
      usable.filter((object) => !isHook(object)),
    ),
  );
  await context.ensureTarget();
  return await takeSteps(context, deliverySteps(objects, hooks), hooks);
}

export async function remove(context: Deliverable, bundle: readonly KubeObject[]): Promise<PassEnd> {
  const gone = new Set(
    bundle.filter(({ kind }) => kind === "Namespace").map(({ metadata }) => metadata.name),
  );
  const hooks = hooksAt(bundle.filter(isHook), "delete").filter(
    // A namespace that goes takes what would run in it along.
    ({ phase, object }) => phase !== "after-delete" || !gone.has(object.metadata.namespace ?? ""),
  );
  if (hooks.length > 0) await context.run.settle("delete");
  return await takeSteps(context, removalSteps(hooks), hooks);
}

function tooMany(count: number): PassEnd {
  const reason = `has ${count} hooks, at most ${HOOKS_MAX} are run: put fewer into one App`;
  const failures = [{ object: "the bundle", reason }];
  return { kind: "failed", outcomes: {}, drift: [], failures, passing: false, retryAfterMs: 0 };
}

async function takeSteps(
  context: Deliverable,
  steps: readonly Step[],
  hooks: readonly Hook[],
): Promise<PassEnd> {
  const { progress } = context.run;
  for (const step of steps.slice(progress.steps)) {
    const stop = await takeStep(context, step);
    if (stop?.kind === "waiting") return stop;
    if (stop !== undefined) {
      context.run.startOver();
      if (stop.kind === "failed" && !stop.passing) await afterFailure(context, hooks);
      return stop;
    }
    progress.steps += 1;
  }
  const end = endOf(progress.seen);
  const outcomes = outcomesOf(context);
  context.run.startOver();
  return end.kind === "done" ? { ...end, outcomes } : end;
}

/** Undefined when it has ended well. */
async function takeStep(context: Deliverable, step: Step): Promise<PassEnd | undefined> {
  switch (step.kind) {
    case "hooks":
      return await hookStep(context, step.hooks);
    case "tidy":
      await tidy(context, step.hooks);
      return undefined;
    case "apply":
      return await applyStep(context, step.objects);
    case "prune":
      return await pruneStep(context, step.keeping);
    case "healthy":
      return await healthStep(context);
    default:
      return assertNever(step);
  }
}

async function hookStep(context: Deliverable, hooks: readonly Hook[]): Promise<PassEnd | undefined> {
  const end = await runBatch(context, hooks);
  if (end.kind === "done") return undefined;
  if (end.kind === "waiting") return waitingFor(context, end.message);
  const outcomes = outcomesOf(context);
  return { kind: "failed", outcomes, drift: [], failures: end.failures, passing: false, retryAfterMs: 0 };
}

async function applyStep(context: Deliverable, objects: readonly KubeObject[]): Promise<PassEnd | undefined> {
  const { run, store } = context;
  const seen = await context.apply(objects);
  await store.save(withUids(store.inventory, seen.flatMap(identified)));
  const end = endOf([...run.progress.seen, ...seen]);
  if (end.kind !== "done") return end;
  run.progress.seen = end.seen;
  return undefined;
}

async function pruneStep(context: Deliverable, keeping: readonly KubeObject[]): Promise<PassEnd | undefined> {
  const { deps, owner, stopper, store, run, besides } = context;
  const atOnceMax = deps.options.objectsAtOnceMax;
  const order = { ...context.prune, desired: keeping };
  const pruned = await prune({ kube: deps.kube, owner, stopper, atOnceMax, besides }, store.inventory, order);
  if (pruned.kind === "over-limit") return { ...pruned, outcomes: outcomesOf(context) };
  if (pruned.kind === "waiting") return heldUp(context, pruned.message);
  // Of an App that goes, what others only need has nobody to remember it.
  const left = pruned.left.filter(({ taking }) => taking || !context.prune.leaving);
  const kept = new Set(left.map(({ key }) => key));
  const gone = [...pruned.gone, ...pruned.left.map(({ key }) => key).filter((key) => !kept.has(key))];
  await store.save(leaving(without(store.inventory, gone), kept));
  if (context.prune.leaving && pruned.failures.length === 0 && left[0] !== undefined)
    return heldUp(context, handedOver(left[0], left.length));
  run.progress.pruned = added(run.progress.pruned, pruned.outcomes);
  if (pruned.failures.length === 0) return undefined;
  const { failures, passing } = pruned;
  return { kind: "failed", outcomes: outcomesOf(context), drift: [], failures, passing, retryAfterMs: 0 };
}

function waitingFor(context: Deliverable, message: string): PassEnd {
  const told = { phase: "applying", message: sentence(message) } as const;
  return { kind: "waiting", told, outcomes: outcomesOf(context) };
}

/** Mostly over within a moment, as statements that come together are read together: not worth a report. */
function heldUp(context: Deliverable, message: string): PassEnd {
  const { deps, run } = context;
  run.progress.heldSince ??= deps.clock();
  if (deps.clock() - run.progress.heldSince >= HELD_TOLD_MS) return waitingFor(context, message);
  return { kind: "waiting", outcomes: outcomesOf(context) };
}

function handedOver({ app, object }: Left, count: number): string {
  const more = count > 1 ? ` and ${count - 1} more` : "";
  return `waits until App ${app} has taken over ${object}${more}`;
}

async function healthStep(context: Deliverable): Promise<PassEnd | undefined> {
  const { deps, run, judge } = context;
  const { seen } = run.progress;
  const open = openIn(verdictsOf(seen));
  const places = new Map(
    seen.filter(({ key }) => open.has(key)).map((one) => [one.key, addressOf(one.object)]),
  );
  const looking = { kube: deps.kube, atOnceMax: deps.options.objectsAtOnceMax, judge };
  const verdicts = await lookAt(looking, places);
  run.progress.seen = seen.map((one) => {
    const health = verdicts.get(one.key);
    return health === undefined ? one : { ...one, health };
  });
  const told = phaseOf(openIn(verdictsOf(run.progress.seen)), seen.length);
  if (told.phase === "healthy") return undefined;
  return { kind: "waiting", told, outcomes: outcomesOf(context) };
}

/** Their own end is looked at with each slow pass; whatever becomes of them, the delivery has failed. */
async function afterFailure(context: Deliverable, hooks: readonly Hook[]): Promise<void> {
  for (const batch of batchesOf(hooks, "failed")) if ((await runBatch(context, batch)).kind !== "done") break;
  await tidy(context, hooks);
}

function outcomesOf({ run }: Deliverable) {
  const { seen, pruned } = run.progress;
  const sum = { ...endOf([...seen]).outcomes };
  for (const [outcome, count] of Object.entries(pruned) as [keyof typeof pruned, number][])
    sum[outcome] = (sum[outcome] ?? 0) + count;
  return sum;
}

/** As little of a live object as the inventory needs. */
export function identified({ object, uid }: Seen): KubeObject[] {
  if (uid === undefined) return [];
  const { name, namespace } = object.metadata;
  return [{ apiVersion: object.apiVersion, kind: object.kind, metadata: { name, namespace, uid } }];
}
