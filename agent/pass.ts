/**
 * A pass as the lane sees it: which kind is due, what its end makes of the view, and when to look again. A passing
 * trouble of the API server never turns a healthy App into a failed one.
 */
import { health, type Health } from "#core/health.ts";
import { isHook } from "#core/hooks.ts";
import { parseRefKey, refOf, type KubeObject } from "#core/object.ts";
import type { Drift } from "#core/protocol.ts";
import { sentence } from "#core/text.ts";
import { KubeError } from "./kube/port.ts";
import { applyOrderOf, lastObjects, objectsKube, objectsOf, type AppState } from "./app-state.ts";
import { addressOf, type Mode } from "./apply.ts";
import type { Claims } from "./claims.ts";
import type { HealthOf, HealthRules } from "./cel/rules.ts";
import { DeliveryRun } from "./delivery-run.ts";
import type { AgentDeps } from "./deps.ts";
import { Memo } from "./drift/memo.ts";
import { secretValues } from "./bundle-secrets.ts";
import type { Identity } from "./identity.ts";
import type { Judge } from "./observe.ts";
import { openIn, type DoneEnd, type PassEnd } from "./pass-end.ts";
import { contentFor, failedView, phaseOf, removedContent, withDrift, type Content } from "./placement.ts";
import type { Explain, PodReasons } from "./pods.ts";
import { dropBundles } from "./state/bundles.ts";
import { writeRecord, type KeptRecord } from "./state/record.ts";
import type { Stopper } from "./stop.ts";
import { applyPass, removePass, type ApplyOrder, type SyncContext } from "./sync.ts";
import { noting } from "./watch/noting.ts";
import type { Held } from "./watch/watches.ts";

/** Drift passes in a row that a passing error may spoil before it is told. */
const SPOILED_PASSES_MAX = 3;

export interface PassContext {
  deps: AgentDeps;
  reasons: PodReasons;
  claims: Claims;
  rules: HealthRules;
  stopper: Stopper;
  identity: () => Identity;
}

/** What is not current yet, by `refKey`: to be looked at again before the next pass. */
export type Open = Map<string, Health>;

/** These objects and no others; `open` is what stands of the others. */
export interface Part {
  keys: ReadonlySet<string>;
  open: Open;
}

export type PassResult =
  | { kind: "settled"; open: Open; drift: Map<string, Drift> }
  | { kind: "failed" }
  | { kind: "retry"; afterMs: number }
  /** For a hook, or for health before one. */
  | { kind: "waiting" }
  | { kind: "idle" };

/** `spoiled`: how many passes before this one ended in a passing error. */
export async function runPass(
  context: PassContext,
  state: AppState,
  live: Held,
  spoiled: number,
  part?: Part,
): Promise<PassResult> {
  const { record } = state;
  if (record?.state !== "kept") return { kind: "idle" };
  const { order } = record.statement;
  try {
    return order.action === "apply"
      ? await runApply(context, state, live, spoiled, part)
      : await runRemove(context, state, record, order);
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    const failure = { object: "the cluster", reason: `${error.reason}: ${error.message}` };
    const { passing, retryAfterMs = 0 } = error;
    const end: PassEnd = {
      kind: "failed",
      outcomes: {},
      drift: [],
      failures: [failure],
      passing,
      retryAfterMs,
    };
    return afterFailure(state, record, end, spoiled);
  }
}

