/** Who needs a tick: the Apps that a batch of reports names, or, for the sweep, all that are on their way. */
import type { DynamoDBRecord } from "aws-lambda";
import { getAppRecord, listAppStates } from "../store/state.ts";
import { listProjects } from "../store/resource.ts";
import { appsReported } from "../stream/rollouts.ts";
import type { AssignDeps } from "./assign.ts";
import { tick } from "./tick.ts";

export async function tickReported(deps: AssignDeps, records: readonly DynamoDBRecord[]): Promise<void> {
  for (const { project, app } of appsReported(records)) {
    const record = await getAppRecord(deps.db, project, app);
    if (record?.active === true) await tick(deps, project, app, record.release);
  }
}

/** Level-triggered net under all events: decides again, and hands out what was owed and lost. */
export async function sweepRollouts(deps: AssignDeps): Promise<void> {
  for (const project of await listProjects(deps.db))
    for (const [app, { active, release }] of await listAppStates(deps.db, project))
      if (active) await tick(deps, project, app, release, { redrive: true });
}
