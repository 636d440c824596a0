/** What an apply would store, held back where a Policy's expression does not compile: better told now than at a release. */
import { titleOf, type Put } from "#core/apply-plan.ts";

/** A refusal that was found before stays. */
export async function refusePolicies(puts: readonly Put[]): Promise<Put[]> {
  if (!puts.some(({ change }) => change.resource.kind === "Policy")) return [...puts];
  const { checkPolicy } = await import("./compile.ts");
  return puts.map((put) => {
    const { place, resource, outcome } = put.change;
    if (put.refusal !== undefined || resource.kind !== "Policy" || outcome === "unchanged") return put;
    const [issue] = checkPolicy(resource);
    if (issue === undefined) return put;
    const message = `${place}: ${titleOf(resource)}: ${issue.path.join(".")}: ${issue.message}`;
    return { ...put, refusal: { code: "invalid-resource", message } };
  });
}