async function runApply(
  context: PassContext,
  state: AppState,
  live: Held,
  spoiled: number,
  part: Part | undefined,
): Promise<PassResult> {
  const kept = applyOrderOf(state);
  if (kept === undefined) return { kind: "idle" };
  const { record, order } = kept;
  if (order.sync.suspend) {
    const message = "suspended: nothing is applied and nothing compared";
    state.view = { ...baseOf(state, record), phase: "healthy", message, failures: [] };
    return { kind: "idle" };
  }
  const objects = await objectsOf(state, order);
  if (objects === undefined) {
    state.packed = undefined;
    const reason = "is not in the cluster whole any more; it is fetched again when the hub answers";
    state.view = failedView(baseOf(state, record), [{ object: "the bundle", reason }], {});
    return { kind: "failed" };
  }
  const mode = modeOf(record, order);
  const memo = new Memo(live.index, order.sync);
  const plain = await syncContext(context, state, record);
  const kube = noting(plain.deps.kube, live);
  const sync = { ...plain, deps: { ...plain.deps, kube }, settled: memo.settled };
  if (part === undefined) live.expect(objects.filter((object) => !isHook(object)));
  const end = await applyPass(sync, order, part === undefined ? objects : partOf(objects, part), mode);
  if (end.kind === "waiting") return waiting(state, record, end);
  if (end.kind === "over-limit") return overLimit(state, record, end);
  if (end.kind === "failed") return afterFailure(state, record, end, spoiled);
  if (!record.applied) await markApplied(context, state);
  memo.settle(end.seen);
  if (part === undefined) live.hold(new Map(end.seen.map((one) => [one.key, addressOf(one.object)])));
  const open = openIn([...(part?.open ?? []), ...recalled(context, end.verdicts)]);
  const held = objects.filter((object) => !isHook(object)).length;
  state.view = doneView({ ...baseOf(state, record), objects: held }, mode, end, open);
  const drift = new Map(end.seen.flatMap((one) => (one.drift === undefined ? [] : [[one.key, one.drift]])));
  return { kind: "settled", open, drift };
}

/**
 * The namespace is not compared: the bundle may leave it to the order. One object too many costs a look; autoscalers are
 * among them, as they say whose replicas are not ours.
 */
function partOf(objects: readonly KubeObject[], { keys }: Part): KubeObject[] {
  const text = ({ group, kind, name }: ReturnType<typeof refOf>): string => `${group}/${kind}/${name}`;
  const wanted = new Set([...keys].map((key) => text(parseRefKey(key))));
  return objects.filter(
    (object) => object.kind === "HorizontalPodAutoscaler" || wanted.has(text(refOf(object))),
  );
}

function modeOf(record: KeptRecord, order: ApplyOrder): Mode {
  if (!record.applied) return "deliver";
  return order.sync.drift === "correct" ? "correct" : "tell";
}

/** Of the record as it is now: hooks have written into it. */
async function markApplied(context: PassContext, state: AppState): Promise<void> {
  if (state.record?.state !== "kept") return;
  const applied = { ...state.record, applied: true };
  await writeRecord(context.deps.kube, state.app, applied);
  state.record = applied;
}

async function runRemove(
  context: PassContext,
  state: AppState,
  record: KeptRecord,
  order: Parameters<typeof removePass>[1],
): Promise<PassResult> {
  const last = await lastOf(context, state, record, order.deletion);
  const end = await removePass(await syncContext(context, state, record), order, last);
  if (end.kind === "waiting") return waiting(state, record, end);
  if (end.kind === "over-limit") return overLimit(state, record, end);
  if (end.kind === "failed") return afterFailure(state, record, end, 0);
  const { epoch, generation, floor, release } = record.statement;
  const tombstone = { state: "removed", epoch, generation, floor, release, digest: record.digest } as const;
  await writeRecord(context.deps.kube, state.app, tombstone);
  state.record = tombstone;
  state.packed = undefined;
  state.view = { ...removedContent(state.app, tombstone), outcomes: end.outcomes };
  await dropLeftovers(context, state);
  return { kind: "idle" };
}

/** The bundle that was in force; without it the removal goes on, but none of its hooks can run. */
async function lastOf(
  { deps }: PassContext,
  state: AppState,
  record: KeptRecord,
  deletion: "delete" | "orphan",
): Promise<Parameters<typeof removePass>[2]> {
  const { namespace = "" } = record.last ?? {};
  if (deletion === "orphan" || record.last === undefined) return { objects: [], namespace };
  const objects = await lastObjects(deps.kube, state);
  if (objects === undefined)
    deps.log({
      level: "warn",
      app: state.app,
      message: "the bundle is gone: hooks of its removal are not run",
    });
  return { objects: objects ?? [], namespace };
}

/** What a removed App needs no more; also called at a start, as a crash may come in between. */
export async function dropLeftovers(context: Pick<PassContext, "deps">, state: AppState): Promise<void> {
  await state.store.drop();
  await dropBundles(context.deps.kube, state.app);
}

