/** An App's releases, newest first. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { Problem } from "#core/problem.ts";
import { listOf, releaseSchema } from "#core/view.ts";
import type { Db } from "../store/db.ts";
import { getRelease, pageReleases } from "../store/rollout.ts";
import type { ApiEnv } from "./caller.ts";
import { findFor } from "./found.ts";
import type { Pages } from "./pages.ts";
import { createApi, json, namedParam, newestQuery, releaseParam, route } from "./route.ts";

const PATH = "/projects/{project}/apps/{name}/releases";

const list = route({
  method: "get",
  path: PATH,
  summary: "Releases of an App",
  request: { params: namedParam, query: newestQuery },
  responses: { 200: json(listOf(releaseSchema), "One page, newest first") },
});
const get = route({
  method: "get",
  path: `${PATH}/{release}`,
  summary: "One release",
  request: { params: releaseParam },
  responses: { 200: json(releaseSchema, "The release") },
});

export function releaseRoutes({ db, pages }: { db: Db; pages: Pages }): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  routes.openapi(list, async (context) => {
    const { project, name } = context.req.valid("param");
    await findFor(db, context, { verb: "read", noun: "rollouts", kind: "App", project, name });
    const page = await pages.read(["releases", project, name], context.req.valid("query"), (asked) =>
      pageReleases(db, project, name, asked),
    );
    return context.json(page, 200);
  });
  routes.openapi(get, async (context) => {
    const { project, name, release } = context.req.valid("param");
    await findFor(db, context, { verb: "read", noun: "rollouts", kind: "App", project, name });
    const found = await getRelease(db, project, name, release);
    if (found === undefined) throw new Problem("not-found", `App ${name} has no release ${release}`);
    return context.json(found, 200);
  });
  return routes;
}
