/**
 * A release's targets by cluster, without their statements: for who asks by name and not by rank. A list never changes,
 * so the last few are kept by their digest.
 */
import type { Rollout } from "#core/rollout.ts";
import type { Target } from "#core/release.ts";
import type { ObjectStore } from "../objects/port.ts";
import { getTargets } from "./content.ts";

export type Indexed = Pick<Target, "epoch" | "generation" | "action"> & { rank: number };
type Index = ReadonlyMap<string, Indexed>;

const LISTS_KEPT_MAX = 8;
const kept = new WeakMap<Pick<ObjectStore, "get">, Map<string, Index>>();

export async function targetIndex(
  objects: Pick<ObjectStore, "get">,
  { targets, total }: Pick<Rollout, "targets" | "total">,
): Promise<Index> {
  const lists = kept.get(objects) ?? new Map<string, Index>();
  kept.set(objects, lists);
  const known = lists.get(targets);
  if (known !== undefined) return known;
  const list = await getTargets(objects, targets, 0, total);
  const index = new Map(
    list.map(({ cluster, epoch, generation, action }, rank) => [
      cluster,
      { epoch, generation, action, rank },
    ]),
  );
  const oldest = lists.keys().next();
  if (lists.size >= LISTS_KEPT_MAX && oldest.done === false) lists.delete(oldest.value);
  lists.set(targets, index);
  return index;
}
