/** An App's rollouts: how far each release has come. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { Problem } from "#core/problem.ts";
import { listOf, rolloutSchema } from "#core/view.ts";
import type { Db } from "../store/db.ts";
import { getRollout, pageRollouts } from "../store/rollout.ts";
import type { ApiEnv } from "./caller.ts";
import { versioned } from "./conditional.ts";
import { findFor } from "./found.ts";
import type { Pages } from "./pages.ts";
import { createApi, json, namedParam, newestQuery, releaseParam, route } from "./route.ts";

const PATH = "/projects/{project}/apps/{name}/rollouts";

const list = route({
  method: "get",
  path: PATH,
  summary: "Rollouts of an App",
  request: { params: namedParam, query: newestQuery },
  responses: { 200: json(listOf(rolloutSchema), "One page, newest first") },
});
const get = route({
  method: "get",
  path: `${PATH}/{release}`,
  summary: "One rollout",
  request: { params: releaseParam },
  responses: { 200: json(rolloutSchema, "The rollout of this release") },
});

export function rolloutRoutes({ db, pages }: { db: Db; pages: Pages }): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  routes.openapi(list, async (context) => {
    const { project, name } = context.req.valid("param");
    await findFor(db, context, { verb: "read", noun: "rollouts", kind: "App", project, name });
    const page = await pages.read(["rollouts", project, name], context.req.valid("query"), (asked) =>
      pageRollouts(db, project, name, asked),
    );
    return context.json(page, 200);
  });
  routes.openapi(get, async (context) => {
    const { project, name, release } = context.req.valid("param");
    await findFor(db, context, { verb: "read", noun: "rollouts", kind: "App", project, name });
    const rollout = await getRollout(db, project, name, release);
    if (rollout === undefined) throw new Problem("not-found", `App ${name} has no rollout ${release}`);
    versioned(context, rollout.version);
    return context.json(rollout, 200);
  });
  return routes;
}
