/** A Source: a Git repository and a ref of it. */
import { z } from "zod";
import { durationSchema } from "./duration.ts";
import { API_VERSION, metadataSchema } from "./metadata.ts";

const refSchema = z.union([
  z.strictObject({ branch: z.string().min(1).max(255) }),
  z.strictObject({ tag: z.string().min(1).max(255) }),
  z.strictObject({ commit: z.string().regex(/^[0-9a-f]{40}$/, "must be a full commit id of 40 hex digits") }),
]);
export type GitRef = z.infer<typeof refSchema>;

const urlSchema = z
  .url({ protocol: /^https?$/, message: "must be an http(s) URL; SSH is not spoken here, use https" })
  .max(2048)
  .refine((url) => new URL(url).username === "" && new URL(url).password === "", {
    message:
      "must hold no credentials: they would stand in the table and in every answer (private repositories are not read yet)",
  });

export const sourceSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("Source"),
  metadata: metadataSchema,
  spec: z.strictObject({
    git: z.strictObject({ url: urlSchema, ref: refSchema.default({ branch: "main" }) }),
    poll: durationSchema(1000, 86_400_000).default("60s"),
  }),
});
export type Source = z.infer<typeof sourceSchema>;

const readSchema = z.object({
  kind: z.literal("read"),
  commit: z.string(),
  author: z.string(),
  email: z.string(),
  message: z.string(),
  committedAt: z.number(),
  /** Digest of the source tree in the object store. */
  tree: z.string(),
  at: z.number(),
});
export type ReadSource = z.infer<typeof readSchema>;

/** What is known of a source's ref; written only when it changes. `last` is what was read before it failed. */
export const sourceStateSchema = z.discriminatedUnion("kind", [
  readSchema,
  z.object({
    kind: z.literal("failed"),
    code: z.string(),
    message: z.string(),
    at: z.number(),
    last: readSchema.optional(),
  }),
]);
export type SourceState = z.infer<typeof sourceStateSchema>;

/** The newest commit that was read, also while the repository is out of reach. */
export function lastRead(state: SourceState | undefined): ReadSource | undefined {
  return state?.kind === "failed" ? state.last : state;
}
