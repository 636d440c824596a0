/** An App on its clusters: what each was given and what it says. */
import { z, type OpenAPIHono } from "@hono/zod-openapi";
import { Problem } from "#core/problem.ts";
import { listOf, placementViewSchema } from "#core/view.ts";
import { whyPlaced } from "../rollout/why.ts";
import type { ObserveDeps } from "../rollout/observe.ts";
import { getPlacements, pagePlacements, withDetail } from "../store/placement.ts";
import { getResource } from "../store/resource.ts";
import type { ApiEnv } from "./caller.ts";
import { findFor } from "./found.ts";
import type { Pages } from "./pages.ts";
import { createApi, json, namedParam, pageQuery, placementParam, route } from "./route.ts";

interface Deps extends ObserveDeps {
  pages: Pages;
}

const PATH = "/projects/{project}/apps/{name}/placements";

const list = route({
  method: "get",
  path: PATH,
  summary: "Placements of an App",
  request: { params: namedParam, query: pageQuery },
  responses: { 200: json(listOf(placementViewSchema), "One page, by cluster, without details") },
});
const get = route({
  method: "get",
  path: `${PATH}/{cluster}`,
  summary: "One placement",
  request: { params: placementParam },
  responses: { 200: json(placementViewSchema, "The placement, with failures and drift where there are any") },
});

const why = route({
  method: "get",
  path: `${PATH}/{cluster}/why`,
  summary: "Why this cluster is not on the newest release, in one sentence",
  request: { params: placementParam },
  responses: { 200: json(z.object({ why: z.string() }), "The sentence") },
});

export function placementRoutes({ db, pages, objects, now }: Deps): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  routes.openapi(list, async (context) => {
    const { project, name } = context.req.valid("param");
    await findFor(db, context, { verb: "read", kind: "App", project, name });
    const page = await pages.read(["placements", project, name], context.req.valid("query"), (asked) =>
      pagePlacements(db, project, name, asked),
    );
    return context.json(page, 200);
  });
  routes.openapi(get, async (context) => {
    const { project, name, cluster } = context.req.valid("param");
    await findFor(db, context, { verb: "read", kind: "App", project, name });
    const placement = (await getPlacements(db, project, name, [cluster])).get(cluster);
    if (placement === undefined)
      throw new Problem("not-found", `App ${name} is not placed on cluster ${cluster}`);
    return context.json(await withDetail(db, placement), 200);
  });
  routes.openapi(why, async (context) => {
    const { project, name, cluster } = context.req.valid("param");
    await findFor(db, context, { verb: "read", kind: "App", project, name });
    if ((await getResource(db, "Cluster", project, cluster)) === undefined)
      throw new Problem("not-found", `there is no Cluster ${cluster} in project ${project}`);
    return context.json({ why: await whyPlaced({ db, objects, now }, project, name, cluster) }, 200);
  });
  return routes;
}
