/** `POST /v1/apply`: all documents are valid, or nothing is written. */
import { Hono } from "hono";
import { APPLY_DOCUMENTS_MAX } from "#core/limits.ts";
import { Problem } from "#core/problem.ts";
import { parseResource, type Resource } from "#core/resource.ts";
import { applyRequestSchema, type ApplyAnswer } from "#core/view.ts";
import type { Db } from "../store/db.ts";
import { ensureProject, getResource, putResource } from "../store/resource.ts";
import { canonicalJson } from "#core/digest.ts";

export function applyRoutes({ db }: { db: Db }): Hono {
  const routes = new Hono();
  routes.post("/apply", async (context) => {
    const { resources, dryRun } = applyRequestSchema.parse(await context.req.json());
    const parsed = parseAll(resources);
    return context.json(dryRun ? await compareAll(db, parsed) : await applyAll(db, parsed));
  });
  return routes;
}

function parseAll(documents: readonly unknown[]): Resource[] {
  if (documents.length > APPLY_DOCUMENTS_MAX)
    throw new Problem(
      "too-large",
      `${documents.length} documents, the limit is ${APPLY_DOCUMENTS_MAX}: apply them in parts`,
    );
  const parsed = documents.map((document, index) => parseResource(`document ${index + 1}`, document));
  const errors = parsed.flatMap((one) => (one.kind === "refused" ? [one.message] : []));
  if (errors.length > 0) throw new Problem("invalid-resource", errors[0] ?? "", errors.slice(0, 50));
  return parsed.flatMap((one) => (one.kind === "parsed" ? [one.resource] : []));
}

async function applyAll(db: Db, resources: readonly Resource[]): Promise<ApplyAnswer> {
  const results: ApplyAnswer["results"] = [];
  for (const resource of resources) {
    const { project, name } = resource.metadata;
    await ensureProject(db, project);
    const outcome = await putResource(db, resource);
    if (outcome === "conflict")
      throw new Problem(
        "conflict",
        `${resource.kind} ${name} has changed since it was read: read it again and apply`,
      );
    results.push({ kind: resource.kind, project, name, outcome });
  }
  return { results };
}

async function compareAll(db: Db, resources: readonly Resource[]): Promise<ApplyAnswer> {
  const results = resources.map(async (resource) => {
    const { project, name } = resource.metadata;
    const before = await getResource(db, resource.kind, project, name);
    const same = before !== undefined && canonicalJson(before.resource) === canonicalJson(resource);
    const outcome =
      before === undefined ? ("created" as const) : same ? ("unchanged" as const) : ("configured" as const);
    return { kind: resource.kind, project, name, outcome };
  });
  return { results: await Promise.all(results) };
}
