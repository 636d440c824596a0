/** What an apply would store, held back where an expression does not compile: better told now than at a release. */
import { titleOf, type Put } from "#core/apply-plan.ts";
import type { App } from "#core/app.ts";
import type { HealthRule } from "#core/health-rule.ts";
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
  const issues = await healthIssues(resource.spec.health);
  return resource.kind === "Project" ? issues : [...issues, ...(await gateIssues(resource))];
}

async function healthIssues(rules: readonly HealthRule[] | undefined): Promise<Issue[]> {
  if (rules === undefined) return [];
  const { checkHealthRules } = await import("#core/health/expressions.ts");
  return checkHealthRules(rules).map((issue) => below(["spec", "health"], issue));
}

async function gateIssues({ spec }: App): Promise<Issue[]> {
  const places = spec.rollout.stages.flatMap(({ gates = [] }, stage) =>
    gates.flatMap(({ check }, gate) =>
      check === undefined
        ? []
        : [{ check, path: ["spec", "rollout", "stages", stage, "gates", gate, "check"] }],
    ),
  );
  if (places.length === 0) return [];
  const { checkIssues } = await import("#core/health/checks.ts");
  return places.flatMap(({ check, path }) => checkIssues(check).map((issue) => below(path, issue)));
}

function below(path: (string | number)[], issue: Issue): Issue {
  return { path: [...path, ...issue.path], message: issue.message };
}
