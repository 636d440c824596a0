/** What an apply would store, held back where an expression does not compile: better told now than at a release. */
import { titleOf, type Put } from "#core/apply-plan.ts";
import type { Resource } from "#core/resource.ts";

interface Issue {
  path: (string | number)[];
  message: string;
}

/** A refusal that was found before stays. */
export async function refuseExpressions(puts: readonly Put[]): Promise<Put[]> {
  return Promise.all(puts.map(refuseOne));
}

async function refuseOne(put: Put): Promise<Put> {
  const { place, resource, outcome } = put.change;
  if (put.refusal !== undefined || outcome === "unchanged") return put;
  const [issue] = await issuesOf(resource);
  if (issue === undefined) return put;
  const message = `${place}: ${titleOf(resource)}: ${issue.path.join(".")}: ${issue.message}`;
  return { ...put, refusal: { code: "invalid-resource", message } };
}

/** The library is loaded only for what holds an expression. */
async function issuesOf(resource: Resource): Promise<Issue[]> {
  if (resource.kind === "Policy") return (await import("./compile.ts")).checkPolicy(resource);
  if (resource.kind !== "App" && resource.kind !== "Project") return [];
  const { health } = resource.spec;
  if (health === undefined) return [];
  const { checkHealthRules } = await import("#core/health/expressions.ts");
  return checkHealthRules(health).map(({ path, message }) => ({
    path: ["spec", "health", ...path],
    message,
  }));
}
