/** Policies: what rendered objects must fulfil. They are written through `apply`. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { listOf, policyViewSchema } from "#core/view.ts";
import type { Db } from "../store/db.ts";
import type { ApiEnv } from "./caller.ts";
import { versioned } from "./conditional.ts";
import { deleteFor, findFor, readable } from "./found.ts";
import type { Pages } from "./pages.ts";
import { createApi, json, listQuery, namedParam, projectParam, route } from "./route.ts";

const PATH = "/projects/{project}/policies";

const list = route({
  method: "get",
  path: PATH,
  summary: "Policies of a project",
  request: { params: projectParam, query: listQuery },
  responses: { 200: json(listOf(policyViewSchema), "One page, by name") },
});
const get = route({
  method: "get",
  path: `${PATH}/{name}`,
  summary: "One Policy",
  request: { params: namedParam },
  responses: { 200: json(policyViewSchema, "The Policy") },
});
const remove = route({
  method: "delete",
  path: `${PATH}/{name}`,
  summary: "Delete a Policy; the next release is made without it",
  request: { params: namedParam },
  responses: { 204: { description: "It is gone" } },
});

export function policyRoutes({ db, pages }: { db: Db; pages: Pages }): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  routes.openapi(list, async (context) => {
    const { project } = context.req.valid("param");
    const keep = await readable(db, context, project, "policies");
    const { items, ...rest } = await pages.resources("Policy", project, context.req.valid("query"), keep);
    return context.json(
      { ...rest, items: items.map(({ resource, version }) => ({ resource, version })) },
      200,
    );
  });
  routes.openapi(get, async (context) => {
    const { project, name } = context.req.valid("param");
    const asked = { verb: "read", kind: "Policy", project, name } as const;
    const { resource, version } = await findFor(db, context, asked);
    versioned(context, version);
    return context.json({ resource, version }, 200);
  });
  routes.openapi(remove, async (context) => {
    const { project, name } = context.req.valid("param");
    const asked = { verb: "delete", kind: "Policy", project, name } as const;
    await deleteFor(db, context, await findFor(db, context, asked));
    return context.body(null, 204);
  });
  return routes;
}
