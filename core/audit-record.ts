/**
 * The audit log's records and the batches that chain them: who changed what, from what to what, why. A batch's hash
 * covers its records and the hash of the batch before; beside the records stand their own digests, so that an altered
 * one can be named. Nothing secret ever reaches a record.
 */
import * as z from "zod";
import { canonicalJson, digestOf, sha256 } from "./digest.ts";
import { fieldChangeSchema } from "./field-changes.ts";
import { isFields } from "./pointer.ts";

/** Nouns whose items carry a version that grows by one with each change, and starts at 1 again after a deletion. */
const VERSIONED = [
  "project",
  "source",
  "app",
  "cluster",
  "policy",
  "promotion",
  "credential",
  "token",
  "key",
  "hold",
] as const;

export const AUDIT_NOUNS = [
  ...VERSIONED,
  "hub",
  "release",
  "rollout",
  "promoted",
  "assignment",
  "denial",
] as const;
export type AuditNoun = (typeof AUDIT_NOUNS)[number];

/** Nouns without one: what a change replaces must be what the record before it left behind. */
const REPLACING: readonly AuditNoun[] = ["hub", "assignment"];

export const ACTIONS = [
  "created",
  "configured",
  /** Marked to be removed: an App leaves its clusters first. */
  "deleting",
  "deleted",
  /** Removed by its own end of time. */
  "expired",
  "registered",
  "rotation asked",
  "rotated",
  "revoked",
  "assigned",
  "denied",
] as const;
export type AuditAction = (typeof ACTIONS)[number];

export const auditRecordSchema = z.object({
  /** Place in the project's log, from 1 without a gap. */
  n: z.number().int().positive(),
  /** Names the change of the table that this tells of: the same change delivered twice has the same. */
  id: z.string(),
  /** When the table took the change, by its own clock, to the second. */
  at: z.number(),
  by: z.string(),
  from: z.string().optional(),
  why: z.string().optional(),
  request: z.string().optional(),
  commit: z.string().optional(),
  noun: z.enum(AUDIT_NOUNS),
  name: z.string(),
  action: z.enum(ACTIONS),
  version: z.number().int().optional(),
  /** The version that the log has before this one, told only where it is not the one below: a gap or a repeat. */
  follows: z.number().int().optional(),
  /** Whole, where there was nothing before or is nothing after; else `changes` say it. */
  before: z.unknown().optional(),
  after: z.unknown().optional(),
  changes: z.array(fieldChangeSchema).optional(),
  /** Changed fields that found no place in `changes`. */
  moreChanges: z.number().int().optional(),
});
export type AuditRecord = z.infer<typeof auditRecordSchema>;

/** A record before it has its place in the log. */
export type Draft = Omit<AuditRecord, "n" | "follows">;

export const auditBatchSchema = z.object({
  project: z.string(),
  /** From 1 without a gap. */
  n: z.number().int().positive(),
  /** Hash of the batch before. */
  previous: z.string(),
  /** Numbers of the first and the last record. */
  first: z.number().int().positive(),
  last: z.number().int().positive(),
  /** The latest change in this batch or any before it, by the table's clock. */
  upTo: z.number(),
  marks: z.array(z.string()),
  records: z.array(auditRecordSchema).min(1),
});
export type AuditBatch = z.infer<typeof auditBatchSchema>;

/** A place in a project's chain: what the next batch goes on from. */
export interface ChainPoint {
  n: number;
  hash: string;
  last: number;
  upTo: number;
}

/** Before the first batch. */
export function chainStart(project: string): ChainPoint {
  return { n: 0, hash: digestOf({ auditLog: project }), last: 0, upTo: 0 };
}

export interface SealedBatch {
  batch: AuditBatch;
  /** Canonical JSON of `batch`; `hash` is its SHA-256. */
  text: string;
  hash: string;
}

/** `upTo`: the latest change among `records`. */
export function sealBatch(
  project: string,
  before: ChainPoint,
  records: readonly AuditRecord[],
  upTo: number,
): SealedBatch {
  const batch: AuditBatch = {
    project,
    n: before.n + 1,
    previous: before.hash,
    first: before.last + 1,
    last: before.last + records.length,
    upTo: Math.max(before.upTo, upTo),
    marks: records.map(markOf),
    records: [...records],
  };
  const text = canonicalJson(batch);
  return { batch, text, hash: sha256(text) };
}

export function pointAfter({ batch, hash }: SealedBatch): ChainPoint {
  return { n: batch.n, hash, last: batch.last, upTo: batch.upTo };
}

/** Finds the altered record in an altered batch; it proves nothing, that is the hash's part. */
export function markOf(record: unknown): string {
  return digestOf(record).slice(0, 16);
}

export function itemOf({ noun, name }: Pick<AuditRecord, "noun" | "name">): string {
  return `${noun}/${name}`;
}

export function isVersioned(noun: AuditNoun): boolean {
  return VERSIONED.some((versioned) => versioned === noun);
}

/** Where an item stands after a record, and where it must have stood before; `undefined`: nothing can be said. */
export interface Continuity {
  was: string | undefined;
  is: string;
}

export const ABSENT = "absent";

/**
 * Version 3 of an App was at 2 and is at 3; its end repeats the version that it ends, and leaves nothing. An assignment
 * was at the generation that it replaced.
 */
export function continuityOf(record: AuditRecord): Continuity | undefined {
  const { noun, version, action } = record;
  const ends = action === "deleted" || action === "expired";
  if (isVersioned(noun)) {
    if (version === undefined) return undefined;
    const was = ends ? version : version - 1;
    return { was: was === 0 ? ABSENT : String(was), is: ends ? ABSENT : String(version) };
  }
  if (!REPLACING.includes(noun)) return undefined;
  return { was: standing(noun, record.before), is: ends ? ABSENT : standing(noun, record.after) };
}

function standing(noun: AuditNoun, value: unknown): string {
  if (!isFields(value)) return ABSENT;
  return noun === "hub"
    ? canonicalJson(value)
    : `generation ${String(value["epoch"])}.${String(value["generation"])}`;
}
