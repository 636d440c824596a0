/** Promotions: where each stands, and "promote now". They are written through `apply`. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { Problem } from "#core/problem.ts";
import type { PromotionRecord } from "#core/promotion/state.ts";
import { listOf, promotionViewSchema, type PromotionView } from "#core/view.ts";
import { promoteNow } from "../promotion/command.ts";
import type { Db } from "../store/db.ts";
import { getPromotionRecord, getPromotionRecords } from "../store/promotion.ts";
import type { OfKind, Stored } from "../store/resource.ts";
import { stampOf, type ApiEnv } from "./caller.ts";
import { versioned } from "./conditional.ts";
import { deleteFor, findFor, readable } from "./found.ts";
import type { Pages } from "./pages.ts";
import { createApi, json, listQuery, namedParam, projectParam, route } from "./route.ts";

const PATH = "/projects/{project}/promotions";

const list = route({
  method: "get",
  path: PATH,
  summary: "Promotions of a project",
  request: { params: projectParam, query: listQuery },
  responses: { 200: json(listOf(promotionViewSchema), "One page, by name") },
});
const get = route({
  method: "get",
  path: `${PATH}/{name}`,
  summary: "One Promotion",
  request: { params: namedParam },
  responses: { 200: json(promotionViewSchema, "The Promotion and where it stands") },
});
const promote = route({
  method: "post",
  path: `${PATH}/{name}/promote`,
  summary: "Promote the newest release now, without waiting for the soak",
  request: { params: namedParam },
  responses: { 202: json(promotionViewSchema, "It is noted; what came of it stands in the state") },
});
const remove = route({
  method: "delete",
  path: `${PATH}/{name}`,
  summary: "Delete a Promotion; what it has written or opened stays",
  request: { params: namedParam },
  responses: { 204: { description: "It is gone" } },
});

interface Deps {
  db: Db;
  now: () => number;
  pages: Pages;
}

export function promotionRoutes({ db, now, pages }: Deps): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  routes.openapi(list, async (context) => {
    const { project } = context.req.valid("param");
    const keep = await readable(db, context, project, "promotions");
    const page = await pages.resources("Promotion", project, context.req.valid("query"), keep);
    const names = page.items.map(({ resource }) => resource.metadata.name);
    const records = await getPromotionRecords(db, project, names);
    const items = page.items.map((stored) => viewOf(stored, records.get(stored.resource.metadata.name)));
    return context.json({ ...page, items }, 200);
  });
  routes.openapi(get, async (context) => {
    const { project, name } = context.req.valid("param");
    const stored = await findFor(db, context, { verb: "read", kind: "Promotion", project, name });
    versioned(context, stored.version);
    return context.json(viewOf(stored, await getPromotionRecord(db, project, name)), 200);
  });
  routes.openapi(promote, async (context) => {
    const { project, name } = context.req.valid("param");
    const stored = await findFor(db, context, { verb: "deploy", kind: "Promotion", project, name });
    const asked = await promoteNow(db, stored.resource, stampOf(context), now());
    if (asked.kind === "refused") throw new Problem("conflict", asked.message);
    return context.json(viewOf(stored, asked.record), 202);
  });
  routes.openapi(remove, async (context) => {
    const { project, name } = context.req.valid("param");
    const asked = { verb: "delete", kind: "Promotion", project, name } as const;
    await deleteFor(db, context, await findFor(db, context, asked));
    return context.body(null, 204);
  });
  return routes;
}

function viewOf(
  { resource, version }: Stored<OfKind<"Promotion">>,
  record: PromotionRecord | undefined,
): PromotionView {
  return { resource, version, ...(record === undefined ? {} : { state: record.state }) };
}
