/** A Source: a Git repository and a ref of it. */
import * as z from "zod";
import { digestOf } from "./digest.ts";
import { durationSchema } from "./duration.ts";
import { API_VERSION, metadataSchema, nameSchema } from "./metadata.ts";
import type { Demanded } from "./signers.ts";

const refSchema = z.union([
  z.strictObject({ branch: z.string().min(1).max(255) }),
  z.strictObject({ tag: z.string().min(1).max(255) }),
  /** The highest tag in this range of semantic versions, such as `>=1.2 <2` or `~1.4`. */
  z.strictObject({ semver: z.string().min(1).max(255) }),
  z.strictObject({ commit: z.string().regex(/^[0-9a-f]{40}$/, "must be a full commit id of 40 hex digits") }),
]);
export type GitRef = z.infer<typeof refSchema>;

const urlSchema = z
  .url({
    protocol: /^https?$/,
    message: "must be an http(s) URL; SSH is not spoken here, use https with a token or a GitHub App",
  })
  .max(2048)
  // What is no URL at all has been told above.
  .refine((url) => !URL.canParse(url) || (new URL(url).username === "" && new URL(url).password === ""), {
    message:
      "must hold no credentials: they would stand in the table and in every answer; keep them under a name (fairlead credentials set) and say it in spec.credentials",
  });

export const sourceSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("Source"),
  metadata: metadataSchema,
  spec: z.strictObject({
    git: z.strictObject({ url: urlSchema, ref: refSchema.default({ branch: "main" }) }),
    /** A name in the project's secret store. */
    credentials: nameSchema.optional(),
    poll: durationSchema(1000, 86_400_000).default("60s"),
    /** The name, in the project's secret store, of what its webhooks are signed with. */
    webhook: nameSchema.optional(),
    /** The commit at the ref (or its tag) must be signed by one of these signers of the Project. */
    verify: z
      .strictObject({ signatures: z.literal("required"), signers: z.array(nameSchema).min(1).max(50) })
      .optional(),
    /** The fleet folder: resources kept in Git, applied as `source:<name>`, pruned when they go. */
    apps: z.string().min(1).max(500).optional(),
  }),
});
export type Source = z.infer<typeof sourceSchema>;

export const readSourceSchema = z.object({
  kind: z.literal("read"),
  commit: z.string(),
  author: z.string(),
  email: z.string(),
  message: z.string(),
  committedAt: z.number(),
  /** Digest of the source tree in the object store. */
  tree: z.string(),
  at: z.number(),
  /** What it was read by: `refs/heads/main`; for a range of versions the tag that it chose. */
  ref: z.string().optional(),
  /** Digest of what was asked for (`askedOf`); absent in states of before. */
  asked: z.string().optional(),
  /** Who signed it, with which key, and the digest of the rules that were asked for (`core/signers.ts`); absent where none were. */
  signer: z.string().optional(),
  signedWith: z.string().optional(),
  verified: z.string().optional(),
});
export type ReadSource = z.infer<typeof readSourceSchema>;

/** What is known of a source's ref; written only when it changes. `last` is what was read before it failed. */
export const sourceStateSchema = z.discriminatedUnion("kind", [
  readSourceSchema,
  z.object({
    kind: z.literal("failed"),
    code: z.string(),
    message: z.string(),
    at: z.number(),
    /** Failures in a row; the next look waits the longer. */
    attempts: z.number().int().positive().optional(),
    asked: z.string().optional(),
    /** The commit, or the tag that leads to it, that was fetched and is not signed as demanded. */
    refused: z.string().optional(),
    last: readSourceSchema.optional(),
  }),
]);
export type SourceState = z.infer<typeof sourceStateSchema>;

/** Changes when the Source must be looked at anew: another place, ref or credential, other signatures demanded. */
export function askedOf({ spec }: Source, rules: Demanded = { kind: "nothing" }): string {
  const demands = rules.kind === "nothing" ? {} : { rules };
  return digestOf({ git: spec.git, credentials: spec.credentials ?? "", ...demands });
}

/** The newest commit that was read, also while the repository is out of reach. */
export function lastRead(state: SourceState | undefined): ReadSource | undefined {
  return state?.kind === "failed" ? state.last : state;
}
