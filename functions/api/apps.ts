/** Apps. Deleting one takes it off its clusters first, by signed statements. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { appViewSchema, deletingSchema, listOf, type AppView } from "#core/view.ts";
import type { App } from "#core/app.ts";
import { vanishBy } from "../apply/vanish.ts";
import type { Db } from "../store/db.ts";
import { listResources, markDeleting, type Stored } from "../store/resource.ts";
import { getAppStates, listAppStates } from "../store/state.ts";
import { rulesIn, stampOf, type ApiEnv } from "./caller.ts";
import { requireMatch, versioned } from "./conditional.ts";
import { changed, findFor, readable } from "./found.ts";
import type { Pages } from "./pages.ts";
import { createApi, dryRunQuery, json, listQuery, namedParam, projectParam, route } from "./route.ts";

const PATH = "/projects/{project}/apps";

const list = route({
  method: "get",
  path: PATH,
  summary: "Apps of a project",
  request: { params: projectParam, query: listQuery },
  responses: { 200: json(listOf(appViewSchema), "One page, by name") },
});
const get = route({
  method: "get",
  path: `${PATH}/{name}`,
  summary: "One App",
  request: { params: namedParam },
  responses: { 200: json(appViewSchema, "The App and how far it is") },
});
const remove = route({
  method: "delete",
  path: `${PATH}/{name}`,
  summary: "Delete an App and take it off its clusters; with dryRun only say from which",
  request: { params: namedParam, query: dryRunQuery },
  responses: {
    200: json(deletingSchema, "What would go; nothing was deleted"),
    202: json(deletingSchema, "It is leaving its clusters"),
  },
});

export function appRoutes({ db, pages }: { db: Db; pages: Pages }): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  routes.openapi(list, async (context) => {
    const { project } = context.req.valid("param");
    const keep = await readable(db, context, project, "apps");
    const page = await pages.resources("App", project, context.req.valid("query"), keep);
    const names = page.items.map(({ resource }) => resource.metadata.name);
    return context.json({ ...page, items: viewAll(page.items, await getAppStates(db, project, names)) }, 200);
  });
  routes.openapi(get, async (context) => {
    const { project, name } = context.req.valid("param");
    const stored = await findFor(db, context, { verb: "read", kind: "App", project, name });
    versioned(context, stored.version);
    const [view] = viewAll([stored], await getAppStates(db, project, [name]));
    return context.json(view as AppView, 200);
  });
  routes.openapi(remove, async (context) => {
    const { project, name } = context.req.valid("param");
    const stored = await findFor(db, context, { verb: "delete", kind: "App", project, name });
    requireMatch(context, stored.version);
    const caller = context.get("caller");
    const vanish = await vanishBy(db, (of) => rulesIn(db, caller, of), stored);
    const told = vanish === undefined ? {} : { vanish };
    if (context.req.valid("query").dryRun === "true") return context.json({ deleting: false, ...told }, 200);
    if ((await markDeleting(db, stored, stampOf(context))) === "lost") throw changed(stored);
    return context.json({ deleting: true, ...told }, 202);
  });
  return routes;
}

/** All of a project, for who may read them by `keep`. */
export async function listApps(
  db: Db,
  project: string,
  keep: (stored: Stored) => boolean = () => true,
): Promise<AppView[]> {
  const states = await listAppStates(db, project);
  return viewAll((await listResources(db, "App", project)).filter(keep), states);
}

function viewAll(apps: readonly Stored<App>[], states: Awaited<ReturnType<typeof listAppStates>>): AppView[] {
  return apps.map(({ resource, version, deleting }) => {
    const state = states.get(resource.metadata.name);
    return { resource, version, deleting, ...(state === undefined ? {} : { state }) };
  });
}
