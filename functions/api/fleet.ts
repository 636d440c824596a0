/** The whole fleet in one answer, for the page and for `fairlead get`: as much of it as the caller may read. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { allows, type Noun } from "#core/access.ts";
import { fleetViewSchema, type FleetApp, type FleetView, type PlacementView } from "#core/view.ts";
import { newestAudit } from "../audit/drift-audit.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { Db } from "../store/db.ts";
import { listPlacements, withDetail } from "../store/placement.ts";
import type { Stored } from "../store/resource.ts";
import { listReleases, listRollouts } from "../store/rollout.ts";
import { listApps } from "./apps.ts";
import { forbidden, rulesIn, type ApiContext, type ApiEnv } from "./caller.ts";
import { listClusters } from "./clusters.ts";
import { taggedBy } from "./conditional.ts";
import { allowsSome, unlimited } from "./found.ts";
import { createApi, json, projectParam, route } from "./route.ts";
import { listSources } from "./sources.ts";

const RELEASES_SHOWN = 5;

interface Deps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
}

const get = route({
  method: "get",
  path: "/projects/{project}/fleet",
  summary: "Everything of a project at once",
  request: { params: projectParam },
  responses: { 200: json(fleetViewSchema, "What the caller may read of it") },
});

export function fleetRoutes(deps: Deps): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  routes.openapi(get, async (context) => {
    const view = await fleetFor(deps, context, context.req.valid("param").project);
    // The hub's clock is in the answer: it must not make each one new.
    taggedBy(context, { ...view, at: 0 });
    return context.json(view, 200);
  });
  return routes;
}

/** What of a fleet may be seen; a noun that may not be read at all is absent. */
interface Sight {
  sees: (noun: Noun) => boolean;
  keep: (noun: Noun) => (stored: Stored) => boolean;
  /** Nothing is hidden by labels. */
  whole: boolean;
}

/** Throws `forbidden` where the caller may read nothing of the project. */
export async function fleetFor(deps: Deps, context: ApiContext, project: string): Promise<FleetView> {
  const caller = context.get("caller");
  const rules = await rulesIn(deps.db, caller, project);
  const ask = (noun: Noun) => ({ verb: "read", noun }) as const;
  const sight: Sight = {
    sees: (noun) => allowsSome(rules, ask(noun)),
    keep:
      (noun) =>
      ({ resource }) =>
        allows(rules, { ...ask(noun), labels: resource.metadata.labels }),
    whole: (["apps", "clusters"] as const).every((noun) => allows(unlimited(rules), ask(noun))),
  };
  if (!(["apps", "clusters", "sources"] as const).some(sight.sees))
    throw forbidden(caller, project, ask("apps"));
  return readFleet(deps, project, sight);
}

async function readFleet(deps: Deps, project: string, { sees, keep, whole }: Sight): Promise<FleetView> {
  const { db } = deps;
  const apps = sees("apps") ? await listApps(db, project, keep("apps")) : [];
  const rollouts = sees("rollouts") ? keep("rollouts") : () => false;
  const [clusters, sources, audit] = [
    sees("clusters") ? await listClusters(deps, project, keep("clusters")) : [],
    sees("sources") ? await listSources(db, project, keep("sources")) : [],
    whole ? await newestAudit(deps, project) : undefined,
  ];
  return {
    at: deps.now(),
    clusters,
    sources,
    apps: await Promise.all(
      apps.map((app) =>
        fleetApp(db, project, app, rollouts({ ...app, stamp: undefined, managedBy: undefined })),
      ),
    ),
    ...(audit === undefined ? {} : { audit }),
  };
}

async function fleetApp(
  db: Db,
  project: string,
  app: FleetApp["app"],
  withRollouts: boolean,
): Promise<FleetApp> {
  const { name } = app.resource.metadata;
  const releases = withRollouts ? await listReleases(db, project, name, RELEASES_SHOWN) : [];
  const [rollout] = withRollouts ? await listRollouts(db, project, name, 1) : [];
  const placements = await placementsOf(db, project, name);
  return { app, releases, placements, ...(rollout === undefined ? {} : { rollout }) };
}

async function placementsOf(db: Db, project: string, app: string): Promise<PlacementView[]> {
  const placements = await listPlacements(db, project, app);
  return Promise.all(placements.map((placement) => withDetail(db, placement)));
}
