/** Sets of ranks as sorted lists, and what each stage holds of them. */
import type { Rollout, Stage } from "./state.ts";

export function withRanks(list: readonly number[], added: Iterable<number>): number[] {
  return [...new Set([...list, ...added])].sort((a, b) => a - b);
}

export function withoutRanks(list: readonly number[], removed: ReadonlySet<number>): number[] {
  return list.filter((rank) => !removed.has(rank));
}

export function inStage({ from, to }: Pick<Stage, "from" | "to">, rank: number): boolean {
  return rank >= from && rank < to;
}

/** How many more of a stage may be made unavailable: `maxUnavailable` less those that are out because of us. */
export function roomIn(stage: Stage, { out, free }: Pick<Rollout, "out" | "free">): number {
  const notOurs = new Set(free);
  const ours = out.filter((rank) => inStage(stage, rank) && !notOurs.has(rank)).length;
  return Math.max(0, stage.maxUnavailable - ours);
}

/** How many more may move at the same time. */
export function slotsIn(stage: Stage, { out }: Pick<Rollout, "out">): number {
  const moving = out.filter((rank) => inStage(stage, rank)).length;
  return Math.max(0, (stage.maxConcurrent ?? Number.POSITIVE_INFINITY) - moving);
}

/** One piece of work on the bus: some seconds of writes. */
export const RANKS_PER_RANGE = 500;

/** As few ranges as hold them: none longer than `mostEach`; ranks in between may be in them too. */
export function rangesOf(list: readonly number[], mostEach: number): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = [];
  for (const rank of list) {
    const last = ranges.at(-1);
    if (last !== undefined && rank - last.from < mostEach) last.to = rank + 1;
    else ranges.push({ from: rank, to: rank + 1 });
  }
  return ranges;
}
