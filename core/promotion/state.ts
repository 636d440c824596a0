/**
 * Where a Promotion stands: one small item of its own. `state` is about the newest release of the App it is from; a pull
 * request that is open for an older one stays known beside it.
 */
import * as z from "zod";
import { stampSchema } from "../actor.ts";

const release = z.number().int().positive();

export const promotionStateSchema = z.discriminatedUnion("kind", [
  /** Nothing to promote yet; `reason` says what is missing. */
  z.object({ kind: z.literal("waiting"), release: release.optional(), reason: z.string(), at: z.number() }),
  /** Healthy everywhere since `since`; it is looked at again at `until`. */
  z.object({ kind: z.literal("soaking"), release, since: z.number(), until: z.number() }),
  z.object({ kind: z.literal("opened"), release, url: z.string(), commit: z.string(), at: z.number() }),
  /** Somebody closed the pull request without merging it: this release is not offered again. */
  z.object({ kind: z.literal("declined"), release, url: z.string(), at: z.number() }),
  /** The target holds this release. `commit`: the hub wrote it there; `url`: a pull request brought it. */
  z.object({
    kind: z.literal("current"),
    release,
    at: z.number(),
    commit: z.string().optional(),
    url: z.string().optional(),
  }),
  /** Tried again at `again`. */
  z.object({
    kind: z.literal("failed"),
    release: release.optional(),
    code: z.string(),
    message: z.string(),
    at: z.number(),
    attempts: z.number().int().positive(),
    again: z.number(),
  }),
]);
export type PromotionState = z.infer<typeof promotionStateSchema>;

/** Paths that a release brought, so that a later one takes away what it does not have any more. */
const filesSchema = z.array(z.string());

export const pullRequestSchema = z.object({
  release,
  number: z.number().int().positive(),
  url: z.string(),
  commit: z.string(),
  files: filesSchema,
});
export type OpenedPullRequest = z.infer<typeof pullRequestSchema>;

export const promotionRecordSchema = z.object({
  project: z.string(),
  name: z.string(),
  /** Digest of the spec that all of this is about. */
  spec: z.string(),
  state: promotionStateSchema,
  /** The newest release that the target was given. */
  landed: z.object({ release, files: filesSchema }).optional(),
  pull: pullRequestSchema.optional(),
  /** A person does not wait for the soak of this release. */
  asked: z.object({ release, by: z.string() }).optional(),
  /** Somebody is writing to the host until then at most. */
  lease: z.number().optional(),
  /** Of the last command. */
  stamp: stampSchema.optional(),
  version: z.number().int(),
});
export type PromotionRecord = z.infer<typeof promotionRecordSchema>;
