/** A cluster's agent key, for people: what it is, a new one asked for, revoked. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { Problem } from "#core/problem.ts";
import { agentKeySchema, type AgentKeyView } from "#core/view.ts";
import { askRotation, getAgentIdentity, revokeKey } from "../store/agent-key.ts";
import type { Db } from "../store/db.ts";
import { getLine } from "../store/line.ts";
import { stampOf, type ApiEnv } from "./caller.ts";
import { findFor } from "./found.ts";
import { createApi, json, missing, namedParam, route } from "./route.ts";

interface Deps {
  db: Db;
  now: () => number;
}

const PATH = "/projects/{project}/clusters/{name}";

const rotate = route({
  method: "post",
  path: `${PATH}/rotate`,
  summary: "Ask the cluster's agent for a new key",
  request: { params: namedParam },
  responses: {
    202: json(agentKeySchema, "The agent hears of it at its next poll; the old key is good until then"),
  },
});
const revoke = route({
  method: "post",
  path: `${PATH}/revoke`,
  summary: "Revoke the agent's key, and every registration token made before",
  request: { params: namedParam },
  responses: { 200: json(agentKeySchema, "The next request by that key is refused") },
});

export function agentKeyRoutes({ db, now }: Deps): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  routes.openapi(rotate, async (context) => {
    const { project, name } = context.req.valid("param");
    await findFor(db, context, { verb: "register", kind: "Cluster", project, name });
    const asked = await askRotation(db, project, name, stampOf(context));
    if (asked === "no key")
      throw new Problem("conflict", `cluster ${name} has no agent key: register an agent first`);
    if (asked === "lost") throw busy(name);
    return context.json(await agentKeyOf(db, project, name), 202);
  });
  routes.openapi(revoke, async (context) => {
    const { project, name } = context.req.valid("param");
    await findFor(db, context, { verb: "register", kind: "Cluster", project, name });
    const revoked = await revokeKey(db, project, name, stampOf(context), now());
    if (revoked === "absent") throw missing("Cluster", project, name);
    if (revoked === "lost") throw busy(name);
    return context.json(await agentKeyOf(db, project, name), 200);
  });
  return routes;
}

function busy(name: string): Problem {
  return new Problem("conflict", `the key of cluster ${name} is being changed at this moment: try again`);
}

/** For one cluster's view: lists read no lines. */
export async function agentKeyOf(db: Db, project: string, name: string): Promise<AgentKeyView> {
  const [line, identity] = await Promise.all([
    getLine(db, project, name, { consistent: true }),
    getAgentIdentity(db, project, name),
  ]);
  const told = Object.entries({
    key: identity?.key,
    registeredAt: identity?.registeredAt,
    rotatedAt: identity?.rotatedAt,
    revoked: line?.revoked,
    rotating: line?.rotate,
  }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(told);
}
