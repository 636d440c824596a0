/**
 * The gate `check`: an object in the clusters of a stage, and what has to hold of it. The question stands in the signed
 * statement and the answer in the placement's report, so that an answer belongs to one App, cluster and generation.
 */
import * as z from "zod";
import { apiVersionSchema, expressionSchema } from "./health-rule.ts";
import { nameSchema } from "./metadata.ts";
import { sentence } from "./text.ts";

export const CHECKS_MAX = 10;
const MESSAGE_CHARS_MAX = 150;

const checkFields = z.strictObject({
  apiVersion: apiVersionSchema,
  kind: z.string().min(1).max(100),
  name: z.string().min(1).max(253),
  /** The App's where absent. */
  namespace: nameSchema.optional(),
  /** CEL over the object. A Job needs none: it passes once it is complete. */
  pass: expressionSchema.optional(),
  /** Asked first. */
  fail: expressionSchema.optional(),
});

export const objectCheckSchema = checkFields
  .refine((check) => check.pass !== undefined || isJob(check), {
    path: ["pass"],
    message: "is needed for everything but a Job: without it nothing would ever pass",
  })
  .refine(({ apiVersion, kind }) => apiVersion !== "v1" || kind !== "Secret", {
    path: ["kind"],
    message: "may not be Secret: a verdict would tell what it holds",
  });
export type ObjectCheck = z.infer<typeof objectCheckSchema>;

export const orderedChecksSchema = z
  .array(checkFields.extend({ gate: nameSchema, namespace: nameSchema }))
  .max(CHECKS_MAX);
export type OrderedCheck = z.infer<typeof orderedChecksSchema>[number];

export const checkAnswerSchema = z.object({
  gate: z.string().max(63),
  verdict: z.enum(["pass", "fail", "wait", "inconclusive"]),
  message: z.string().transform((text) => sentence(text, MESSAGE_CHARS_MAX)),
});
export type CheckAnswer = z.infer<typeof checkAnswerSchema>;

export function isJob({ apiVersion, kind }: { apiVersion: string; kind: string }): boolean {
  return apiVersion.startsWith("batch/") && kind === "Job";
}

/** What a statement says of the gates of its cluster's stage. */
export function orderedChecks(
  gates: readonly { name: string; check?: ObjectCheck | undefined }[],
  namespace: string,
): OrderedCheck[] {
  return gates.flatMap(({ name, check }) =>
    check === undefined ? [] : [{ ...check, gate: name, namespace: check.namespace ?? namespace }],
  );
}

/** A cluster that counts, and what it told of the generation that it was given; undefined: nothing yet. */
export interface ClusterAnswer {
  cluster: string;
  answer: CheckAnswer | undefined;
}

type Verdict = Pick<CheckAnswer, "verdict" | "message">;

/** One no is a no; a yes needs all of them. What taught nothing outweighs what is only not there yet. */
export function stageVerdict(answers: readonly ClusterAnswer[]): Verdict {
  if (answers.length === 0)
    return {
      verdict: "wait",
      message: "no cluster of the stage is there to answer: none is, or none is heard",
    };
  for (const verdict of ["fail", "inconclusive", "wait"] as const) {
    const found = answers.filter(({ answer }) => (answer?.verdict ?? "wait") === verdict);
    const [first] = found;
    if (first !== undefined) return { verdict, message: words(first, found.length) };
  }
  const [first] = answers;
  const count = answers.length === 1 ? "" : `all ${answers.length} clusters, `;
  return { verdict: "pass", message: `${count}${first === undefined ? "" : words(first, 1)}` };
}

function words({ cluster, answer }: ClusterAnswer, count: number): string {
  const more = count > 1 ? ` (and ${count - 1} more)` : "";
  return `cluster ${cluster}: ${answer?.message ?? "has not answered yet"}${more}`;
}
