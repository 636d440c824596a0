/** The end of a deleted App, once no cluster has it any more. Its numbers stay: a new App of that name counts on from them. */
import { hubStamp } from "#core/actor.ts";
import type { App } from "#core/app.ts";
import type { Db } from "../store/db.ts";
import { deleteChartState } from "../store/chart.ts";
import { endPlacement, listPlacements } from "../store/placement.ts";
import { deleteResource, getResource, type Stored } from "../store/resource.ts";

/**
 * Placements first: a crash in between leaves the App, and it is looked at again. Lost where somebody applied it again: what
 * was listed before that is of its past, and what is assigned from then on is its own.
 */
export async function leaveApp(db: Db, app: Stored<App>): Promise<"written" | "lost"> {
  const { project, name } = app.resource.metadata;
  const placements = await listPlacements(db, project, name);
  if ((await getResource(db, "App", project, name))?.version !== app.version) return "lost";
  for (const placement of placements) if ((await endPlacement(db, placement)) === "lost") return "lost";
  if ((await deleteChartState(db, project, name)) === "lost") return "lost";
  return deleteResource(db, app, hubStamp("leave"));
}
