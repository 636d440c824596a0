/**
 * Label selectors with the semantics of Kubernetes' LabelSelector: all terms must hold; an empty selector
 * matches everything; `NotIn` also matches a label that is absent.
 */
import * as z from "zod";
import { assertNever } from "./assert.ts";

const expressionSchema = z.strictObject({
  key: z.string().min(1).max(317),
  operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist"]),
  values: z.array(z.string().max(63)).max(100).optional(),
});

export const selectorSchema = z
  .strictObject({
    matchLabels: z.record(z.string(), z.string().max(63)).optional(),
    matchExpressions: z.array(expressionSchema).max(50).optional(),
  })
  .superRefine((selector, context) => {
    for (const [index, { operator, values }] of (selector.matchExpressions ?? []).entries()) {
      const wantsValues = operator === "In" || operator === "NotIn";
      if (wantsValues === (values !== undefined && values.length > 0)) continue;
      const message = `${operator} takes ${wantsValues ? "at least one value" : "no values"}`;
      context.addIssue({ code: "custom", path: ["matchExpressions", index, "values"], message });
    }
  });

export type Selector = z.infer<typeof selectorSchema>;
export type Labels = Readonly<Record<string, string>>;

/** True when every term of the selector holds for `labels`. */
export function matches(selector: Selector, labels: Labels): boolean {
  const byLabel = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return byLabel && (selector.matchExpressions ?? []).every((term) => holds(term, labels[term.key]));
}

function holds(term: z.infer<typeof expressionSchema>, value: string | undefined): boolean {
  switch (term.operator) {
    case "In":
      return value !== undefined && (term.values ?? []).includes(value);
    case "NotIn":
      return value === undefined || !(term.values ?? []).includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    default:
      return assertNever(term.operator);
  }
}
