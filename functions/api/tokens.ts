/** API tokens of a project: made (and told once), listed without themselves, revoked from the next request on. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import { z } from "@hono/zod-openapi";
import { rulesOf, type Rule } from "#core/access.ts";
import {
  API_TOKEN_TTL_MS_DEFAULT,
  apiTokenAnswerSchema,
  apiTokenRequestSchema,
  apiTokenViewSchema,
  type ApiTokenView,
} from "#core/account.ts";
import { durationMs } from "#core/duration.ts";
import { nameSchema } from "#core/metadata.ts";
import { Problem } from "#core/problem.ts";
import { listOf } from "#core/view.ts";
import { makeApiToken } from "../identity/api-token.ts";
import { deleteApiToken, getApiTokenEntry, pageApiTokens, type ApiToken } from "../store/api-token.ts";
import type { Db } from "../store/db.ts";
import { getProject } from "../store/resource.ts";
import { authorize, requireCover, stampOf, type ApiContext, type ApiEnv } from "./caller.ts";
import type { Pages } from "./pages.ts";
import { createApi, json, missing, pageQuery, projectParam, route } from "./route.ts";

interface Deps {
  db: Db;
  now: () => number;
  pages: Pages;
}

const PATH = "/projects/{project}/tokens";
const TOKENS_PER_PROJECT_MAX = 200;
const RULES_BYTES_MAX = 8192;

const list = route({
  method: "get",
  path: PATH,
  summary: "API tokens of a project, without the tokens themselves",
  request: { params: projectParam, query: pageQuery },
  responses: { 200: json(listOf(apiTokenViewSchema), "One page of those that hold now, by id") },
});
const create = route({
  method: "post",
  path: PATH,
  summary: "Make an API token",
  request: {
    params: projectParam,
    body: { required: true, content: { "application/json": { schema: apiTokenRequestSchema } } },
  },
  responses: { 201: json(apiTokenAnswerSchema, "The token, shown once") },
});
const revoke = route({
  method: "delete",
  path: `${PATH}/{id}`,
  summary: "Revoke an API token",
  request: { params: z.object({ project: nameSchema, id: z.string().regex(/^[0-9a-z]{1,40}$/) }) },
  responses: { 204: { description: "It is worth nothing any more" } },
});

export function tokenRoutes(deps: Deps): OpenAPIHono<ApiEnv> {
  const { db, now, pages } = deps;
  const routes = createApi();
  routes.openapi(list, async (context) => {
    const { project } = context.req.valid("param");
    await authorize(db, context, project, { verb: "read", noun: "tokens" });
    const { items, ...rest } = await pages.read(["tokens", project], context.req.valid("query"), (asked) =>
      pageApiTokens(db, project, now(), asked),
    );
    return context.json({ ...rest, items: items.map((entry) => viewToken(entry, entry.stamp.by)) }, 200);
  });
  routes.openapi(create, async (context) => {
    const { project } = context.req.valid("param");
    await authorize(db, context, project, { verb: "write", noun: "tokens" });
    const made = await make(deps, context, project, context.req.valid("json"));
    context.header("cache-control", "no-store");
    return context.json(made, 201);
  });
  routes.openapi(revoke, async (context) => {
    const { project, id } = context.req.valid("param");
    await authorize(db, context, project, { verb: "delete", noun: "tokens" });
    const entry = await getApiTokenEntry(db, project, id, now());
    if (entry === undefined) throw missing("API token", project, id);
    if ((await deleteApiToken(db, entry, stampOf(context))) === "lost")
      throw new Problem("conflict", `API token ${id} has just been changed: look at the list again`);
    return context.body(null, 204);
  });
  return routes;
}

async function make(
  { db, now }: Deps,
  context: ApiContext,
  project: string,
  request: z.infer<typeof apiTokenRequestSchema>,
): Promise<z.infer<typeof apiTokenAnswerSchema>> {
  const rules = await rulesWanted(db, project, request);
  await requireCover(db, context, project, rules);
  const expiresAt = endOf(context, request.ttl, now());
  const held = await pageApiTokens(db, project, now(), { limit: TOKENS_PER_PROJECT_MAX });
  if (held.items.length >= TOKENS_PER_PROJECT_MAX)
    throw new Problem(
      "in-use",
      `project ${project} has ${TOKENS_PER_PROJECT_MAX} API tokens, which is the limit: revoke some`,
    );
  const wanted = { project, name: request.name, role: request.role ?? "custom", rules, expiresAt };
  const stamp = stampOf(context);
  const made = await makeApiToken(db, wanted, stamp, now());
  if (made === undefined) throw new Problem("conflict", "the API token was not written: try again");
  return { ...viewToken(made.token, stamp.by), token: made.text };
}

/** Rules are frozen when the token is made: a role that grows later does not make old tokens grow. */
async function rulesWanted(
  db: Db,
  project: string,
  { role, rules }: z.infer<typeof apiTokenRequestSchema>,
): Promise<readonly Rule[]> {
  const found = await getProject(db, project);
  if (found === undefined) throw new Problem("not-found", `there is no Project ${project}`);
  const own = found.spec.roles.find((binding) => binding.role === role && binding.rules !== undefined);
  const wanted = rules ?? (own === undefined ? rulesOf({ role: role ?? "" }) : rulesOf(own));
  if (wanted.length === 0)
    throw new Problem("invalid-request", `role: ${role} is no role of project ${project}`);
  const bytes = Buffer.byteLength(JSON.stringify(wanted));
  if (bytes > RULES_BYTES_MAX)
    throw new Problem("too-large", `the rules are ${bytes} bytes, the limit is ${RULES_BYTES_MAX}`);
  return wanted;
}

/** What an API token makes ends no later than itself, else its own end would mean nothing. */
function endOf(context: ApiContext, ttl: string | undefined, now: number): number {
  const { expiresAt } = context.get("caller");
  const wanted = now + (ttl === undefined ? API_TOKEN_TTL_MS_DEFAULT : durationMs(ttl));
  if (expiresAt === undefined || wanted <= expiresAt) return wanted;
  if (ttl === undefined) return expiresAt;
  const end = new Date(expiresAt).toISOString();
  throw new Problem("forbidden", `an API token makes none that outlives it: it ends at ${end}`);
}

export function viewToken(token: ApiToken, by: string): ApiTokenView {
  const { id, name, project, role, rules, createdAt, expiresAt } = token;
  return { id, name, project, role, rules, createdAt, expiresAt, by };
}
