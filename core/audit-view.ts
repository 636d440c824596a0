/** What the API answers about the audit log, and what the CLI reads: one set of shapes for both. */
import * as z from "zod";
import { anchorSchema, logFindingSchema } from "./audit-chain.ts";
import { auditRecordSchema } from "./audit-record.ts";
import { kubeObjectSchema } from "./object.ts";
import { assignedSchema } from "./placement.ts";

export const auditPageSchema = z.object({
  /** Newest first. */
  items: z.array(auditRecordSchema),
  next: z.string().optional(),
  /** Batches that cannot be read: their records are missing here. */
  damaged: z.array(z.number().int()).optional(),
});
export type AuditPage = z.infer<typeof auditPageSchema>;

/** Batches as they stand in the table, for a check that does not trust the hub's own. */
export const foundPageSchema = z.object({
  batches: z.array(
    z.object({
      place: z.number().int(),
      hash: z.string(),
      text: z.string().optional(),
      anchor: z.union([anchorSchema, z.literal("absent")]).optional(),
    }),
  ),
  /** The log goes on after this batch; absent at its end. */
  next: z.number().int().optional(),
  /** Anchor of a batch that should follow and is not there. */
  beyond: anchorSchema.optional(),
});
export type FoundPage = z.infer<typeof foundPageSchema>;

export const verifiedSchema = z.object({
  /** Looked at in this window. */
  batches: z.number().int(),
  records: z.number().int(),
  findings: z.array(logFindingSchema),
  /** The next window begins after this batch; absent when the log's end was reached. */
  next: z.number().int().optional(),
  /** At the end: the newest batch and its hash, worth to be noted elsewhere. */
  head: z.object({ n: z.number().int(), hash: z.string() }).optional(),
});
export type Verified = z.infer<typeof verifiedSchema>;

export const manifestsSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("found"),
    /** Of the audit log. */
    record: z.number().int(),
    assigned: assignedSchema,
    /** Absent where the release is not kept any more. */
    commit: z.string().optional(),
    /** One page of them; values of Secrets are hidden. */
    objects: z.array(kubeObjectSchema),
    total: z.number().int(),
    /** Ask again with `from`. */
    next: z.number().int().optional(),
  }),
  /** A long log: ask again with `below`. */
  z.object({ kind: z.literal("searching"), below: z.number().int() }),
]);
export type Manifests = z.infer<typeof manifestsSchema>;
