/**
 * Policies in Rego over the bundles of an App. Each input is what Gatekeeper would be handed at a creation, so its
 * templates' modules work as they are. What cannot be evaluated is a finding, never a pass.
 */
import { findingsOf, NO_FINDINGS, mergeFindings, type Finding, type Findings } from "#core/finding.ts";
import { groupOf, refOf, refText, type KubeObject } from "#core/object.ts";
import type { Bundle } from "#core/bundle.ts";
import type { Policy } from "#core/policy.ts";
import type { Renderer } from "../render/render.ts";
import type { Context } from "./judge.ts";
import { isMeant, placedObjects, titleOf } from "./meant.ts";

export async function judgeRego(
  renderer: Pick<Renderer, "rego">,
  policies: readonly Policy[],
  context: Context,
  bundles: readonly Bundle[],
): Promise<Findings> {
  const inRego = policies.filter(({ spec }) => spec.rego !== undefined);
  if (inRego.length === 0) return NO_FINDINGS;
  const placed = bundles.map(({ objects }) => placedObjects(objects, context.app.namespace));
  let all = NO_FINDINGS;
  for (const policy of inRego)
    for (const objects of placed)
      all = mergeFindings(all, findingsOf(await findingsIn(renderer, policy, objects)));
  return all;
}

async function findingsIn(
  renderer: Pick<Renderer, "rego">,
  { metadata, spec }: Policy,
  objects: readonly KubeObject[],
): Promise<Finding[]> {
  if (spec.rego === undefined) return [];
  const { module, parameters } = spec.rego;
  const meant = objects.filter((one) => isMeant(spec.match, one));
  if (meant.length === 0) return [];
  const by = `Policy ${titleOf(metadata)}`;
  const inputs = meant.map((object) => ({ review: reviewOf(object), parameters }));
  const judged = await renderer.rego({ module, inputs });
  if (judged.kind === "failed") return [{ by, object: "", message: judged.message }];
  return meant.flatMap((object, index) =>
    (judged.violations[index] ?? []).map((message) => ({ by, object: refText(refOf(object)), message })),
  );
}

/** As much of an AdmissionReview's request as there is before a cluster is asked. */
function reviewOf(object: KubeObject) {
  const [version = ""] = object.apiVersion.split("/").slice(-1);
  const { name, namespace } = object.metadata;
  const kind = { group: groupOf(object.apiVersion), version, kind: object.kind };
  return { object, kind, name, operation: "CREATE", ...(namespace === undefined ? {} : { namespace }) };
}
