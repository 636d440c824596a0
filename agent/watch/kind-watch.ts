/**
 * One range (a kind, or a kind in one namespace), watched for as long as an App holds it: listed, then followed from the list's version, renewed before the
 * server tires, listed again when its history is gone or the net is due. What may not be watched is told once and
 * tried again rarely; until then the slow pass looks after it.
 */
import { refKey, refOf } from "#core/object.ts";
import type { AgentDeps } from "../deps.ts";
import { KubeError, type Selection } from "../kube/port.ts";
import type { Slots } from "../slots.ts";
import type { Stopper } from "../stop.ts";
import { backoff, jittered } from "../wait.ts";
import type { LiveIndex } from "./live.ts";

export interface KindContext {
  deps: Pick<AgentDeps, "kube" | "clock" | "sleep" | "random" | "log" | "options">;
  stopper: Pick<Stopper, "stopped">;
  index: LiveIndex;
  /** Few lists at once: at a start every kind wants one. */
  lists: Slots;
}

/** Ends when `signal` aborts. */
export async function watchKind(
  context: KindContext,
  selection: Selection,
  signal: AbortSignal,
): Promise<void> {
  const cursor: Cursor = { version: undefined, relistAt: 0, failures: 0, told: false };
  while (!signal.aborted) {
    try {
      await turn(context, selection, cursor, signal);
      cursor.failures = 0;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof KubeError)) throw error;
      await afterError(context, selection, cursor, error, signal);
    }
  }
}

interface Cursor {
  /** Undefined: a list is due. */
  version: string | undefined;
  relistAt: number;
  failures: number;
  told: boolean;
}

async function turn(context: KindContext, selection: Selection, cursor: Cursor, signal: AbortSignal) {
  const { clock, options, random } = context.deps;
  if (cursor.version === undefined || clock() >= cursor.relistAt) {
    cursor.version = await context.lists.run(() => list(context, selection));
    cursor.relistAt = clock() + jittered(options.driftEveryMs, random);
    cursor.told = false;
  }
  // Renewed long before either end takes it for dead, and not all kinds at once.
  const forMs = Math.min(options.watchForMs * (1 + random()), Math.max(1, cursor.relistAt - clock()));
  await follow(context, selection, cursor, cursor.version, forMs, signal);
}

async function list({ deps, index }: KindContext, selection: Selection): Promise<string> {
  const keys = new Set<string>();
  let version = "";
  for await (const page of deps.kube.listMetadata(selection)) {
    version = page.version;
    for (const object of page.objects) {
      const key = refKey(refOf(object));
      keys.add(key);
      index.saw(key, object, String(object.metadata["resourceVersion"]));
    }
  }
  index.listed(rangeIn(index, selection), keys, version);
  return version;
}

async function follow(
  { deps, index }: KindContext,
  selection: Selection,
  cursor: Cursor,
  version: string,
  forMs: number,
  signal: AbortSignal,
): Promise<void> {
  // A connection that died without a word would be waited for for ever.
  const limit = new AbortController();
  const silent = setTimeout(() => limit.abort(), forMs + deps.options.requestTimeoutMs).unref();
  const from = { version, forMs, signal: AbortSignal.any([signal, limit.signal]) };
  const since = deps.clock();
  try {
    for await (const event of deps.kube.watchMetadata(selection, from)) {
      cursor.version = event.version;
      cursor.failures = 0;
      if (event.type === "bookmark") continue;
      const key = refKey(refOf(event.object));
      index.saw(key, event.type === "gone" ? undefined : event.object, event.version);
    }
  } finally {
    clearTimeout(silent);
  }
  // A server that ends every watch at once is not asked in a storm.
  if (deps.clock() - since < deps.options.backoffMinMs) await deps.sleep(deps.options.backoffMinMs, signal);
}

async function afterError(
  { deps, index }: KindContext,
  selection: Selection,
  cursor: Cursor,
  error: KubeError,
  signal: AbortSignal,
): Promise<void> {
  const { options, random, sleep, log } = deps;
  const { backoffMinMs, backoffMaxMs, unwatchedRetryMs } = options;
  cursor.failures += 1;
  let wait = Math.max(backoff(cursor.failures, backoffMinMs, backoffMaxMs, random), error.retryAfterMs ?? 0);
  if (!error.passing) {
    cursor.version = undefined;
    index.lost(rangeIn(index, selection));
  }
  if (!error.passing && error.status !== 410) {
    if (!cursor.told) log({ level: "warn", message: unwatched(selection, error) });
    cursor.told = true;
    wait = jittered(unwatchedRetryMs, random);
  }
  await sleep(wait, signal);
}

function unwatched({ apiVersion, kind, namespace }: Selection, { reason, message }: KubeError): string {
  return (
    `${apiVersion} ${kind} cannot be watched ${namespace === undefined ? "" : `in ${namespace} `}(${reason}: ${message}); drift in it is found by the full comparison only: ` +
    "allow the agent to list and watch it, or shorten --drift-every"
  );
}

function rangeIn(index: LiveIndex, { apiVersion, kind, namespace }: Selection): string {
  return index.rangeOf(refKey(refOf({ apiVersion, kind, metadata: { name: "any", namespace } })));
}
