/**
 * From an offered statement to one that is kept: signature, every field, then the bundle's size and digest; told to
 * the hub as received; written into the cluster. Until the last step nothing of the old state has changed.
 */
import { openBundle } from "#core/bundle.ts";
import { isHook } from "#core/hooks.ts";
import { judgeStatement, type Statement } from "#core/statement.ts";
import { applyOrderOf, type AppState } from "./app-state.ts";
import type { AgentDeps } from "./deps.ts";
import type { Hub } from "./hub.ts";
import type { Identity } from "./identity.ts";
import { contentFor } from "./placement.ts";
import type { Reporter } from "./report.ts";
import { verifyStatement } from "./signed.ts";
import { packBundle, writeBundle } from "./state/bundles.ts";
import { heldOf, inherited, writeRecord, type KeptRecord } from "./state/record.ts";
import type { Stopper } from "./stop.ts";

export interface AcceptContext {
  deps: AgentDeps;
  stopper: Stopper;
  hub: Pick<Hub, "bundle">;
  reporter: Pick<Reporter, "told">;
  identity: () => Identity;
  /** Puts the App into the index of what to load at the next start. */
  remember: (app: string) => Promise<void>;
}

export interface Offer {
  jws: string;
  /** Look at it again although it was refused before: time has passed, or the charter changed. */
  again: boolean;
}

type Fetched =
  | { kind: "fetched"; packed: Uint8Array | undefined; objects: number }
  | { kind: "refused"; message: string };

/** Throws a `HubError` or `KubeError` when it is to be tried again; then `state` is as it was. */
export async function accept(
  context: AcceptContext,
  state: AppState,
  offer: Offer,
): Promise<"kept" | "as-before"> {
  // A bundle that was refused is asked for with every new answer: the bytes behind a digest can be put right.
  const forItself = state.refusal?.jws === offer.jws && state.refusal.statement === undefined;
  if (forItself && !offer.again) return "as-before";
  const identity = context.identity();
  const verified = await verifyStatement(offer.jws, identity.charter);
  if (verified.kind === "refused") return refuse(context, state, offer, verified.message, undefined);
  const { value: statement, digest } = verified;
  const { hub, project, cluster, charter } = identity;
  const bearer = { hub, epoch: charter.epoch, project, cluster };
  const held = state.record === undefined ? undefined : heldOf(state.record);
  const judgement = judgeStatement(statement, state.app, digest, bearer, held);
  if (judgement.kind === "refused")
    return refuse(context, state, offer, `${judgement.code}: ${judgement.message}`, undefined);
  if (judgement.kind === "unchanged" && !lacksBundle(state)) {
    state.refusal = undefined;
    return "as-before";
  }
  const fetched = await fetchBundle(context, state, statement);
  if (fetched.kind === "refused") return refuse(context, state, offer, fetched.message, statement);
  await tellReceived(context, state, statement, fetched.objects);
  await keep(context, state, { statement, digest, packed: fetched.packed });
  return "kept";
}

function refuse(
  context: AcceptContext,
  state: AppState,
  offer: Offer,
  message: string,
  statement: Statement | undefined,
): "as-before" {
  if (state.refusal?.message !== message)
    context.deps.log({ level: "warn", app: state.app, message: `refused: ${message}` });
  state.refusal = { jws: offer.jws, message, statement };
  return "as-before";
}

function lacksBundle(state: AppState): boolean {
  return applyOrderOf(state) !== undefined && state.packed === undefined;
}

async function fetchBundle(context: AcceptContext, state: AppState, statement: Statement): Promise<Fetched> {
  const { order } = statement;
  if (order.action === "remove") return { kind: "fetched", packed: undefined, objects: 0 };
  const inForce = applyOrderOf(state)?.order.bundle.digest === order.bundle.digest;
  if (inForce && state.packed !== undefined)
    return { kind: "fetched", packed: state.packed, objects: state.view?.objects ?? 0 };
  const bytes = await context.hub.bundle(state.app);
  const opened = openBundle(bytes, order.bundle);
  if (opened.kind === "refused") return { kind: "refused", message: `bad-bundle: ${opened.message}` };
  return {
    kind: "fetched",
    packed: packBundle(bytes),
    objects: opened.objects.filter((object) => !isHook(object)).length,
  };
}

/** The hub hears of it before anything is touched; when it cannot, the old view stands again. */
async function tellReceived(
  context: AcceptContext,
  state: AppState,
  statement: Statement,
  objects: number,
): Promise<void> {
  const before = { view: state.view, refusal: state.refusal };
  state.view = { ...contentFor(state.app, statement), objects };
  state.refusal = undefined;
  try {
    await context.reporter.told();
    context.stopper.check();
  } catch (error) {
    Object.assign(state, before);
    throw error;
  }
}

async function keep(
  context: AcceptContext,
  state: AppState,
  next: { statement: Statement; digest: string; packed: Uint8Array | undefined },
): Promise<void> {
  const { kube } = context.deps;
  const { app } = state;
  const { statement, digest, packed } = next;
  await context.remember(app);
  const inUse = state.record?.state === "kept" ? state.record.bundle : undefined;
  const place =
    packed === undefined || packed === state.packed ? inUse : await writeBundle(kube, app, packed, inUse);
  const record: KeptRecord = {
    state: "kept",
    statement,
    digest,
    applied: false,
    ...(place === undefined ? {} : { bundle: place }),
    ...inherited(state.record, digest),
  };
  await writeRecord(kube, app, record);
  state.record = record;
  state.packed = packed;
}
