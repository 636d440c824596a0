/**
 * A Policy: what rendered objects must fulfil before they can be released. CEL expressions over `object` in the shape of
 * Kubernetes' ValidatingAdmissionPolicy, each with the words of its refusal; or a module of Rego, as Gatekeeper has them.
 */
import * as z from "zod";
import { API_VERSION, metadataSchema } from "./metadata.ts";
import { selectorSchema } from "./selector.ts";

/**
 * A module of Rego whose rule `violation` (as in Gatekeeper's templates) or `deny` gives messages. It sees
 * `input.review.object`, `input.review.kind`, `input.review.namespace` and `input.parameters`.
 */
const regoSchema = z.strictObject({
  module: z
    .string()
    .max(64 * 1024)
    .regex(/^\s*(?:#[^\n]*\n\s*)*package\s+\w/, "must begin with `package NAME`"),
  parameters: z.record(z.string(), z.json()).default({}),
});

const expression = z.string().min(1).max(2000);

export const policySchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("Policy"),
  metadata: metadataSchema,
  spec: z
    .strictObject({
      /** `enforce` withholds the release, `warn` only tells. */
      mode: z.enum(["enforce", "warn"]).default("enforce"),
      /** Apps it is about; absent: all of the project. */
      apps: selectorSchema.default({}),
      match: z
        .strictObject({
          groups: z.array(z.string().max(253)).max(50).optional(),
          kinds: z.array(z.string().min(1).max(100)).max(50).optional(),
          namespaces: z.array(z.string().min(1).max(63)).max(50).optional(),
        })
        .default({}),
      validations: z
        .array(z.strictObject({ expression, message: z.string().min(1).max(300) }))
        .max(50)
        .default([]),
      rego: regoSchema.optional(),
    })
    .refine(({ validations, rego }) => validations.length > 0 || rego !== undefined, {
      message: "must say something: give it validations (CEL) or rego",
    }),
});
export type Policy = z.infer<typeof policySchema>;
