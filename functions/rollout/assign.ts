/**
 * Hands out a range of ranks. The rollout is read consistently first: a range with an old fence, or beyond what is
 * released, is dropped, however late it came.
 */
import { isOver } from "#core/rollout.ts";
import type { ObjectStore } from "../objects/port.ts";
import { getTargets } from "../release/content.ts";
import type { Db } from "../store/db.ts";
import { assign } from "../store/placement.ts";
import { getRollout } from "../store/rollout.ts";

export interface AssignDeps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
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
  const rollout = await getRollout(deps.db, range.project, range.app, range.release);
  if (rollout === undefined || rollout.fence !== range.fence || isOver(rollout.state)) return "dropped";
  const targets = await getTargets(
    deps.objects,
    rollout.targets,
    range.from,
    Math.min(range.to, rollout.released),
  );
  for (let start = 0; start < targets.length; start += PARALLEL) {
    const part = targets.slice(start, start + PARALLEL);
    await Promise.all(part.map((target) => assign(deps.db, range.project, range.app, target, deps.now())));
  }
  return "assigned";
}
