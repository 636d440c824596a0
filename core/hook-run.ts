/**
 * One hook's run, decided: what is remembered of it for this generation, and what lives in the cluster. A run that
 * ended is never started again; one that was under way when the agent died is waited for, not repeated.
 */
import * as z from "zod";
import { health } from "./health.ts";
import { conditionOf, statusOf, textOf, wordsOf } from "./health/verdict.ts";
import { MOMENTS, type Hook } from "./hooks.ts";
import { groupOf, refKey, refOf, type KubeObject } from "./object.ts";

/** On a live hook: the generation that it runs for. */
export const RUN_ANNOTATION = "fairlead.dev/hook-run";
/** Each is remembered by name in the cluster. */
export const HOOKS_MAX = 200;

const runSchema = z.discriminatedUnion("state", [
  /** Written before it is made; the UID after that. `since` is in ms since 1970. */
  z.object({ state: z.literal("running"), since: z.number(), uid: z.string().max(128).optional() }),
  z.object({ state: z.literal("succeeded") }),
  z.object({ state: z.literal("failed"), reason: z.string().max(1000) }),
]);
export type HookRun = z.infer<typeof runSchema>;

/** What is kept of one generation's hooks; the moment is settled before the first write. */
export const hookMemorySchema = z.object({
  moment: z.enum(MOMENTS),
  runs: z.record(z.string().max(1200), runSchema),
});
export type HookMemory = z.infer<typeof hookMemorySchema>;

export type HookMove =
  | { kind: "done" }
  | { kind: "failed"; reason: string }
  | { kind: "make" }
  /** What an earlier run left stands in the way. */
  | { kind: "replace"; uid: string }
  | { kind: "wait"; sentence: string };

/** The same object in two phases runs twice. */
export function runKey(hook: Hook): string {
  return `${hook.phase} ${refKey(refOf(hook.object))}`;
}

/**
 * True when nothing can start it again: neither a drift pass nor a restart. A failed hook of a removal runs anew once
 * its object was deleted: there is no later generation that could run it.
 */
export function isOver(hook: Hook, run: HookRun | undefined): boolean {
  if (run?.state === "failed") return hook.phase !== "before-delete" && hook.phase !== "after-delete";
  return run?.state === "succeeded";
}

/** `generation` as it stands in `RUN_ANNOTATION`. */
export function judgeHook(
  hook: Hook,
  generation: string,
  run: HookRun | undefined,
  live: KubeObject | undefined,
  now: number,
): HookMove {
  if (run?.state === "succeeded") return { kind: "done" };
  if (run?.state === "failed" && (isOver(hook, run) || live !== undefined))
    return { kind: "failed", reason: run.reason };
  const running = run?.state === "running" ? run : undefined;
  const move = moveOf(hook, `${generation} ${hook.phase}`, running, live);
  const late = running !== undefined && now - running.since > hook.limitMs;
  if (!late || move.kind === "done" || move.kind === "failed") return move;
  const last = move.kind === "wait" ? `: ${move.sentence}` : "";
  return { kind: "failed", reason: `did not end within ${hook.limitMs / 1000} s${last}` };
}

/** The object as it is made for one run. */
export function forRun(hook: Hook, generation: string): KubeObject {
  const { metadata } = hook.object;
  const annotations = { ...metadata.annotations, [RUN_ANNOTATION]: `${generation} ${hook.phase}` };
  return { ...hook.object, metadata: { ...metadata, annotations } };
}

function moveOf(
  hook: Hook,
  mark: string,
  run: Extract<HookRun, { state: "running" }> | undefined,
  live: KubeObject | undefined,
): HookMove {
  if (live === undefined)
    return run?.uid === undefined
      ? { kind: "make" }
      : { kind: "failed", reason: "was deleted before it ended" };
  if (live.metadata["deletionTimestamp"] !== undefined)
    return { kind: "wait", sentence: "the one before is being deleted" };
  if (live.metadata.annotations?.[RUN_ANNOTATION] === mark) return endOf(live);
  const { uid } = live.metadata;
  const replaced = hook.policies.has("before") || isRun(live);
  return replaced && typeof uid === "string" ? { kind: "replace", uid } : { kind: "make" };
}

/** What runs to an end cannot be applied a second time; all else may be changed in place. */
function isRun({ apiVersion, kind }: KubeObject): boolean {
  return ["batch/Job", "/Pod"].includes(`${groupOf(apiVersion)}/${kind}`);
}

/** A Job or Pod has to run to its end; what else a hook makes has to be current. */
function endOf(live: KubeObject): HookMove {
  const { status, sentence } = health(live);
  if (!isRun(live)) {
    if (status === "current") return { kind: "done" };
    return status === "failed" ? { kind: "failed", reason: sentence } : { kind: "wait", sentence };
  }
  const phase = textOf(statusOf(live), "phase");
  if (phase === "Succeeded" || conditionOf(live, "Complete")?.status === "True") return { kind: "done" };
  const broken = conditionOf(live, "Failed");
  if (broken?.status === "True") return { kind: "failed", reason: wordsOf(broken, sentence) };
  return phase === "Failed" ? { kind: "failed", reason: sentence } : { kind: "wait", sentence };
}
