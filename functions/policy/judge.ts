/**
 * Holds the objects of one bundle against Policies. Plain over plain, but not bounded in time or memory by itself: an
 * expression may be hostile, so this runs in the process of `run.ts`. An expression that fails is a finding, never a
 * pass.
 */
import { celMessage, celValue } from "#core/cel.ts";
import { FINDINGS_LISTED_MAX, type Finding, type Findings, findingsOf } from "#core/finding.ts";
import { refOf, refText, type KubeObject } from "#core/object.ts";
import type { Policy } from "#core/policy.ts";
import { compile, type Compiled, type Variables } from "./compile.ts";
import { isMeant, placedObjects, titleOf, type Match } from "./meant.ts";

export type Context = Omit<Variables, "object">;

export interface CompiledPolicy {
  name: string;
  match: Match;
  validations: { compiled: Compiled; message: string }[];
}

export function compilePolicy({ metadata, spec }: Policy): CompiledPolicy {
  const validations = spec.validations.map(({ expression, message }) => ({
    compiled: compile(expression),
    message,
  }));
  return { name: titleOf(metadata), match: spec.match, validations };
}

export function objectsIn(bundle: string): KubeObject[] {
  const { objects } = celValue(bundle) as { objects: KubeObject[] };
  return objects;
}

/** `onPolicy` is told of each policy before it is looked at. */
export function judge(
  policies: readonly CompiledPolicy[],
  objects: readonly KubeObject[],
  context: Context,
  onPolicy: (name: string) => void,
): Findings {
  const placed = placedObjects(objects, context.app.namespace);
  const listed: Finding[] = [];
  let total = 0;
  for (const policy of policies) {
    onPolicy(policy.name);
    for (const object of placed.filter((one) => isMeant(policy.match, one)))
      for (const finding of findings(policy, object, context)) {
        total += 1;
        if (listed.length < FINDINGS_LISTED_MAX) listed.push(finding);
      }
  }
  return { ...findingsOf(listed), total };
}

function findings(policy: CompiledPolicy, object: KubeObject, context: Context): Finding[] {
  const found: Finding[] = [];
  const by = `Policy ${policy.name}`;
  for (const [index, { compiled, message }] of policy.validations.entries()) {
    const why = complaint(compiled, object, context);
    if (why === undefined) continue;
    const text = why === "false" ? message : `validation ${index + 1} cannot be evaluated: ${why}`;
    found.push({ by, object: refText(refOf(object)), message: text });
  }
  return found;
}

/** `false` for a plain no, else why there was no answer; undefined when the object is as it should be. */
function complaint(compiled: Compiled, object: KubeObject, context: Context): string | undefined {
  if (compiled.kind === "refused") return compiled.message;
  try {
    const answer = compiled.evaluate({ ...context, object });
    if (typeof answer === "boolean") return answer ? undefined : "false";
    return "it gives neither true nor false";
  } catch (error) {
    return celMessage(error);
  }
}
