/** Looks again at what was not current, and at nothing else: a verdict changes the view only when it differs. */
import { health } from "#core/health.ts";
import type { AppState } from "./app-state.ts";
import { KubeError, type Kube } from "./kube/port.ts";
import type { Watch } from "./pass.ts";
import { phaseOf } from "./placement.ts";
import { mapBounded } from "./slots.ts";

/** True when all is current. Passing errors leave the last verdict standing. */
export async function observe(
  kube: Kube,
  atOnceMax: number,
  state: AppState,
  watch: Watch,
): Promise<boolean> {
  await lookAgain(kube, atOnceMax, watch);
  // A pass that failed since has more to say than health.
  if (state.view !== undefined && state.view.failures.length === 0)
    state.view = { ...state.view, ...phaseOf(watch.verdicts) };
  return isSettled(watch);
}

export function isSettled(watch: Watch): boolean {
  return [...watch.verdicts.values()].every((verdict) => verdict.status === "current");
}

/** Renews the verdicts that are not current. */
export async function lookAgain(kube: Kube, atOnceMax: number, watch: Watch): Promise<void> {
  const open = [...watch.verdicts].filter(([, verdict]) => verdict.status !== "current").map(([key]) => key);
  await mapBounded(open, atOnceMax, async (key) => {
    const address = watch.addresses.get(key);
    if (address === undefined) return;
    try {
      const live = await kube.get(address);
      watch.verdicts.set(
        key,
        live === undefined ? { status: "progressing", sentence: "is gone" } : health(live),
      );
    } catch (error) {
      if (!(error instanceof KubeError && error.passing)) throw error;
    }
  });
}
