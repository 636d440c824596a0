/**
 * How an App, or a Project for all of its Apps, says what the health of a kind is. Names and order of the expressions are
 * those of Flux's `healthCheckExprs`, so that its rules can be taken over as they are; `message` is an addition.
 */
import * as z from "zod";
import { groupOf } from "./object.ts";

const RULES_MAX = 20;
/** As JSON: they stand in each statement. */
const RULES_CHARS_MAX = 4096;

export const expressionSchema = z.string().min(1).max(1000);

export const apiVersionSchema = z
  .string()
  .max(300)
  .regex(/^([a-z0-9.-]+\/)?[a-z0-9]+$/, "must be GROUP/VERSION, or v1");

const healthRuleSchema = z.strictObject({
  /** As in the objects; the version is not compared. */
  apiVersion: apiVersionSchema,
  kind: z.string().min(1).max(100),
  /** True: on its way, whatever else holds. */
  inProgress: expressionSchema.optional(),
  failed: expressionSchema.optional(),
  current: expressionSchema,
  /** Gives the text that people read beside the verdict. */
  message: expressionSchema.optional(),
});
export type HealthRule = z.infer<typeof healthRuleSchema>;

/** The expressions of a rule, in the order in which they are evaluated; the first that is true says it. */
export const RULE_EXPRESSIONS = ["inProgress", "failed", "current"] as const;

export const healthRulesSchema = z
  .array(healthRuleSchema)
  .max(RULES_MAX)
  .refine((rules) => new Set(rules.map(kindKey)).size === rules.length, {
    message: "hold two of one group and kind: one of them would never be asked",
  })
  .refine((rules) => rules.every((rule) => kindKey(rule) !== "/Secret"), {
    message: "may not be about Secrets: a verdict would tell what they hold",
  })
  .refine((rules) => JSON.stringify(rules).length <= RULES_CHARS_MAX, {
    message: `have more than ${RULES_CHARS_MAX} characters: each cluster is sent them`,
  });

/** `cert-manager.io/Certificate`, `/ConfigMap`. */
export function kindKey({ apiVersion, kind }: { apiVersion: string; kind: string }): string {
  return `${groupOf(apiVersion)}/${kind}`;
}

/** An App's own rules, and of its Project's those of kinds that it brings and says nothing of. */
export function rulesInForce(
  own: readonly HealthRule[],
  project: readonly HealthRule[],
  objects: Iterable<{ apiVersion: string; kind: string }>,
): HealthRule[] {
  const said = new Set(own.map(kindKey));
  const brought = new Set([...objects].map(kindKey));
  return [...own, ...project.filter((rule) => brought.has(kindKey(rule)) && !said.has(kindKey(rule)))];
}
