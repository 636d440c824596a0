/** The drift audit: what in the fleet was not as Git says, at the newest slot. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { driftAuditSchema } from "#core/drift-audit.ts";
import { Problem } from "#core/problem.ts";
import { newestAudit } from "../audit/drift-audit.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { Db } from "../store/db.ts";
import type { ApiEnv } from "./caller.ts";
import { authorizeWhole } from "./found.ts";
import { createApi, json, projectParam, route } from "./route.ts";

const newest = route({
  method: "get",
  path: "/projects/{project}/drift-audits/newest",
  summary: "The newest drift audit",
  request: { params: projectParam },
  responses: { 200: json(driftAuditSchema, "The audit, of all Apps and clusters") },
});

export function driftAuditRoutes(deps: { db: Db; objects: ObjectStore }): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  routes.openapi(newest, async (context) => {
    const { project } = context.req.valid("param");
    const read = (["apps", "clusters"] as const).map((noun) => ({ verb: "read", noun }) as const);
    await authorizeWhole(deps.db, context, project, ...read);
    const audit = await newestAudit(deps, project);
    if (audit === undefined)
      throw new Problem("not-found", "there is no drift audit yet: the first is written at the next slot");
    return context.json(audit, 200);
  });
  return routes;
}
