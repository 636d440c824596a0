/**
 * All objects of a bundle, wave by wave. A failure lets its own wave finish and keeps the next from starting; a
 * definition is waited for, within a bound, before what it defines is applied.
 */
import { applyWaves } from "#core/order.ts";
import { refKey, refOf, refText, type KubeObject } from "#core/object.ts";
import { addressOf, applyObject, type ApplyContext, type Seen } from "./apply.ts";
import type { AgentDeps } from "./deps.ts";
import { mapBounded } from "./slots.ts";
import type { Stopper } from "./stop.ts";

const ESTABLISH_STEP_MS = 100;

export interface WaveDeps {
  deps: Pick<AgentDeps, "clock" | "sleep" | "options">;
  stopper: Stopper;
}

export async function applyAll(
  { deps, stopper }: WaveDeps,
  context: ApplyContext,
  objects: readonly KubeObject[],
): Promise<Seen[]> {
  const all: Seen[] = [];
  let halted = false;
  for (const wave of applyWaves(objects)) {
    if (halted) {
      all.push(...wave.map(skipped));
      continue;
    }
    const seen = await mapBounded(wave, deps.options.objectsAtOnceMax, async (object) => {
      stopper.check();
      return context.settled(object) ?? (await applyObject(context, object));
    });
    const late = await notEstablished({ deps, stopper }, context, seen);
    all.push(...seen.map((one) => late.get(one.key) ?? one));
    // On drift passes every object is looked at: one that cannot be restored must not hide the others.
    halted = context.mode === "deliver" && (late.size > 0 || seen.some((one) => one.outcome === "failed"));
  }
  return all;
}

function skipped(object: KubeObject): Seen {
  return { key: refKey(refOf(object)), object, outcome: "skipped" };
}

/** Definitions of this wave that are not established in time, as failures that may pass. */
async function notEstablished(
  { deps, stopper }: WaveDeps,
  context: ApplyContext,
  seen: readonly Seen[],
): Promise<Map<string, Seen>> {
  let waiting = seen.filter(
    (one) =>
      one.object.kind === "CustomResourceDefinition" &&
      (one.outcome === "created" || one.outcome === "configured") &&
      one.health?.status !== "current",
  );
  const until = deps.clock() + deps.options.establishMs;
  while (waiting.length > 0 && deps.clock() < until) {
    await deps.sleep(ESTABLISH_STEP_MS, stopper.signal);
    stopper.check();
    const checked = await mapBounded(waiting, deps.options.objectsAtOnceMax, async (one) => {
      const live = await context.kube.get(addressOf(one.object));
      return live !== undefined && context.health(live).status === "current" ? undefined : one;
    });
    waiting = checked.filter((one) => one !== undefined);
  }
  return new Map(waiting.map((one) => [one.key, lateOf(one, deps.options.establishMs)]));
}

function lateOf(one: Seen, establishMs: number): Seen {
  const reason = `is not established after ${establishMs / 1000} s`;
  const failure = { object: refText(refOf(one.object)), reason };
  return { ...one, outcome: "failed", failure, passing: { retryAfterMs: undefined } };
}
