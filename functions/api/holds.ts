/** A cluster's "not now", said by a person; what its agent tells comes in by `hold-told.ts`. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Stamp } from "#core/actor.ts";
import { HOLD_MS_MAX, holdSchema, isSameHold, type Hold } from "#core/hold.ts";
import { Problem } from "#core/problem.ts";
import { holdViewSchema, type HoldView } from "#core/view.ts";
import type { Db } from "../store/db.ts";
import { getHold, putHold } from "../store/hold.ts";
import { stampOf, type ApiEnv } from "./caller.ts";
import { findFor } from "./found.ts";
import { createApi, json, namedParam, route } from "./route.ts";

interface Deps {
  db: Db;
  now: () => number;
}

const PATH = "/projects/{project}/clusters/{name}";
const RACES_MAX = 5;

const hold = route({
  method: "post",
  path: `${PATH}/hold`,
  summary: "Let no rollout move this cluster for a while; what is assigned already goes on",
  request: {
    params: namedParam,
    body: { required: true, content: { "application/json": { schema: holdSchema } } },
  },
  responses: { 200: json(holdViewSchema, "Until when, at most 30 days ahead, and why") },
});
const releaseHold = route({
  method: "post",
  path: `${PATH}/release-hold`,
  summary: "Lift the hold that a person set; one that the cluster itself asks for stays",
  request: { params: namedParam },
  responses: { 200: json(holdViewSchema, "What still holds it") },
});

export function holdRoutes({ db, now }: Deps): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  routes.openapi(hold, async (context) => {
    const { project, name } = context.req.valid("param");
    await findFor(db, context, { verb: "deploy", kind: "Cluster", project, name });
    const told = context.req.valid("json");
    checkUntil(told, now());
    return context.json(await setHold(db, { project, cluster: name }, told, stampOf(context)), 200);
  });
  routes.openapi(releaseHold, async (context) => {
    const { project, name } = context.req.valid("param");
    await findFor(db, context, { verb: "deploy", kind: "Cluster", project, name });
    return context.json(await setHold(db, { project, cluster: name }, undefined, stampOf(context)), 200);
  });
  return routes;
}

/** A hold that nobody ends would be forgotten. */
function checkUntil({ until }: Hold, now: number): void {
  if (until <= now) throw new Problem("invalid-request", "until: is past: name a time that is to come");
  if (until > now + HOLD_MS_MAX)
    throw new Problem(
      "invalid-request",
      "until: is more than 30 days ahead: for longer, take the cluster out of what the Apps select",
    );
}

/** What a person says; undefined lifts it. The same again writes nothing. */
export async function setHold(
  db: Db,
  place: { project: string; cluster: string },
  person: Hold | undefined,
  stamp: Stamp,
): Promise<HoldView> {
  for (let race = 0; race < RACES_MAX; race++) {
    const was = await getHold(db, place.project, place.cluster);
    const next = { person, agent: was?.agent };
    if (isSameHold(was?.person, person)) return next;
    const change = { ...next, seq: was?.seq, stamp };
    if ((await putHold(db, place, change, was)) === "written") return next;
  }
  throw new Problem("conflict", `the hold of cluster ${place.cluster} is being changed by others: try again`);
}
