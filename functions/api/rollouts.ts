/** An App's rollouts: how far each release has come, what happened to it, and what people tell it to do. */
import { z, type OpenAPIHono } from "@hono/zod-openapi";
import { Problem } from "#core/problem.ts";
import { COMMANDS, timelineEntrySchema } from "#core/rollout.ts";
import { listOf, rolloutSchema } from "#core/view.ts";
import { commandRollout } from "../rollout/command.ts";
import { commandReturn } from "../rollout/return-to.ts";
import type { AssignDeps } from "../rollout/assign.ts";
import { getRollout, pageRollouts } from "../store/rollout.ts";
import { pageTimeline } from "../store/timeline.ts";
import { stampOf, type ApiEnv } from "./caller.ts";
import { versioned } from "./conditional.ts";
import { findFor } from "./found.ts";
import type { Pages } from "./pages.ts";
import { createApi, json, namedParam, newestQuery, pageQuery, releaseParam, route } from "./route.ts";

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

const timeline = route({
  method: "get",
  path: "/projects/{project}/apps/{name}/timelines/{release}",
  summary: "What happened to a rollout, and why it waited",
  request: { params: releaseParam, query: pageQuery },
  responses: { 200: json(listOf(timelineEntrySchema), "One page, in order of time") },
});
const REASON_CHARS_MAX = 300;
const told = route({
  method: "post",
  path: `${PATH}/{release}/{command}`,
  summary: "Pause, resume, approve, reject, retry, abort, roll back or unpin a rollout, or skip its soak",
  request: {
    params: releaseParam.extend({ command: z.enum(COMMANDS) }),
    body: {
      required: true,
      content: {
        "application/json": {
          schema: z.object({
            reason: z.string().min(1).max(REASON_CHARS_MAX).optional(),
            /** Only of `rollback`: give each cluster what this release gave it. */
            to: z.number().int().positive().optional(),
          }),
        },
      },
    },
  },
  responses: { 200: json(rolloutSchema, "The rollout as it is now; the same again where it was so already") },
});

export function rolloutRoutes({ db, pages, ...deps }: AssignDeps & { pages: Pages }): OpenAPIHono<ApiEnv> {
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
    if (rollout === undefined) throw unknown(name, release);
    versioned(context, rollout.version);
    return context.json(rollout, 200);
  });
  routes.openapi(timeline, async (context) => {
    const { project, name, release } = context.req.valid("param");
    await findFor(db, context, { verb: "read", noun: "rollouts", kind: "App", project, name });
    if ((await getRollout(db, project, name, release)) === undefined) throw unknown(name, release);
    const key = ["timeline", project, name, String(release)];
    const page = await pages.read(key, context.req.valid("query"), (asked) =>
      pageTimeline(db, project, name, release, asked),
    );
    return context.json(page, 200);
  });
  routes.openapi(told, async (context) => {
    const { project, name, release, command } = context.req.valid("param");
    const verb = command === "approve" || command === "reject" ? "approve" : "deploy";
    await findFor(db, context, { verb, noun: "rollouts", kind: "App", project, name });
    const { reason, to } = context.req.valid("json");
    const stamp = { ...stampOf(context), ...(reason === undefined ? {} : { why: reason }) };
    if (to !== undefined && command !== "rollback")
      throw new Problem("invalid-request", `to: goes with rollback only, not with ${command}`);
    const named = { project, app: name, release, stamp };
    const done = await (to === undefined
      ? commandRollout({ db, ...deps }, { ...named, command })
      : commandReturn({ db }, { ...named, to }));
    if (done.kind === "unknown") throw unknown(name, release);
    if (done.kind === "refused") throw new Problem("conflict", done.message);
    return context.json(done.rollout, 200);
  });
  return routes;
}

function unknown(name: string, release: number): Problem {
  return new Problem("not-found", `App ${name} has no rollout ${release}`);
}
