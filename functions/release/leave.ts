/** The end of a deleted App, once no cluster has it any more. Its numbers stay: a new App of that name counts on from them. */
import { hubStamp } from "#core/actor.ts";
import type { App } from "#core/app.ts";
import type { Db } from "../store/db.ts";
import { deleteChartState } from "../store/chart.ts";
import { deletePlacement, listPlacements } from "../store/placement.ts";
import { deleteResource, type Stored } from "../store/resource.ts";

/** Placements first: a crash in between leaves the App, and it is looked at again. */
export async function leaveApp(db: Db, app: Stored<App>): Promise<"written" | "lost"> {
  const { project, name } = app.resource.metadata;
  for (const placement of await listPlacements(db, project, name)) await deletePlacement(db, placement);
  if ((await deleteChartState(db, project, name)) === "lost") return "lost";
  return deleteResource(db, app, hubStamp("leave"));
}
