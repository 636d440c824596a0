/**
 * The log for people: newest first, filtered, in pages. A page ends with its limit of records, of bytes or of batches
 * looked at, so a filter that fits nothing costs no more than one that fits all.
 */
import { auditBatchSchema, type AuditNoun, type AuditRecord } from "#core/audit-record.ts";
import { batchesDown, type StoredBatch } from "../store/audit-log.ts";
import type { Db } from "../store/db.ts";
import type { Page, PageAsked } from "../store/page.ts";

const BATCHES_LOOKED_MAX = 400;
const PAGE_BYTES_MAX = 2 * 1024 * 1024;
/** Few, as most pages end in the first: a request to the engine reads and bills all of them. */
const BATCHES_AT_ONCE = 20;

export interface RecordFilter {
  noun?: AuditNoun | undefined;
  /** The name, or what stands before the slash in `shop/eu-1` and `shop/12`. */
  name?: string | undefined;
  by?: string | undefined;
  /** Milliseconds, both included. */
  since?: number | undefined;
  until?: number | undefined;
}

/** `onDamage` is told the number of each batch that cannot be read: its records are missing in the page. */
export async function readRecords(
  db: Db,
  project: string,
  filter: RecordFilter,
  { limit, after }: PageAsked,
  onDamage: (batch: number) => void,
): Promise<Page<AuditRecord>> {
  const [from, below = Number.POSITIVE_INFINITY] = (after ?? "").split(".").filter(Boolean).map(Number);
  const items: AuditRecord[] = [];
  let [looked, bytes] = [0, 0];
  for await (const stored of batchesDown(db, project, from, BATCHES_AT_ONCE)) {
    // No batch further down has a later change.
    if (filter.since !== undefined && stored.upTo < filter.since) break;
    if (looked === BATCHES_LOOKED_MAX) return { items, next: `${stored.place}.${stored.last + 1}` };
    looked += 1;
    const records = recordsOf(stored);
    if (records === undefined) onDamage(stored.place);
    for (const record of (records ?? []).toReversed()) {
      if (record.n >= below || !fits(record, filter)) continue;
      if (items.length === limit || bytes > PAGE_BYTES_MAX)
        return { items, next: `${stored.place}.${record.n + 1}` };
      items.push(record);
      bytes += JSON.stringify(record).length;
    }
  }
  return { items };
}

export function recordsOf({ text }: Pick<StoredBatch, "text">): AuditRecord[] | undefined {
  try {
    return auditBatchSchema.parse(JSON.parse(text ?? "")).records;
  } catch {
    // Damaged: every caller tells so.
    return undefined;
  }
}

function fits(record: AuditRecord, { noun, name, by, since, until }: RecordFilter): boolean {
  return (
    (noun === undefined || record.noun === noun) &&
    (name === undefined || record.name === name || record.name.startsWith(`${name}/`)) &&
    (by === undefined || record.by === by) &&
    (since === undefined || record.at >= since) &&
    (until === undefined || record.at <= until)
  );
}
