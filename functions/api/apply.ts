/** `POST /v1/apply`: YAML as it is in a file, or JSON. All documents are valid and allowed, or nothing is written. */
import { z, type OpenAPIHono } from "@hono/zod-openapi";
import { actorName } from "#core/actor.ts";
import type { Document } from "#core/apply-plan.ts";
import { APPLY_DOCUMENTS_MAX } from "#core/limits.ts";
import { nameSchema } from "#core/metadata.ts";
import { Problem } from "#core/problem.ts";
import { PRUNABLE_KINDS, PRUNED_KINDS } from "#core/prune.ts";
import { inProject, parseDocument, parseResource, type ParsedResource } from "#core/resource.ts";
import { parseSelectorText } from "#core/selector-text.ts";
import { placeOf, type TextDocument } from "#core/text-document.ts";
import { applyAnswerSchema, applyRequestSchema, type ApplyRequest } from "#core/view.ts";
import { applyDocuments, refusal } from "../apply/apply.ts";
import type { Db } from "../store/db.ts";
import { rulesIn, stampOf, type ApiContext, type ApiEnv } from "./caller.ts";
import { createApi, json, route } from "./route.ts";

const flag = z.enum(["true", "false"]).optional();
const querySchema = z.object({
  dryRun: flag,
  /** For documents that name no project; only with YAML. */
  project: nameSchema.optional(),
  /** A selector as kubectl writes it. */
  prune: z.string().min(1).max(1000).optional(),
  pruneKinds: z
    .string()
    .transform((text) => text.split(","))
    .pipe(z.array(z.enum(PRUNABLE_KINDS)))
    .optional(),
  takeover: flag,
});
type Query = z.infer<typeof querySchema>;

const YAML = ["application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"];

const apply = route({
  method: "post",
  path: "/apply",
  summary: "Create or change resources; with dryRun only say what would change",
  request: {
    query: querySchema,
    body: {
      required: true,
      content: {
        "application/json": { schema: applyRequestSchema },
        "application/yaml": { schema: z.string() },
      },
    },
  },
  responses: { 200: json(applyAnswerSchema, "What was done, resource by resource, in the order of writing") },
});

export function applyRoutes({ db }: { db: Db }): OpenAPIHono<ApiEnv> {
  const routes = createApi();
  // The body is read here, not by the route's validator: text that is no UTF-8 is told, and YAML errors have lines.
  routes.openAPIRegistry.registerPath(apply);
  routes.post("/apply", async (context) => {
    const request = await readRequest(context, querySchema.parse(context.req.query()));
    const caller = context.get("caller");
    const applier = {
      name: actorName(caller.actor),
      rulesIn: (project: string) => rulesIn(db, caller, project),
      stamp: stampOf(context),
    };
    return context.json(await applyDocuments(db, applier, request), 200);
  });
  return routes;
}

async function readRequest(context: ApiContext, query: Query) {
  const type = (context.req.header("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  const bytes = new Uint8Array(await context.req.arrayBuffer());
  const isYaml = YAML.includes(type);
  if (!isYaml && type !== "application/json")
    throw new Problem(
      "unsupported-type",
      `send application/json or application/yaml, not ${type || "nothing"}`,
    );
  const { documents, prune, ...body } = isYaml ? await fromYaml(bytes, query.project) : fromJson(bytes);
  const selector = query.prune ?? prune?.selector;
  return {
    documents,
    dryRun: query.dryRun === "true" || body.dryRun,
    takeover: query.takeover === "true" || body.takeover,
    prune:
      selector === undefined
        ? undefined
        : { selector: selectorOf(selector), kinds: query.pruneKinds ?? prune?.kinds ?? PRUNED_KINDS },
  };
}

type Body = Pick<ApplyRequest, "dryRun" | "takeover" | "prune"> & { documents: Document[] };

async function fromYaml(bytes: Uint8Array, project: string | undefined): Promise<Body> {
  const { readDocuments } = await import("#core/documents.ts");
  const { documents, errors, over } = readDocuments("", bytes);
  if (errors.length > 0) throw refusal(over ? "too-large" : "invalid-resource", errors);
  if (documents.length === 0) throw new Problem("invalid-request", "the body holds no document");
  const placed = documents.map((one): TextDocument => ({ ...one, value: inProject(one.value, project) }));
  return {
    documents: parsed(placed, parseDocument, ({ number, line }) => placeOf("", number, line)),
    dryRun: false,
    takeover: false,
    prune: undefined,
  };
}

function fromJson(bytes: Uint8Array): Body {
  const { resources, ...rest } = applyRequestSchema.parse(JSON.parse(textOf(bytes)));
  if (resources.length > APPLY_DOCUMENTS_MAX)
    throw new Problem(
      "too-large",
      `${resources.length} documents, the limit is ${APPLY_DOCUMENTS_MAX}: apply them in parts`,
    );
  const numbered = resources.map((value, index) => ({ value, place: placeOf("", index + 1) }));
  const documents = parsed(
    numbered,
    ({ place, value }) => parseResource(place, value),
    ({ place }) => place,
  );
  return { ...rest, documents };
}

/** Every document of every fault is told, not only the first. */
function parsed<T>(
  documents: readonly T[],
  parse: (document: T) => ParsedResource,
  placeOf: (document: T) => string,
): Document[] {
  const results = documents.map((one) => ({ place: placeOf(one), result: parse(one) }));
  const errors = results.flatMap(({ result }) => (result.kind === "refused" ? result.errors : []));
  if (errors.length > 0) throw refusal("invalid-resource", errors);
  return results.flatMap(({ place, result }) =>
    result.kind === "parsed" ? [{ place, resource: result.resource }] : [],
  );
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Problem("invalid-request", "the body is no text in UTF-8");
  }
}

function selectorOf(text: string) {
  const read = parseSelectorText(text);
  if (read.kind === "parsed") return read.selector;
  throw new Problem("invalid-request", `prune: ${read.message}`);
}
