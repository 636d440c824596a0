/** `GET /v1/whoami`: who the hub takes the caller for, and what they may where. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { rulesFor } from "#core/access.ts";
import { whoamiSchema, type Whoami } from "#core/account.ts";
import { actorName } from "#core/actor.ts";
import type { Db } from "../store/db.ts";
import { listResources } from "../store/resource.ts";
import type { ApiEnv, Caller } from "./caller.ts";
import { createApi, json, route } from "./route.ts";

const get = route({
  method: "get",
  path: "/whoami",
  summary: "Who asks, and what they may",
  responses: { 200: json(whoamiSchema, "The caller") },
});

export function whoamiRoutes({ db }: { db: Db }): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  routes.openapi(get, async (context) => context.json(await describe(db, context.get("caller")), 200));
  return routes;
}

async function describe(db: Db, { actor, tokenRules, expiresAt }: Caller): Promise<Whoami> {
  const projects =
    actor.kind === "token"
      ? [{ project: actor.project, rules: [...(tokenRules ?? [])] }]
      : (await listResources(db, "Project", ""))
          .map(({ resource }) => ({
            project: resource.metadata.name,
            rules: rulesFor(actor, resource.spec.roles),
          }))
          .filter(({ rules }) => rules.length > 0);
  return {
    actor: actorName(actor),
    kind: actor.kind,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    projects,
  };
}