/** Reasons are read by the looks that follow; until then the last ones stand, or a message would come and go. */
function recalled({ reasons }: PassContext, verdicts: ReadonlyMap<string, Health>): [string, Health][] {
  return [...verdicts].map(([key, verdict]) => [key, reasons.recall(key, verdict)]);
}

interface Judging {
  health: HealthOf;
  judge: Judge;
  explain: Explain;
}

/** How the App's objects are judged, and what is said of those that are not well. */
export async function judging({ deps, reasons, rules }: PassContext, state: AppState): Promise<Judging> {
  const explain: Explain = (object, verdict) =>
    reasons.explain(object, verdict, () => secretValues(deps.kube, state), objectsKube(deps.kube, state));
  const order = applyOrderOf(state)?.order;
  const healthOf = order === undefined ? health : await rules.of(order.sync);
  return { health: healthOf, explain, judge: (object) => explain(object, healthOf(object)) };
}

async function syncContext(context: PassContext, state: AppState, record: KeptRecord): Promise<SyncContext> {
  const { deps, stopper, claims } = context;
  const { hub, project } = context.identity();
  const owner = { hub, project, app: state.app };
  const run = new DeliveryRun(deps.kube, state, record);
  const settled = () => undefined;
  const own = deps.kube;
  const as = { ...deps, kube: objectsKube(own, state) };
  const besides = claims.besides(owner);
  const judged = await judging(context, state);
  return { deps: as, own, stopper, owner, store: state.store, run, besides, settled, ...judged };
}

/** The view to go on from: that of this generation, or a new one. */
function baseOf(state: AppState, record: KeptRecord): Content {
  const fresh = contentFor(state.app, record.statement);
  const { view } = state;
  const same = view?.epoch === fresh.epoch && view.generation === fresh.generation;
  return same ? view : fresh;
}

function doneView(base: Content, mode: Mode, end: DoneEnd, open: Open): Content {
  const told = { ...base, ...phaseOf(open, base.objects), failures: [] };
  const undried = end.seen.filter((one) => one.undried === true).length;
  if (undried > 0)
    told.message = sentence(
      `${told.message}; of ${undried} only declared fields are compared: a webhook refuses dry runs`,
    );
  // What the delivery did stays on record; a pass that finds nothing to do has nothing to add to it.
  const outcomes =
    mode === "deliver" || Object.keys(base.outcomes).length === 0 ? end.outcomes : base.outcomes;
  // A restored drift stays told until the next one; one that is only told goes when it is gone.
  const drift = mode === "correct" && end.drift.length === 0 ? {} : withDrift(told, end.drift);
  return { ...told, ...drift, outcomes };
}

function waiting(
  state: AppState,
  record: KeptRecord,
  { told, outcomes }: Extract<PassEnd, { kind: "waiting" }>,
): PassResult {
  const next = { ...baseOf(state, record), ...told, failures: [], outcomes };
  // An unchanged view stays the same object, and is not told again.
  if (state.view?.message !== next.message || state.view.phase !== next.phase) state.view = next;
  return { kind: "waiting" };
}

function overLimit(
  state: AppState,
  record: KeptRecord,
  end: Extract<PassEnd, { kind: "over-limit" }>,
): PassResult {
  const base = { ...baseOf(state, record), failures: [], outcomes: end.outcomes };
  state.view = { ...base, phase: "failed", message: sentence(end.message) };
  return { kind: "failed" };
}

function afterFailure(
  state: AppState,
  record: KeptRecord,
  end: Extract<PassEnd, { kind: "failed" }>,
  spoiled: number,
): PassResult {
  const base = baseOf(state, record);
  const seen = end.drift.length === 0 ? base : withDrift(base, end.drift);
  const failed = failedView(seen, end.failures, record.applied ? base.outcomes : end.outcomes);
  if (!end.passing) {
    state.view = failed;
    return { kind: "failed" };
  }
  if (!record.applied) state.view = { ...failed, phase: "applying" };
  else if (spoiled + 1 >= SPOILED_PASSES_MAX) state.view = { ...failed, phase: "progressing" };
  return { kind: "retry", afterMs: end.retryAfterMs };
}
