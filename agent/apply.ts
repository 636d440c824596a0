/**
 * One object brought to what its bundle says: absent is applied at once, present is dry-run, compared, and applied
 * only where it differs. Every end is one outcome of the closed vocabulary; a quiet object is not written.
 */
import type { SyncOptions } from "#core/app.ts";
import { compare, lastEditor, withoutIgnored, type FieldChange } from "#core/diff.ts";
import { health, type Health } from "#core/health.ts";
import type { Inventory } from "#core/inventory.ts";
import { REPORT_FIELDS_MAX } from "#core/limits.ts";
import { refKey, refOf, refText, type KubeObject } from "#core/object.ts";
import type { Outcome } from "#core/outcome.ts";
import { ownerRefusal, type Owner } from "#core/plan.ts";
import type { Drift, Failure } from "#core/protocol.ts";
import { KubeError, type Address, type Kube } from "./kube/port.ts";

/** `deliver` brings a new bundle; on an applied one a difference is drift: `correct` restores it, `tell` only tells. */
export type Mode = "deliver" | "correct" | "tell";

export interface ApplyContext {
  kube: Kube;
  owner: Owner;
  sync: SyncOptions;
  mode: Mode;
  /** As it stood before the pass: an object with a known UID is ours even if its mark was taken off. */
  known: Inventory;
  problems: ReadonlyMap<string, string>;
  /** What need not be looked at, as nothing has changed since it was; undefined for all else. */
  settled: (object: KubeObject) => Seen | undefined;
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
}

export async function applyObject(context: ApplyContext, object: KubeObject): Promise<Seen> {
  const key = refKey(refOf(object));
  const problem = context.problems.get(key);
  if (problem !== undefined) return failed(key, object, problem);
  try {
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

async function applyAbsent(context: ApplyContext, key: string, object: KubeObject): Promise<Seen> {
  const { kube, mode } = context;
  const drift: Drift = {
    object: refText(refOf(object)),
    fields: [{ path: "", after: "present" }],
    restored: mode === "correct",
  };
  if (mode === "tell") return { key, object, outcome: "skipped", drift, health: MISSING };
  const created = await kube.apply(object, { dryRun: false, force: true });
  return { ...seen(key, object, "created", created), ...(mode === "correct" ? { drift } : {}) };
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
  const { kube, sync, mode } = context;
  const refusal = refusalOf(context, key, live);
  if (refusal !== undefined) return failed(key, object, refusal);
  if (live.metadata["deletionTimestamp"] !== undefined && mode !== "tell")
    return {
      ...failed(key, object, "is being deleted and will be made again"),
      passing: { retryAfterMs: undefined },
    };
  const wanted = withoutIgnored(object, sync.ignore, live);
  const wouldBe = await kube.apply(wanted, { dryRun: true, force: true });
  const changes = compare(wanted, live, wouldBe, sync.ignore);
  if (changes.length === 0) return seen(key, object, "unchanged", live);
  if (mode === "tell") return { ...seen(key, object, "skipped", live), drift: driftOf(live, changes, false) };
  const configured = await kube.apply(wanted, { dryRun: false, force: true });
  const drift = mode === "correct" ? { drift: driftOf(live, changes, true) } : {};
  return { ...seen(key, object, "configured", configured), ...drift };
}

function refusalOf(context: ApplyContext, key: string, live: KubeObject): string | undefined {
  const uid = context.known.entries[key]?.uid;
  const known = uid !== undefined && uid === live.metadata["uid"];
  return ownerRefusal(live, context.owner, { adopt: context.sync.adopt || known });
}

function driftOf(live: KubeObject, changes: readonly FieldChange[], restored: boolean): Drift {
  const paths = changes.map((change) => change.path);
  const fields = changes.slice(0, REPORT_FIELDS_MAX).map((change) => ({ ...change }));
  return { object: refText(refOf(live)), fields, ...lastEditor(live, paths), restored };
}

function seen(key: string, object: KubeObject, outcome: Outcome, live: KubeObject): Seen {
  const uid = live.metadata["uid"];
  const out: Seen = { key, object, outcome, health: health(live) };
  if (typeof uid === "string") out.uid = uid;
  return out;
}

function failed(key: string, object: KubeObject, reason: string): Seen {
  return { key, object, outcome: "failed", failure: { object: refText(refOf(object)), reason } };
}
