/** Apps: their releases, rollouts and placements. Deleting one takes it off its clusters first. */
import { Hono } from "hono";
import { Problem } from "#core/problem.ts";
import type { AppView, PlacementView } from "#core/view.ts";
import type { Db } from "../store/db.ts";
import { getPlacements, listPlacements, withDetail } from "../store/placement.ts";
import { getResource, listResources, markDeleting } from "../store/resource.ts";
import { getRollout, listReleases, listRollouts } from "../store/rollout.ts";
import { getAppRecord, listAppStates } from "../store/state.ts";
import { appStateSchema } from "#core/view.ts";
import { nameOf, projectOf } from "./sources.ts";

const LISTED_MAX = 20;

export function appRoutes({ db }: { db: Db }): Hono {
  const routes = new Hono();
  routes.get("/apps", async (context) => context.json({ items: await listApps(db, projectOf(context)) }));
  routes.get("/apps/:app", async (context) =>
    context.json(await viewApp(db, projectOf(context), nameOf(context, "app"))),
  );
  routes.delete("/apps/:app", async (context) => {
    const [project, app] = [projectOf(context), nameOf(context, "app")];
    const stored = await getResource(db, "App", project, app);
    if (stored === undefined) throw missing(project, app);
    if ((await markDeleting(db, stored)) === "lost")
      throw new Problem("conflict", `App ${app} has just changed: try again`);
    return context.json({ deleting: true }, 202);
  });
  routes.get("/apps/:app/releases", async (context) =>
    context.json({ items: await listReleases(db, projectOf(context), nameOf(context, "app"), LISTED_MAX) }),
  );
  routes.get("/apps/:app/rollouts", async (context) =>
    context.json({ items: await listRollouts(db, projectOf(context), nameOf(context, "app"), LISTED_MAX) }),
  );
  routes.get("/apps/:app/rollouts/:release", async (context) => {
    const [project, app] = [projectOf(context), nameOf(context, "app")];
    const release = Number(context.req.param("release"));
    const rollout =
      Number.isSafeInteger(release) && release > 0 ? await getRollout(db, project, app, release) : undefined;
    if (rollout === undefined)
      throw new Problem("not-found", `App ${app} has no rollout ${context.req.param("release")}`);
    return context.json(rollout);
  });
  routes.get("/apps/:app/placements", async (context) =>
    context.json({ items: await listPlacements(db, projectOf(context), nameOf(context, "app")) }),
  );
  routes.get("/apps/:app/placements/:cluster", async (context) =>
    context.json(
      await viewPlacement(db, projectOf(context), nameOf(context, "app"), nameOf(context, "cluster")),
    ),
  );
  return routes;
}

export async function listApps(db: Db, project: string): Promise<AppView[]> {
  const states = await listAppStates(db, project);
  return (await listResources(db, "App", project)).map(({ resource, version, deleting }) => {
    const state = states.get(resource.metadata.name);
    return { resource, version, deleting, ...(state === undefined ? {} : { state }) };
  });
}

async function viewApp(db: Db, project: string, app: string): Promise<AppView> {
  const stored = await getResource(db, "App", project, app);
  if (stored === undefined) throw missing(project, app);
  const { resource, version, deleting } = stored;
  const record = await getAppRecord(db, project, app);
  return {
    resource,
    version,
    deleting,
    ...(record === undefined ? {} : { state: appStateSchema.parse(record) }),
  };
}

async function viewPlacement(db: Db, project: string, app: string, cluster: string): Promise<PlacementView> {
  const placement = (await getPlacements(db, project, app, [cluster])).get(cluster);
  if (placement === undefined)
    throw new Problem("not-found", `App ${app} is not placed on cluster ${cluster}`);
  return withDetail(db, placement);
}

function missing(project: string, app: string): Problem {
  return new Problem("not-found", `there is no App ${app} in project ${project}`);
}
