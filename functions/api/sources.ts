/** Sources: what they are, where their ref stands, and looking at it now. */
import { Hono } from "hono";
import { nameSchema } from "#core/metadata.ts";
import { Problem } from "#core/problem.ts";
import type { SourceView } from "#core/view.ts";
import { pollSource } from "../release/poll-source.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { Db } from "../store/db.ts";
import { deleteResource, getResource, listResources } from "../store/resource.ts";
import { getSourceState, listSourceStates } from "../store/state.ts";

interface Deps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
}

export function sourceRoutes(deps: Deps): Hono {
  const { db } = deps;
  const routes = new Hono();
  routes.get("/sources", async (context) =>
    context.json({ items: await listSources(db, projectOf(context)) }),
  );
  routes.get("/sources/:name", async (context) => {
    const { project, stored } = await find(db, context);
    const state = await getSourceState(db, project, stored.resource.metadata.name);
    return context.json({
      resource: stored.resource,
      version: stored.version,
      ...(state === undefined ? {} : { state }),
    });
  });
  routes.post("/sources/:name/sync", async (context) => {
    const { stored } = await find(db, context);
    return context.json(await pollSource(deps, stored.resource), 202);
  });
  routes.delete("/sources/:name", async (context) => {
    const { project, stored } = await find(db, context);
    const { name } = stored.resource.metadata;
    const users = (await listResources(db, "App", project)).filter(
      ({ resource }) => resource.spec.source === name,
    );
    if (users.length > 0)
      throw new Problem(
        "in-use",
        `Apps use Source ${name}: ${users.map(({ resource }) => resource.metadata.name).join(", ")}; delete them first`,
      );
    await deleteResource(db, stored);
    return context.body(null, 204);
  });
  return routes;
}

export async function listSources(db: Db, project: string): Promise<SourceView[]> {
  const states = await listSourceStates(db, project);
  return (await listResources(db, "Source", project)).map(({ resource, version }) => {
    const state = states.get(resource.metadata.name);
    return { resource, version, ...(state === undefined ? {} : { state }) };
  });
}

interface Params {
  req: { param(name: string): string | undefined };
}

/** The router's parameters are strings from outside: checked before they become part of a key. */
export function projectOf(context: Params): string {
  return nameOf(context, "project");
}

export function nameOf(context: Params, param: string): string {
  const name = nameSchema.safeParse(context.req.param(param));
  if (!name.success)
    throw new Problem("invalid-request", `${param}: ${name.error.issues[0]?.message ?? "is no name"}`);
  return name.data;
}

async function find(db: Db, context: Params) {
  const project = projectOf(context);
  const name = nameOf(context, "name");
  const stored = await getResource(db, "Source", project, name);
  if (stored === undefined)
    throw new Problem("not-found", `there is no Source ${name} in project ${project}`);
  return { project, stored };
}
