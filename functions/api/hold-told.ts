/** A cluster's "not now" as its agent tells it; what a person says comes in by `holds.ts`. */
import { HOLD_MS_MAX, isSameHold } from "#core/hold.ts";
import { Problem } from "#core/problem.ts";
import type { HoldAnswer, HoldRequest } from "#core/protocol.ts";
import type { Line } from "../store/cluster.ts";
import type { Db } from "../store/db.ts";
import { getHold, putHold } from "../store/hold.ts";

interface Deps {
  db: Db;
  now: () => number;
}

/** A clock that is a day ahead is told too; what is beyond that was never checked by an agent. */
const CLOCK_MS = 86_400_000;

/** An unchanged hold writes nothing, a late or replayed one changes nothing. */
export async function takeHold(
  { db, now }: Deps,
  { project, cluster }: Line,
  { seq, hold: agent }: HoldRequest,
): Promise<HoldAnswer> {
  const was = await getHold(db, project, cluster);
  if (isSameHold(was?.agent ?? { apps: {} }, agent)) return {};
  if (was?.seq !== undefined && seq <= was.seq) return { stale: was.seq };
  for (const told of [agent.all, ...Object.values(agent.apps)])
    if (told !== undefined && told.until > now() + HOLD_MS_MAX + CLOCK_MS)
      throw new Problem("invalid-request", "the hold: is more than 30 days ahead");
  const stamp = { by: `agent:${project}/${cluster}` };
  const change = { person: was?.person, agent, seq, stamp };
  if ((await putHold(db, { project, cluster }, change, was)) === "lost")
    throw new Problem("conflict", `the hold of cluster ${cluster} was changed at this moment`);
  return {};
}
