/** Projects: those that the caller may read. One goes only when nothing of it is left. */
import { z, type OpenAPIHono } from "@hono/zod-openapi";
import { allows, rulesFor, type Rule } from "#core/access.ts";
import { nameSchema } from "#core/metadata.ts";
import { Problem } from "#core/problem.ts";
import { HUB_PROJECT, type Project } from "#core/project.ts";
import { listOf, projectViewSchema } from "#core/view.ts";
import type { Db } from "../store/db.ts";
import { getProject, isProjectEmpty, pageResources, type Stored } from "../store/resource.ts";
import type { ApiContext, ApiEnv, Caller } from "./caller.ts";
import { versioned } from "./conditional.ts";
import { deleteFor, findFor } from "./found.ts";
import type { Pages } from "./pages.ts";
import { createApi, json, listQuery, projectParam, route } from "./route.ts";

const list = route({
  method: "get",
  path: "/projects",
  summary: "Projects that the caller may read",
  request: { query: listQuery },
  responses: { 200: json(listOf(projectViewSchema), "One page, by name") },
});
const get = route({
  method: "get",
  path: "/projects/{project}",
  summary: "One Project",
  request: { params: projectParam },
  responses: { 200: json(projectViewSchema, "The Project") },
});
const remove = route({
  method: "delete",
  path: "/projects/{project}",
  summary: "Delete a Project that holds nothing",
  request: { params: z.object({ project: nameSchema }) },
  responses: { 204: { description: "It is gone" } },
});

export function projectRoutes({ db, pages }: { db: Db; pages: Pages }): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  routes.openapi(list, async (context) => {
    const hub = await getProject(db, HUB_PROJECT);
    const keep = (stored: Stored): boolean => mayRead(context.get("caller"), stored, hub);
    const { items, ...rest } = await pages.resources("Project", "", context.req.valid("query"), keep);
    return context.json(
      { ...rest, items: items.map(({ resource, version }) => ({ resource, version })) },
      200,
    );
  });
  routes.openapi(get, async (context) => {
    const { project } = context.req.valid("param");
    const asked = { verb: "read", kind: "Project", project, name: project } as const;
    const { resource, version } = await findFor(db, context, asked);
    versioned(context, version);
    return context.json({ resource, version }, 200);
  });
  routes.openapi(remove, async (context) => {
    const { project } = context.req.valid("param");
    const asked = { verb: "delete", kind: "Project", project, name: project } as const;
    const stored = await findFor(db, context, asked);
    await refuseUsed(db, project);
    await deleteFor(db, context, stored);
    return context.body(null, 204);
  });
  return routes;
}

/** For a page's list of links: more than this many are found by name. */
const NAMES_MAX = 100;

/** Names of the first ones that the caller may read, in their order. */
export async function projectNamesFor(db: Db, context: ApiContext): Promise<string[]> {
  const hub = await getProject(db, HUB_PROJECT);
  const keep = (stored: Stored): boolean => mayRead(context.get("caller"), stored, hub);
  const { items } = await pageResources(db, "Project", "", { limit: NAMES_MAX, keep });
  return items.map(({ resource }) => resource.metadata.name);
}

/** As `rulesIn` decides it, over Projects that are read already. */
function mayRead({ actor, tokenRules }: Caller, { resource }: Stored, hub: Project | undefined): boolean {
  if (resource.kind !== "Project") return false;
  const { name, labels } = resource.metadata;
  const ofToken = actor.kind === "token" && [name, HUB_PROJECT].includes(actor.project);
  const bindings =
    actor.kind === "source" ? resource.spec.roles : [...resource.spec.roles, ...(hub?.spec.roles ?? [])];
  const rules: readonly Rule[] = ofToken ? (tokenRules ?? []) : rulesFor(actor, bindings);
  return allows(rules, { verb: "read", noun: "projects", labels });
}

async function refuseUsed(db: Db, project: string): Promise<void> {
  if (project === HUB_PROJECT)
    throw new Problem("in-use", `Project ${project} holds the hub's own roles and stays`);
  if (await isProjectEmpty(db, project)) return;
  throw new Problem(
    "in-use",
    `Project ${project} still holds resources, credentials or API tokens; delete them first`,
  );
}
