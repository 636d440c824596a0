/** What an apply would store, held back where a Policy's expression does not compile: better told now than at a release. */
import { titleOf, type Put } from "#core/apply-plan.ts";
import { checkPolicy } from "./compile.ts";

/** A refusal that was found before stays. */
export function refusePolicies(puts: readonly Put[]): Put[] {
  return puts.map((put) => {
    const { place, resource, outcome } = put.change;
    if (put.refusal !== undefined || resource.kind !== "Policy" || outcome === "unchanged") return put;
    const [issue] = checkPolicy(resource);
    if (issue === undefined) return put;
    const message = `${place}: ${titleOf(resource)}: ${issue.path.join(".")}: ${issue.message}`;
    return { ...put, refusal: { code: "invalid-resource", message } };
  });
}
