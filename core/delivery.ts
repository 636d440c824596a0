/**
 * A delivery as a list of steps: hooks before, objects in their waves with the hooks of each wave, what has to go,
 * hooks after. Each step has ended before the next one starts; without hooks there is nothing to wait for.
 */
import { batchesOf, isHook, type Hook, type HookPhase } from "./hooks.ts";
import type { KubeObject } from "./object.ts";
import { waveOf } from "./order.ts";

export type Step =
  | { kind: "hooks"; hooks: readonly Hook[] }
  /** The phase is over: what is to be deleted after a success goes. */
  | { kind: "tidy"; hooks: readonly Hook[] }
  | { kind: "apply"; objects: readonly KubeObject[] }
  /** `keeping` and nothing else stays of what the inventory holds. */
  | { kind: "prune"; keeping: readonly KubeObject[] }
  /** Every object that was applied is current. */
  | { kind: "healthy" };

export function deliverySteps(objects: readonly KubeObject[], hooks: readonly Hook[]): Step[] {
  const after = hookSteps(hooks, "after");
  const first = namespacesFor(objects, hooks);
  const rest = objects.filter((object) => !isHook(object) && !first.includes(object));
  return [
    ...(first.length === 0 ? [] : [{ kind: "apply", objects: first } as const]),
    ...hookSteps(hooks, "before"),
    ...waveSteps(rest, hooks),
    { kind: "prune", keeping: objects },
    ...(after.length === 0 ? [] : [{ kind: "healthy" } as const, ...after]),
  ];
}

/** Namespaces of the bundle in which hooks run before the objects: they have to be there by then. */
function namespacesFor(objects: readonly KubeObject[], hooks: readonly Hook[]): KubeObject[] {
  const used = new Set(
    hooks.filter(({ phase }) => phase === "before").map(({ object }) => object.metadata.namespace),
  );
  return objects.filter(
    ({ apiVersion, kind, metadata }) =>
      apiVersion === "v1" && kind === "Namespace" && used.has(metadata.name),
  );
}

/** Everything goes; at last the hooks of the removal go too, whatever their policy. */
export function removalSteps(hooks: readonly Hook[]): Step[] {
  const after = hookSteps(hooks, "after-delete");
  const keeping = batchesOf(hooks, "after-delete").flatMap((batch) => batch.map((hook) => hook.object));
  return [
    ...hookSteps(hooks, "before-delete"),
    { kind: "prune", keeping },
    ...(after.length === 0 ? [] : [...after, { kind: "prune", keeping: [] } as const]),
  ];
}

function hookSteps(hooks: readonly Hook[], phase: HookPhase): Step[] {
  const batches = batchesOf(hooks, phase);
  if (batches.length === 0) return [];
  return [
    ...batches.map((batch) => ({ kind: "hooks", hooks: batch }) as const),
    { kind: "tidy", hooks: batches.flat() },
  ];
}

/** The objects in as few parts as the hooks among them ask for. */
function waveSteps(objects: readonly KubeObject[], hooks: readonly Hook[]): Step[] {
  const steps: Step[] = [];
  let rest = objects;
  const batches = batchesOf(hooks, "during");
  for (const batch of batches) {
    const wave = batch[0]?.wave ?? 0;
    const now = rest.filter((object) => waveOf(object) <= wave);
    if (now.length > 0) steps.push({ kind: "apply", objects: now });
    rest = rest.filter((object) => waveOf(object) > wave);
    steps.push({ kind: "hooks", hooks: batch });
  }
  if (rest.length > 0 || batches.length === 0) steps.push({ kind: "apply", objects: rest });
  return batches.length === 0 ? steps : [...steps, { kind: "tidy", hooks: batches.flat() }];
}
