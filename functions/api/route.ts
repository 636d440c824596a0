/**
 * How every route of people's API is declared: its schema is its contract in `/openapi.json` and its check at the edge.
 * One small app for each noun; refusals share one table of answers.
 */
import { createRoute, OpenAPIHono, z, type RouteConfig } from "@hono/zod-openapi";
import { nameSchema } from "#core/metadata.ts";
import { Problem } from "#core/problem.ts";
import { SELECTOR_CHARS_MAX } from "#core/selector-text.ts";
import type { ApiEnv } from "./caller.ts";

/** A body, query or parameter that does not fit its schema ends as the same problem everywhere. */
export function createApi(): OpenAPIHono<ApiEnv> {
  return new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (!result.success) throw result.error;
    },
  });
}

const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string(),
    detail: z.string(),
    errors: z.array(z.string()).optional(),
  })
  .openapi("Problem");

const problem = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: problemSchema } },
});

export const NOT_READY = problem("The hub cannot answer at this moment");

/** Any route may answer these; what is special to one stands at the route. */
const REFUSALS = {
  400: problem("The request cannot be read"),
  401: problem("Who asks is not proved"),
  403: problem("Not allowed, or not in this project"),
  404: problem("There is no such thing"),
  409: problem("Somebody else changed it first, or something still needs it"),
  412: problem("Not the version that If-Match names"),
  413: problem("Larger than the limit"),
  415: problem("A body of this type is not read here"),
  422: problem("A resource is not valid"),
  429: problem("Too many requests"),
  431: { description: "Longer request line and headers than the server in front reads; it says so itself" },
  503: NOT_READY,
};

const header = z.string().max(1000).optional();
/** What any route of a method reads besides its own parameters; see `conditional.ts` and `watch.ts`. */
const HEADERS: Partial<Record<string, z.ZodObject>> = {
  get: z.object({ "if-none-match": header, prefer: header }),
  put: z.object({ "if-match": header }),
  delete: z.object({ "if-match": header }),
};
const NOT_MODIFIED = { 304: { description: "Nothing has changed since the named ETag" } };

/** `createRoute` with the common refusals, and with the conditional headers of its method. */
export function route<R extends RouteConfig>(config: R): R & { getRoutingPath(): string } {
  const headers = config.request?.headers ?? HEADERS[config.method];
  return createRoute({
    ...config,
    request: { ...config.request, ...(headers === undefined ? {} : { headers }) },
    responses: { ...REFUSALS, ...(config.method === "get" ? NOT_MODIFIED : {}), ...config.responses },
  }) as R & { getRoutingPath(): string };
}

/** A JSON answer's declaration. */
export function json<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { "application/json": { schema } } };
}

export const projectParam = z.object({ project: nameSchema });
export const namedParam = z.object({ project: nameSchema, name: nameSchema });

export const placementParam = z.object({ project: nameSchema, name: nameSchema, cluster: nameSchema });
export const releaseParam = z.object({
  project: nameSchema,
  name: nameSchema,
  release: z.coerce.number().int().min(1).max(99_999_999),
});

const CURSOR_CHARS_MAX = 500;
/** Listing is bounded: `limit` at once, `cursor` from the answer before. */
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z.string().max(CURSOR_CHARS_MAX).optional(),
});
/** Of a DELETE: `dryRun` says what would go, and deletes nothing. */
export const dryRunQuery = z.object({ dryRun: z.enum(["true", "false"]).optional() });
/** `selector` as kubectl writes it: `a=b,c!=d`. */
export const listQuery = pageQuery.extend({ selector: z.string().max(SELECTOR_CHARS_MAX).optional() });
/** Where the newest are wanted most of the time. */
export const newestQuery = pageQuery.extend({ limit: pageQuery.shape.limit.unwrap().default(20) });

export function missing(kind: string, project: string, name: string): Problem {
  const where = kind === "Project" ? "" : ` in project ${project}`;
  return new Problem("not-found", `there is no ${kind} ${name}${where}`);
}
