/** The audit log of a project: its records, its check, and what a cluster was given at a moment. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "@hono/zod-openapi";
import { AUDIT_NOUNS } from "#core/audit-record.ts";
import {
  auditPageSchema,
  foundPageSchema,
  manifestsSchema,
  verifiedSchema,
  type Manifests,
} from "#core/audit-view.ts";
import { nameSchema } from "#core/metadata.ts";
import { Problem } from "#core/problem.ts";
import { readFound } from "../audit-log/found.ts";
import { assignmentAt, manifestPage, readManifests, type Searched } from "../audit-log/manifests.ts";
import { readRecords } from "../audit-log/read.ts";
import { verifyWindow } from "../audit-log/verify.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { Db } from "../store/db.ts";
import { getRelease } from "../store/rollout.ts";
import type { ApiEnv } from "./caller.ts";
import { authorizeWhole } from "./found.ts";
import type { Pages } from "./pages.ts";
import { createApi, json, pageQuery, projectParam, route } from "./route.ts";

/** ISO 8601 with a zone, a day (UTC), or milliseconds since 1970. */
const MOMENT =
  /^(\d{1,15}|\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d))?)$/;
const moment = z
  .string()
  .regex(MOMENT, "must be a time like 2026-11-21T09:00:00Z, or milliseconds since 1970")
  .openapi({ example: "2026-11-21T09:00:00Z" });
const place = z.coerce.number().int().min(0).max(999_999_999_999);

const list = route({
  method: "get",
  path: "/projects/{project}/audit",
  summary: "Records of the audit log",
  request: {
    params: projectParam,
    query: pageQuery.extend({
      noun: z.enum(AUDIT_NOUNS).optional(),
      name: z.string().max(200).optional(),
      by: z.string().max(400).optional(),
      since: moment.optional(),
      until: moment.optional(),
    }),
  },
  responses: {
    200: json(
      auditPageSchema,
      "One page, newest first; it may hold fewer than asked for and still have a next",
    ),
  },
});
const batches = route({
  method: "get",
  path: "/projects/{project}/audit/batches",
  summary: "The audit log as it stands, for a check of one's own",
  request: { params: projectParam, query: z.object({ after: place.default(0) }) },
  responses: { 200: json(foundPageSchema, "Batches upwards with their anchors") },
});
const verify = route({
  method: "get",
  path: "/projects/{project}/audit/verify",
  summary: "Check the audit log",
  request: { params: projectParam, query: z.object({ after: place.default(0) }) },
  responses: { 200: json(verifiedSchema, "What is wrong in this window of the log") },
});
const manifests = route({
  method: "get",
  path: "/projects/{project}/clusters/{cluster}/apps/{app}/manifests",
  summary: "What a cluster was given of an App at a moment",
  request: {
    params: z.object({ project: nameSchema, cluster: nameSchema, app: nameSchema }),
    query: z.object({
      at: moment.optional(),
      /** Goes on with a search, or with the objects. */
      below: place.optional(),
      from: z.coerce.number().int().min(0).max(100_000).default(0),
    }),
  },
  responses: { 200: json(manifestsSchema, "The assignment and its objects") },
});

interface Deps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
  pages: Pages;
}

export function auditLogRoutes(deps: Deps): OpenAPIHono<ApiEnv> {
  const { db, pages } = deps;
  const routes = createApi();
  routes.openapi(list, async (context) => {
    const { project } = context.req.valid("param");
    await authorizeWhole(db, context, project, { verb: "read", noun: "audit" });
    const { limit, cursor, since, until, ...named } = context.req.valid("query");
    const filter = { ...named, since: momentOf(since), until: momentOf(until) };
    const damaged: number[] = [];
    const page = await pages.read(["audit", project, JSON.stringify(filter)], { limit, cursor }, (asked) =>
      readRecords(db, project, filter, asked, (batch) => damaged.push(batch)),
    );
    return context.json({ ...page, ...(damaged.length === 0 ? {} : { damaged }) }, 200);
  });
  routes.openapi(batches, async (context) => {
    const { project } = context.req.valid("param");
    await authorizeWhole(db, context, project, { verb: "read", noun: "audit" });
    return context.json(await readFound(deps, project, context.req.valid("query").after), 200);
  });
  routes.openapi(verify, async (context) => {
    const { project } = context.req.valid("param");
    await authorizeWhole(db, context, project, { verb: "read", noun: "audit" });
    return context.json(await verifyWindow(deps, project, context.req.valid("query").after), 200);
  });
  routes.openapi(manifests, async (context) => {
    const { project, cluster, app } = context.req.valid("param");
    const asks = (["audit", "apps"] as const).map((noun) => ({ verb: "read", noun }) as const);
    await authorizeWhole(db, context, project, ...asks);
    const { at, below, from } = context.req.valid("query");
    const time = momentOf(at) ?? deps.now();
    const searched = await assignmentAt(db, { project, app, cluster }, time, below);
    return context.json(await answerOf(deps, { project, app, cluster, time, from }, searched), 200);
  });
  return routes;
}

interface Asked {
  project: string;
  app: string;
  cluster: string;
  time: number;
  from: number;
}

async function answerOf(deps: Deps, asked: Asked, searched: Searched): Promise<Manifests> {
  const { project, app, cluster, time, from } = asked;
  if (searched.kind === "searching") return searched;
  if (searched.kind === "none")
    throw new Problem(
      "not-found",
      `App ${app} had nothing assigned on cluster ${cluster} at ${new Date(time).toISOString()}`,
    );
  const { assigned, record } = searched;
  const { commit } = (await getRelease(deps.db, project, app, assigned.release)) ?? {};
  const all = assigned.bundle === undefined ? [] : await readManifests(deps.objects, assigned.bundle);
  if (all === undefined)
    throw new Problem("not-found", `bundle ${assigned.bundle ?? ""} is not in the object store any more`);
  const page = manifestPage(all, from);
  const told = commit === undefined ? {} : { commit };
  return { kind: "found", record, assigned, ...told, total: all.length, ...page };
}

function momentOf(text: string): number;
function momentOf(text: string | undefined): number | undefined;
function momentOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return /^\d+$/.test(text) ? Number(text) : Date.parse(text);
}
