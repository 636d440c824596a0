/** Looks at objects whose status may have changed, and at nothing else: a verdict changes the view only when it differs. */
import { health } from "#core/health.ts";
import type { AppState } from "./app-state.ts";
import { KubeError, type Kube } from "./kube/port.ts";
import type { Open } from "./pass.ts";
import { phaseOf } from "./placement.ts";
import { mapBounded } from "./slots.ts";
import { noting } from "./watch/noting.ts";
import type { Held } from "./watch/watches.ts";

/** Brings `open` up to date for these objects. Passing errors leave the last verdict standing. */
export async function observe(
  kube: Kube,
  atOnceMax: number,
  state: AppState,
  live: Held,
  open: Open,
  keys: ReadonlySet<string>,
): Promise<void> {
  const noted = noting(kube, live.index);
  await mapBounded([...keys], atOnceMax, async (key) => {
    const address = live.addressOf(key);
    if (address === undefined) return;
    try {
      const object = await noted.get(address);
      const verdict =
        object === undefined ? ({ status: "progressing", sentence: "is gone" } as const) : health(object);
      if (verdict.status === "current") open.delete(key);
      else open.set(key, verdict);
    } catch (error) {
      if (!(error instanceof KubeError && error.passing)) throw error;
    }
  });
  live.recheck(keys);
  // A pass that failed since has more to say than health.
  if (state.view !== undefined && state.view.failures.length === 0)
    state.view = { ...state.view, ...phaseOf(open, state.view.objects) };
}
