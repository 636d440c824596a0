/**
 * One object brought to what its bundle says: absent is applied at once, present is dry-run, compared, and applied
 * only where it differs. Every end is one outcome of the closed vocabulary; a quiet object is not written.
 */
import type { SyncOptions } from "#core/app.ts";
import { compare, goingWith, lastEditor, pointersFor, withoutIgnored, type FieldChange } from "#core/diff.ts";
import type { Health } from "#core/health.ts";
import type { Inventory } from "#core/inventory.ts";
import { REPORT_FIELDS_MAX } from "#core/limits.ts";
import { refKey, refOf, refText, type KubeObject } from "#core/object.ts";
import {
  ignoreFor,
  isImmutable,
  isLeftAlone,
  isMadeOnce,
  mayRecreate,
  refusesDryRun,
} from "#core/object-rules.ts";
import type { Outcome } from "#core/outcome.ts";
import type { Drift, Failure } from "#core/protocol.ts";
import { takeOver, type TakeOver } from "#core/takeover.ts";
import type { Besides } from "./claims.ts";
import type { HealthOf } from "./cel/rules.ts";
import { KubeError, type Address, type Kube } from "./kube/port.ts";

/** `deliver` brings a new bundle; on an applied one a difference is drift: `correct` restores it, `tell` only tells. */
export type Mode = "deliver" | "correct" | "tell";

export interface ApplyContext {
  kube: Kube;
  besides: Pick<Besides, "refusalOf">;
  sync: SyncOptions;
  mode: Mode;
  /** As it stood before the pass: an object with a known UID is ours even if its mark was taken off. */
  known: Inventory;
  /** Keys of what the bundle's autoscalers scale. */
  scaled: ReadonlySet<string>;
  problems: ReadonlyMap<string, string>;
  /** What need not be looked at, as nothing has changed since it was; undefined for all else. */
  settled: (object: KubeObject) => Seen | undefined;
  health: HealthOf;
}

/** What one object came to. */
export interface Seen {
  key: string;
  object: KubeObject;
  outcome: Outcome;
  failure?: Failure;
  /** The failure may pass by itself: the server's trouble, not the object's. */
  passing?: { retryAfterMs: number | undefined };
  drift?: Drift;
  uid?: string;
  health?: Health;
  /** A webhook refuses dry runs: only declared fields were compared. */
  undried?: true;
}

export async function applyObject(context: ApplyContext, object: KubeObject): Promise<Seen> {
  const key = refKey(refOf(object));
  const problem = context.problems.get(key);
  if (problem !== undefined) return failed(key, object, problem);
  if (isLeftAlone(object)) return left(key, object);
  try {
    const made = await madeNew(context, key, object);
    if (made !== undefined) return made;
    const live = await context.kube.get(addressOf(object));
    return live === undefined
      ? await applyAbsent(context, key, object)
      : await applyPresent(context, key, object, live);
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    const seen = failed(key, object, `${error.reason}: ${error.message}`);
    return error.passing ? { ...seen, passing: { retryAfterMs: error.retryAfterMs } } : seen;
  }
}

export function addressOf(object: KubeObject): Address {
  const { name, namespace = "" } = object.metadata;
  return { apiVersion: object.apiVersion, kind: object.kind, namespace, name };
}

/** What no pass has seen yet is most likely not there: one request then, in place of a look and one. */
async function madeNew(context: ApplyContext, key: string, object: KubeObject): Promise<Seen | undefined> {
  const { kube, mode, known, sync } = context;
  if (mode !== "deliver" || sync.adopt || known.entries[key]?.uid !== undefined) return undefined;
  try {
    const created = await kube.apply(object, { dryRun: false, force: true, absent: true });
    return seen(context, key, object, "created", created);
  } catch (error) {
    if (error instanceof KubeError && error.status === 409) return undefined;
    throw error;
  }
}

async function applyAbsent(context: ApplyContext, key: string, object: KubeObject): Promise<Seen> {
  const { kube, mode } = context;
  const drift: Drift = {
    object: refText(refOf(object)),
    fields: [{ path: "", after: "present" }],
    restored: mode === "correct",
  };
  if (mode === "tell") return { key, object, outcome: "skipped", drift, health: MISSING };
  const created = await kube.apply(object, { dryRun: false, force: true });
  return { ...seen(context, key, object, "created", created), ...(mode === "correct" ? { drift } : {}) };
}

const MISSING: Health = {
  status: "progressing",
  sentence: "is missing; its drift is only told, not restored",
};

async function applyPresent(
  context: ApplyContext,
  key: string,
  object: KubeObject,
  live: KubeObject,
): Promise<Seen> {
  const refusal = await refusalOf(context, key, live);
  if (isMadeOnce(object))
    return refusal === undefined ? seen(context, key, object, "unchanged", live) : left(key, object);
  if (refusal !== undefined) return failed(key, object, refusal);
  if (isLeftAlone(live)) return seen(context, key, object, "skipped", live);
  if (live.metadata["deletionTimestamp"] !== undefined && context.mode !== "tell") return goes(key, object);
  try {
    return await bringUp(context, key, object, live);
  } catch (error) {
    if (!(error instanceof KubeError) || !isImmutable(error) || context.mode === "tell") throw error;
    return await recreate(context, key, object, live, error);
  }
}

