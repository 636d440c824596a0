/**
 * Hooks run: made, waited for over many passes, and deleted by their policies. What a hook comes to is decided in
 * `core/hook-run.ts` and kept before and after the cluster is touched; nothing here blocks a pass.
 */
import { forRun, isOver, judgeHook, runKey, type HookMove } from "#core/hook-run.ts";
import type { Hook, HookPhase } from "#core/hooks.ts";
import { union, without, withUids } from "#core/inventory.ts";
import { refKey, refOf, refText, type KubeObject } from "#core/object.ts";
import { ownerRefusal } from "#core/plan.ts";
import type { Failure } from "#core/protocol.ts";
import { addressOf } from "./apply.ts";
import type { DeliveryRun } from "./delivery-run.ts";
import { KubeError } from "./kube/port.ts";
import type { SyncContext } from "./sync.ts";

export interface HookContext extends SyncContext {
  run: DeliveryRun;
  adopt: boolean;
  problems: ReadonlyMap<string, string>;
}

export type BatchEnd =
  | { kind: "done" }
  | { kind: "waiting"; message: string }
  | { kind: "failed"; failures: Failure[] };

const PHASE_WORDS: Record<HookPhase, string> = {
  before: "hook before the objects",
  during: "hook among the objects",
  after: "hook after the objects",
  failed: "hook after a failure",
  "before-delete": "hook before the removal",
  "after-delete": "hook after the removal",
};

/** A hook's turns in one pass: it may be replaced, made and over at once. */
const TURNS_MAX = 4;

/** A `KubeError` that may pass goes through, and the pass is tried again. */
export async function runBatch(context: HookContext, hooks: readonly Hook[]): Promise<BatchEnd> {
  const failures: Failure[] = [];
  const waiting: string[] = [];
  for (const hook of hooks) {
    context.stopper.check();
    const end = await runOne(context, hook);
    const object = refText(refOf(hook.object));
    if (end.kind === "failed") failures.push({ object, reason: `${PHASE_WORDS[hook.phase]}: ${end.reason}` });
    if (end.kind === "wait") waiting.push(`${object} (${PHASE_WORDS[hook.phase]}): ${end.sentence}`);
  }
  if (failures.length > 0) return { kind: "failed", failures };
  const [first] = waiting;
  if (first === undefined) return { kind: "done" };
  return { kind: "waiting", message: `waits for ${first}` };
}

type OneEnd = { kind: "done" } | { kind: "failed"; reason: string } | { kind: "wait"; sentence: string };

async function runOne(context: HookContext, hook: Hook): Promise<OneEnd> {
  const { deps, run } = context;
  const key = runKey(hook);
  for (let turn = 0; turn < TURNS_MAX; turn += 1) {
    const held = run.runOf(key);
    const ended = isOver(hook, held);
    const live = ended ? undefined : await deps.kube.get(addressOf(hook.object));
    const move = await explained(context, live, judgeHook(hook, run.generation, held, live, deps.clock()));
    switch (move.kind) {
      case "done":
        if (held?.state !== "succeeded") await run.remember(key, { state: "succeeded" });
        return move;
      case "failed":
        if (held?.state !== "failed") await run.remember(key, { state: "failed", reason: move.reason });
        return move;
      case "wait":
        return move;
      case "make":
      case "replace": {
        const refusal = await refused(context, hook, live, () => made(context, hook, key, move, live));
        if (refusal === undefined) break;
        await run.remember(key, { state: "failed", reason: refusal });
        return { kind: "failed", reason: refusal };
      }
    }
  }
  return { kind: "wait", sentence: "it is being made again" };
}

/** A Job's own words are a count: its pod knows why. */
async function explained(
  { explain }: HookContext,
  live: KubeObject | undefined,
  move: HookMove,
): Promise<HookMove> {
  if (live === undefined || (move.kind !== "failed" && move.kind !== "wait")) return move;
  if (move.kind === "wait") {
    const { sentence } = await explain(live, { status: "progressing", sentence: move.sentence });
    return { ...move, sentence };
  }
  const verdict = await explain(live, { status: "failed", sentence: move.reason });
  return { ...move, reason: verdict.sentence };
}

/** Why it cannot run at all; undefined once `work` is done. */
async function refused(
  { besides, store, adopt, problems }: HookContext,
  hook: Hook,
  live: KubeObject | undefined,
  work: () => Promise<void>,
): Promise<string | undefined> {
  const key = refKey(refOf(hook.object));
  const problem = problems.get(key);
  if (problem !== undefined) return problem;
  const uid = store.inventory.entries[key]?.uid;
  const known = uid !== undefined && uid === live?.metadata["uid"];
  const refusal = live === undefined ? undefined : await besides.refusalOf(live, adopt || known);
  if (refusal !== undefined) return refusal;
  try {
    await work();
    return undefined;
  } catch (error) {
    if (!(error instanceof KubeError) || error.passing) throw error;
    return `${error.reason}: ${error.message}`;
  }
}

async function made(
  { deps, run, store }: HookContext,
  hook: Hook,
  key: string,
  move: { kind: "make" } | { kind: "replace"; uid: string },
  live: KubeObject | undefined,
): Promise<void> {
  const held = run.runOf(key);
  const since = held?.state === "running" ? held.since : deps.clock();
  if (held?.state !== "running") await run.remember(key, { state: "running", since });
  await store.save(union(store.inventory, [], [hook.object]));
  if (move.kind === "replace") return void (await deps.kube.delete(addressOf(hook.object), move.uid));
  const created = await deps.kube.apply(forRun(hook, run.generation), { dryRun: false, force: true });
  const { uid } = created.metadata;
  if (typeof uid !== "string") return;
  await store.save(withUids(store.inventory, [created]));
  // Of what was there before and only changed, the UID tells nothing.
  if (live === undefined) await run.remember(key, { state: "running", since, uid });
}

/** Deletes those whose policy says so by how they ended; they leave the inventory with it. */
export async function tidy(context: HookContext, hooks: readonly Hook[]): Promise<void> {
  const { deps, run, store, owner } = context;
  const over = hooks.filter((hook) => {
    const ended = run.runOf(runKey(hook))?.state;
    return (ended === "succeeded" || ended === "failed") && hook.policies.has(ended);
  });
  for (const hook of over) {
    const live = await deps.kube.get(addressOf(hook.object));
    if (live !== undefined && ownerRefusal(live, owner, { adopt: false }) !== undefined) continue;
    const uid = live?.metadata["uid"];
    if (typeof uid === "string") await deps.kube.delete(addressOf(hook.object), uid);
  }
  const keys = over.map((hook) => refKey(refOf(hook.object)));
  if (keys.length > 0) await store.save(without(store.inventory, keys));
}
