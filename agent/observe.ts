/** Looks at objects whose status may have changed, and at nothing else: a verdict changes the view only when it differs. */
import type { Health } from "#core/health.ts";
import type { KubeObject } from "#core/object.ts";
import type { AppState } from "./app-state.ts";
import { KubeError, type Address, type Kube } from "./kube/port.ts";
import type { Open } from "./pass.ts";
import { phaseOf } from "./placement.ts";
import { mapBounded } from "./slots.ts";
import { noting } from "./watch/noting.ts";
import type { Held } from "./watch/watches.ts";

/** What an object comes to, with the reason behind it. */
export type Judge = (object: KubeObject) => Promise<Health>;

export interface Looking {
  kube: Kube;
  atOnceMax: number;
  judge: Judge;
}

/** Brings `open` up to date for these objects. */
export async function observe(
  looking: Looking,
  state: AppState,
  live: Held,
  open: Open,
  keys: ReadonlySet<string>,
): Promise<void> {
  const places = new Map([...keys].map((key) => [key, live.addressOf(key)]));
  for (const [key, verdict] of await lookAt({ ...looking, kube: noting(looking.kube, live) }, places))
    if (verdict.status === "current") open.delete(key);
    else open.set(key, verdict);
  live.recheck(keys);
  // A pass that failed since has more to say than health.
  if (state.view !== undefined && state.view.failures.length === 0)
    state.view = { ...state.view, ...phaseOf(open, state.view.objects) };
}

/** Passing errors, and rights that were taken away, which the next pass tells, leave the last verdict standing: such an object is missing in the answer, as is one without an address. */
export async function lookAt(
  { kube, atOnceMax, judge }: Looking,
  places: ReadonlyMap<string, Address | undefined>,
): Promise<Map<string, Health>> {
  const seen = new Map<string, Health>();
  await mapBounded([...places], atOnceMax, async ([key, address]) => {
    if (address === undefined) return;
    try {
      const object = await kube.get(address);
      seen.set(
        key,
        object === undefined ? { status: "progressing", sentence: "is gone" } : await judge(object),
      );
    } catch (error) {
      if (!(error instanceof KubeError && (error.passing || error.status === 403))) throw error;
    }
  });
  return seen;
}
