/** Who needs a tick: the rollouts that a batch of reports names, or, for the sweep, all that are on their way. */
import type { DynamoDBRecord } from "aws-lambda";
import { getAppRecord, inForce, listAppStates } from "../store/state.ts";
import { listProjects } from "../store/resource.ts";
import { rolloutsReported, type RolloutReported } from "../stream/rollouts.ts";
import { settled } from "../stream/settled.ts";
import type { AssignDeps } from "./assign.ts";
import { tick } from "./tick.ts";

/** A batch may name dozens of Apps: a tick is mostly waiting for the table. */
const AT_ONCE = 8;

export async function tickReported(deps: AssignDeps, records: readonly DynamoDBRecord[]): Promise<void> {
  const named = rolloutsReported(records);
  for (let start = 0; start < named.length; start += AT_ONCE)
    await settled(...named.slice(start, start + AT_ONCE).map((one) => tickOne(deps, one)));
}

async function tickOne(
  deps: AssignDeps,
  { project, app, release, reported }: RolloutReported,
): Promise<void> {
  const rollout = await tick(deps, project, app, release, { reported });
  const clusters = reported.map(({ cluster }) => cluster);
  for (const dependant of rollout?.dependants ?? []) await tickDependant(deps, project, dependant, clusters);
}

/** Its clusters that waited for what was reported there. */
async function tickDependant(
  deps: AssignDeps,
  project: string,
  app: string,
  later: readonly string[],
): Promise<void> {
  const record = await getAppRecord(deps.db, project, app);
  if (record !== undefined && record.active) await tick(deps, project, app, inForce(record), { later });
}

/** Level-triggered net under all events: decides again, and hands out what was owed and lost. */
export async function sweepRollouts(deps: AssignDeps): Promise<void> {
  for (const project of await listProjects(deps.db))
    for (const [app, state] of await listAppStates(deps.db, project)) {
      if (!state.active) continue;
      const current = inForce(state);
      await tick(deps, project, app, current, { redrive: true });
      // The end of the one before may have started it.
      if (current !== state.release) await tick(deps, project, app, state.release, { redrive: true });
    }
}
