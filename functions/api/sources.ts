/** Sources: what they are, where their ref stands, and looking at it now. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "@hono/zod-openapi";
import type { Source } from "#core/source.ts";
import { Problem } from "#core/problem.ts";
import { listOf, sourceViewSchema, type SourceView } from "#core/view.ts";
import type { SourceDeps } from "../release/poll-source.ts";
import type { Db } from "../store/db.ts";
import { listResources, type Stored } from "../store/resource.ts";
import { getFleetStates, listFleetStates } from "../store/fleet-state.ts";
import { getSourceState, getSourceStates, listSourceStates } from "../store/state.ts";
import type { ApiEnv } from "./caller.ts";
import { versioned } from "./conditional.ts";
import { deleteFor, findFor, readable } from "./found.ts";
import type { Pages } from "./pages.ts";
import { createApi, json, listQuery, namedParam, projectParam, route } from "./route.ts";

const PATH = "/projects/{project}/sources";
const polledSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("unchanged") }),
  z.object({ kind: z.literal("read"), commit: z.string() }),
  z.object({ kind: z.literal("failed"), message: z.string() }),
]);

const list = route({
  method: "get",
  path: PATH,
  summary: "Sources of a project",
  request: { params: projectParam, query: listQuery },
  responses: { 200: json(listOf(sourceViewSchema), "One page, by name") },
});
const get = route({
  method: "get",
  path: `${PATH}/{name}`,
  summary: "One Source",
  request: { params: namedParam },
  responses: { 200: json(sourceViewSchema, "The Source and where its ref stands") },
});
const sync = route({
  method: "post",
  path: `${PATH}/{name}/sync`,
  summary: "Look at a Source now",
  request: { params: namedParam },
  responses: { 202: json(polledSchema, "What was found") },
});
const remove = route({
  method: "delete",
  path: `${PATH}/{name}`,
  summary: "Delete a Source that no App uses",
  request: { params: namedParam },
  responses: { 204: { description: "It is gone" } },
});

export function sourceRoutes(deps: SourceDeps & { pages: Pages }): OpenAPIHono<ApiEnv> {
  const { db, pages } = deps;
  const routes = createApi();
  routes.openapi(list, async (context) => {
    const { project } = context.req.valid("param");
    const keep = await readable(db, context, project, "sources");
    const page = await pages.resources("Source", project, context.req.valid("query"), keep);
    const names = page.items.map(({ resource }) => resource.metadata.name);
    const folders = await getFleetStates(db, project, names);
    const items = viewAll(page.items, await getSourceStates(db, project, names), folders);
    return context.json({ ...page, items }, 200);
  });
  routes.openapi(get, async (context) => {
    const { project, name } = context.req.valid("param");
    const asked = { verb: "read", kind: "Source", project, name } as const;
    const { resource, version } = await findFor(db, context, asked);
    versioned(context, version);
    const state = await getSourceState(db, project, name);
    const fleet = (await getFleetStates(db, project, [name])).get(name);
    const seen = { ...(state === undefined ? {} : { state }), ...(fleet === undefined ? {} : { fleet }) };
    return context.json({ resource, version, ...seen }, 200);
  });
  routes.openapi(sync, async (context) => {
    const { project, name } = context.req.valid("param");
    const asked = { verb: "sync", kind: "Source", project, name } as const;
    const { resource } = await findFor(db, context, asked);
    const { pollSource } = await import("../release/poll-source.ts");
    return context.json(await pollSource(deps, resource), 202);
  });
  routes.openapi(remove, async (context) => {
    const { project, name } = context.req.valid("param");
    const asked = { verb: "delete", kind: "Source", project, name } as const;
    const stored = await findFor(db, context, asked);
    await refuseUsed(db, project, name);
    await deleteFor(db, context, stored);
    return context.body(null, 204);
  });
  return routes;
}

async function refuseUsed(db: Db, project: string, name: string): Promise<void> {
  const apps = await listResources(db, "App", project);
  const users = apps.filter(({ resource }) => resource.spec.source === name);
  if (users.length === 0) return;
  const names = users.map(({ resource }) => resource.metadata.name).join(", ");
  throw new Problem("in-use", `Apps use Source ${name}: ${names}; delete them first`);
}

/** All of a project, for who may read them by `keep`. */
export async function listSources(
  db: Db,
  project: string,
  keep: (stored: Stored) => boolean = () => true,
): Promise<SourceView[]> {
  const states = await listSourceStates(db, project);
  const folders = await listFleetStates(db, project);
  return viewAll((await listResources(db, "Source", project)).filter(keep), states, folders);
}

function viewAll(
  sources: readonly Stored<Source>[],
  states: Awaited<ReturnType<typeof listSourceStates>>,
  folders: Awaited<ReturnType<typeof listFleetStates>>,
): SourceView[] {
  return sources.map(({ resource, version }) => {
    const state = states.get(resource.metadata.name);
    const fleet = folders.get(resource.metadata.name);
    const seen = { ...(state === undefined ? {} : { state }), ...(fleet === undefined ? {} : { fleet }) };
    return { resource, version, ...seen };
  });
}
