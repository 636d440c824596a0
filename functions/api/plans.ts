/**
 * What a release of a commit, a branch or a working tree would change on an App's clusters. Nothing is assigned by it
 * and nothing of the App is written. Who asks for a commit makes the hub look at the Source, so it takes that right;
 * who sends files of their own makes it render what no repository holds, so it takes the right to write the App.
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { assertNever } from "#core/assert.ts";
import type { App } from "#core/app.ts";
import { Problem } from "#core/problem.ts";
import {
  planRequestSchema,
  releasePlanSchema,
  type PlanRequest,
  type ReleasePlan,
} from "#core/release-plan.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { PlanCall, Planner } from "../plan/port.ts";
import type { GitFailed } from "../source/git-failure.ts";
import type { WayDeps } from "../source/way.ts";
import { getAppRecord } from "../store/state.ts";
import type { ApiContext, ApiEnv } from "./caller.ts";
import { findFor } from "./found.ts";
import { createApi, json, missing, namedParam, route } from "./route.ts";

export interface PlanRouteDeps extends WayDeps {
  objects: ObjectStore;
  planner: Planner;
}

const plan = route({
  method: "post",
  path: "/projects/{project}/apps/{name}/plan",
  summary: "Plan a commit, a branch or a working tree of an App",
  request: {
    params: namedParam,
    body: { content: { "application/json": { schema: planRequestSchema } }, required: true },
  },
  responses: { 200: json(releasePlanSchema, "What would change, and whether the hub would let it") },
});

export function planRoutes(deps: PlanRouteDeps): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  routes.openapi(plan, async (context) => {
    const { project, name } = context.req.valid("param");
    const asked = context.req.valid("json");
    const { resource: app } = await findFor(deps.db, context, { verb: "read", kind: "App", project, name });
    const candidate = await candidateOf(deps, context, app, asked);
    if (candidate.kind === "failed") return context.json(await unreadable(deps, app, asked, candidate), 200);
    const reply = await deps.planner.plan({ project, app: name, candidate });
    switch (reply.kind) {
      case "planned":
        return context.json(reply.plan, 200);
      case "gone":
        throw missing("App", project, name);
      case "busy":
        context.header("retry-after", "5");
        throw new Problem(
          "too-many",
          "as many plans as the hub makes at once are being made: ask again in 5 s",
        );
      default:
        return assertNever(reply);
    }
  });
  return routes;
}

async function candidateOf(
  deps: PlanRouteDeps,
  context: ApiContext,
  { metadata: { project, name }, spec }: App,
  asked: PlanRequest,
): Promise<PlanCall["candidate"] | GitFailed> {
  if ("files" in asked) {
    await findFor(deps.db, context, { verb: "write", kind: "App", project, name });
    return { kind: "files", files: asked.files };
  }
  const source = await findFor(deps.db, context, {
    verb: "sync",
    kind: "Source",
    project,
    name: spec.source,
  });
  const { readCommit } = await import("../release/read-commit.ts");
  const read = await readCommit(deps, source.resource, asked);
  return read.kind === "failed" ? read : { kind: "commit", read };
}

/** What cannot be fetched would not be released either: an answer, not a failure of the hub. */
async function unreadable(
  { db }: PlanRouteDeps,
  { metadata: { project, name }, spec }: App,
  asked: PlanRequest,
  { message }: GitFailed,
): Promise<ReleasePlan> {
  const record = await getAppRecord(db, project, name);
  const commit = "commit" in asked ? asked.commit : "branch" in asked ? asked.branch : "";
  return {
    project,
    app: name,
    planned: { kind: "commit", commit, author: "", message: "" },
    against: { release: record?.release ?? 0 },
    verdict: { kind: "withheld", error: { message: `Source ${spec.source} cannot be read: ${message}` } },
  };
}