/** Hands off: it neither counts for health nor as ours. */
function left(key: string, object: KubeObject): Seen {
  return { key, object, outcome: "skipped" };
}

function goes(key: string, object: KubeObject): Seen {
  const seen = failed(key, object, "is being deleted and will be made again");
  return { ...seen, passing: { retryAfterMs: undefined } };
}

async function bringUp(
  context: ApplyContext,
  key: string,
  object: KubeObject,
  live: KubeObject,
): Promise<Seen> {
  const { kube, sync, mode, scaled } = context;
  const force = sync.conflicts === "take";
  const ignore = ignoreFor(object, live, sync.ignore, scaled);
  const wanted = withoutIgnored(object, ignore, live);
  const take = force ? takeOver(live, wanted, pointersFor(object, ignore)) : undefined;
  const dry = await dryRun(kube, wanted, force);
  const changes = [...compare(wanted, live, dry, ignore), ...goingWith(take, live)];
  const undried = dry === undefined ? { undried: true as const } : {};
  if (changes.length === 0) return { ...seen(context, key, object, "unchanged", live), ...undried };
  if (mode === "tell")
    return {
      ...seen(context, key, object, "skipped", live),
      drift: driftOf(live, changes, false),
      ...undried,
    };
  const taken = take === undefined ? live : await takenOver(kube, object, live, take);
  const next = take === undefined ? wanted : withoutIgnored(object, ignore, taken);
  const configured = await kube.apply(next, { dryRun: false, force });
  // Without a dry run, and where somebody's fields went along, only the answer tells what has changed.
  const foretold = dry !== undefined && take === undefined;
  const made = foretold ? changes : compare(next, live, configured, ignore);
  if (made.length === 0) return { ...seen(context, key, object, "unchanged", configured), ...undried };
  const drift = mode === "correct" ? { drift: driftOf(live, made, true) } : {};
  return { ...seen(context, key, object, "configured", configured), ...drift, ...undried };
}

/** Undefined where a webhook refuses dry runs: then the declared fields are all there is to compare. */
async function dryRun(kube: Kube, wanted: KubeObject, force: boolean): Promise<KubeObject | undefined> {
  try {
    return await kube.apply(wanted, { dryRun: true, force });
  } catch (error) {
    if (error instanceof KubeError && refusesDryRun(error)) return undefined;
    throw error;
  }
}

/** Someone else was faster: it is looked at again. */
async function takenOver(
  kube: Kube,
  object: KubeObject,
  live: KubeObject,
  take: TakeOver,
): Promise<KubeObject> {
  const version = String(live.metadata["resourceVersion"]);
  try {
    return await kube.setManagers(addressOf(object), take.managedFields, version);
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 409) throw error;
    throw new KubeError(503, error.reason, error.message);
  }
}

/** Deletes this very object; what keeps it a while longer is waited for by the next pass. */
async function recreate(
  context: ApplyContext,
  key: string,
  object: KubeObject,
  live: KubeObject,
  error: KubeError,
): Promise<Seen> {
  if (!mayRecreate(object, context.sync))
    return failed(key, object, `${error.reason}: ${error.message}; ${FORCE_FIX}`);
  const { kube, mode } = context;
  const { uid } = live.metadata;
  await kube.delete(addressOf(object), typeof uid === "string" ? uid : undefined);
  if ((await kube.get(addressOf(object))) !== undefined) return goes(key, object);
  const created = await kube.apply(object, { dryRun: false, force: true });
  const drift = mode === "correct" ? { drift: driftOf(live, [{ path: "", after: "made again" }], true) } : {};
  return { ...seen(context, key, object, "configured", created), ...drift };
}

const FORCE_FIX =
  "to delete it and make it again, set the annotation fairlead.dev/force on it, or sync.force";

async function refusalOf(context: ApplyContext, key: string, live: KubeObject): Promise<string | undefined> {
  const uid = context.known.entries[key]?.uid;
  const known = uid !== undefined && uid === live.metadata["uid"];
  return await context.besides.refusalOf(live, context.sync.adopt || known);
}

function driftOf(live: KubeObject, changes: readonly FieldChange[], restored: boolean): Drift {
  const paths = changes.map((change) => change.path);
  const fields = changes.slice(0, REPORT_FIELDS_MAX).map((change) => ({ ...change }));
  return { object: refText(refOf(live)), fields, ...lastEditor(live, paths), restored };
}

function seen(
  context: ApplyContext,
  key: string,
  object: KubeObject,
  outcome: Outcome,
  live: KubeObject,
): Seen {
  const uid = live.metadata["uid"];
  const out: Seen = { key, object, outcome, health: context.health(live) };
  if (typeof uid === "string") out.uid = uid;
  return out;
}

function failed(key: string, object: KubeObject, reason: string): Seen {
  return { key, object, outcome: "failed", failure: { object: refText(refOf(object)), reason } };
}
