/**
 * A release's targets by cluster, without their statements: for who asks by name and not by rank. A list never changes,
 * so the last few are kept by their digest.
 */
import type { Rollout } from "#core/rollout.ts";
import type { Target } from "#core/release.ts";
import type { ObjectStore } from "../objects/port.ts";
import { getTargets } from "./content.ts";
import { remembered } from "./remembered.ts";

export type Indexed = Pick<Target, "epoch" | "generation" | "action"> & { rank: number };
type Index = ReadonlyMap<string, Indexed>;

const LISTS_KEPT_MAX = 8;

export function targetIndex(
  objects: Pick<ObjectStore, "get">,
  { targets, total }: Pick<Rollout, "targets" | "total">,
): Promise<Index> {
  return indexOf(objects, targets, total);
}

const indexOf = remembered(
  LISTS_KEPT_MAX,
  async (objects: Pick<ObjectStore, "get">, targets, total: number) => {
    const list = await getTargets(objects, targets, 0, total);
    const ranked = list.map(({ cluster, epoch, generation, action }, rank): [string, Indexed] => [
      cluster,
      { epoch, generation, action, rank },
    ]);
    return { value: new Map(ranked), size: 1 };
  },
);
