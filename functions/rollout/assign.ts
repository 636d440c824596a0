/**
 * Hands out a range of ranks. The rollout is read consistently first: a range with an old fence, or of a rollout that
 * is over, is dropped, however late it came; of the others only ranks that are out are written.
 */
import { mayAssign, type Rollout } from "#core/rollout.ts";
import type { ObjectStore } from "../objects/port.ts";
import { getTargets } from "../release/content.ts";
import type { Db } from "../store/db.ts";
import { assign } from "../store/placement.ts";
import { getRollout } from "../store/rollout.ts";
import type { Writer } from "../store/writer.ts";

export interface AssignDeps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
  /** Of a hub with several regions. */
  writer?: Pick<Writer, "epoch"> | undefined;
}

export interface RankRange {
  project: string;
  app: string;
  release: number;
  fence: number;
  from: number;
  to: number;
}

const PARALLEL = 10;

export async function assignRange(deps: AssignDeps, range: RankRange): Promise<"assigned" | "dropped"> {
  const { project, app, release, from, to } = range;
  const rollout = await getRollout(deps.db, project, app, release);
  if (rollout === undefined || rollout.fence !== range.fence || !mayAssign(rollout.state)) return "dropped";
  if (await isOfBefore(deps, rollout)) return "dropped";
  const way = wayOf(rollout);
  await assignRanks(deps, rollout, way?.out.filter((rank) => rank >= from && rank < to) ?? []);
  return way === undefined ? "dropped" : "assigned";
}

/** Of a rollout that was read or written just now. */
export async function assignRanks(
  { db, objects, now }: AssignDeps,
  rollout: Rollout,
  ranks: readonly number[],
): Promise<void> {
  const { project, app, release } = rollout;
  const way = wayOf(rollout);
  const [first, last] = [ranks.at(0), ranks.at(-1)];
  if (way === undefined || first === undefined || last === undefined) return;
  const list = await getTargets(objects, way.targets, first, last + 1);
  const back = rollout.state.kind === "rolling-back" ? { back: true as const } : {};
  for (let start = 0; start < ranks.length; start += PARALLEL)
    await Promise.all(
      ranks.slice(start, start + PARALLEL).map(async (rank) => {
        const target = list[rank - first];
        if (target === undefined) return;
        await assign(db, project, app, target, now(), { rollout: release, rank, ...back });
      }),
    );
}

function wayOf(rollout: Rollout): { targets: string; out: readonly number[] } | undefined {
  return rollout.state.kind === "rolling-back" ? rollout.back : rollout;
}

/**
 * Of an epoch that is over, as a region that was the writer may have left it or write it still: agents refuse what it has to
 * give, so it neither moves nor fails. The App's next release ends it. A hub of one region does not ask.
 */
export async function isOfBefore({ writer }: AssignDeps, { epoch }: Rollout): Promise<boolean> {
  const now = await writer?.epoch();
  return now !== undefined && epoch !== undefined && epoch < now;
}
