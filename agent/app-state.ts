/**
 * All that the agent holds of one App, in memory; one lane writes it. What must outlive the process is in
 * `record`, `store` and the stored bundle, and is read back from the cluster at a start.
 */
import { BUNDLE_BYTES_MAX } from "#core/limits.ts";
import { openBundle, type BundleRef } from "#core/bundle.ts";
import type { KubeObject } from "#core/object.ts";
import { accountIn } from "#core/statement.ts";
import type { Kube } from "./kube/port.ts";
import type { Progress } from "./delivery-run.ts";
import { gunzip } from "./gunzip.ts";
import { brokenContent, removedContent, type Answered, type Content, type Refusal } from "./placement.ts";
import { readBundle } from "./state/bundles.ts";
import { InventoryStore } from "./state/inventories.ts";
import { readRecord, type AppRecord, type KeptRecord } from "./state/record.ts";
import type { ApplyOrder } from "./sync.ts";

export interface AppState {
  readonly app: string;
  store: InventoryStore;
  record: AppRecord | undefined;
  /** The bundle in force, gzipped: parsed anew for each pass, so that an idle agent stays small. */
  packed: Uint8Array | undefined;
  view: Content | undefined;
  refusal: (Refusal & { jws: string }) | undefined;
  /** How far the delivery under way has come in this process. */
  progress: Progress | undefined;
  /** The hub's last answer lacked the App. */
  orphaned: boolean;
  /** Set when the stored state cannot be read: nothing is touched until a person looks. */
  broken: boolean;
  /** Answers to the checks of one statement, with its numbers. */
  checks: Answered | undefined;
  /** Somebody and this agent set back each other's changes. */
  fight: string | undefined;
}

export function emptyState(kube: Kube, app: string): AppState {
  return {
    app,
    store: new InventoryStore(kube, app),
    record: undefined,
    packed: undefined,
    view: undefined,
    refusal: undefined,
    progress: undefined,
    orphaned: false,
    broken: false,
    checks: undefined,
    fight: undefined,
  };
}

/** A `KubeError` goes through; damaged state does not: it stands in the view. */
export async function loadState(kube: Kube, app: string): Promise<AppState> {
  const state = emptyState(kube, app);
  try {
    state.store = await InventoryStore.load(kube, app);
    state.record = await readRecord(kube, app);
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof Error && error.name === "ZodError"))
      throw error;
    const message = `the state kept in fairlead-system for this App is damaged: ${error.message}`;
    return { ...state, broken: true, view: brokenContent(app, message) };
  }
  if (state.record?.state === "removed") {
    state.view = removedContent(app, state.record);
    // Told only once the hub asks for it again.
    state.orphaned = true;
  } else if (state.record?.bundle !== undefined) {
    state.packed = await readBundle(kube, app, state.record.bundle);
  }
  return state;
}

/** The kept order to apply, with its record; undefined for anything else. */
export function applyOrderOf(state: AppState): { record: KeptRecord; order: ApplyOrder } | undefined {
  const { record } = state;
  if (record?.state !== "kept" || record.statement.order.action !== "apply") return undefined;
  return { record, order: record.statement.order };
}

/** The cluster with the rights that the App's objects are read and written with; what is the agent's own is not. */
export function objectsKube(kube: Kube, { record }: AppState): Kube {
  const account = record?.state === "kept" ? accountIn(record.statement) : undefined;
  return account === undefined ? kube : kube.as(account);
}

/** What was committed that the release in force, or the refused one, was made of. */
export function commitOf({ refusal, record }: AppState): string | undefined {
  const kept = record?.state === "kept" ? record.statement : undefined;
  return (refusal?.statement ?? kept)?.source?.commit;
}

/** The bundle's objects, its digest checked again; undefined when it is not here whole. */
export async function objectsOf(state: AppState, order: ApplyOrder): Promise<KubeObject[] | undefined> {
  return state.packed === undefined ? undefined : await unpacked(state.packed, order.bundle);
}

/** What an App that is to be removed was last told to be; undefined when that is not here whole. */
export async function lastObjects(kube: Kube, { app, record }: AppState): Promise<KubeObject[] | undefined> {
  if (record?.state !== "kept" || record.last === undefined || record.bundle === undefined) return undefined;
  const packed = await readBundle(kube, app, record.bundle);
  return packed === undefined ? undefined : await unpacked(packed, record.last.bundle);
}

async function unpacked(packed: Uint8Array, ref: BundleRef): Promise<KubeObject[] | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await gunzip(packed, BUNDLE_BYTES_MAX);
  } catch {
    // No gzip any more: as good as absent, and fetched again from the hub.
    return undefined;
  }
  const opened = openBundle(bytes, ref);
  return opened.kind === "opened" ? opened.objects : undefined;
}
