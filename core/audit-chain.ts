/**
 * Holds a project's audit log against itself and its anchors: every altered, removed, added or reordered batch and
 * record is found and named, and every gap or repeat in what happened to an item. Reads nothing; who has the batches,
 * on the hub or far from it, can check them.
 */
import * as z from "zod";
import {
  ABSENT,
  auditBatchSchema,
  chainStart,
  continuityOf,
  itemOf,
  markOf,
  type AuditBatch,
  type AuditRecord,
} from "./audit-record.ts";
import { sha256 } from "./digest.ts";

export const LOG_FINDINGS = [
  "missing-batch",
  "unreadable-batch",
  "altered-batch",
  "misplaced-batch",
  "broken-link",
  "altered-record",
  "missing-record",
  "misplaced-record",
  "added-record",
  "gap",
  "anchor",
  "no-anchor",
  /** Of a check against a head that somebody noted. */
  "head",
] as const;

export const logFindingSchema = z.object({
  kind: z.enum(LOG_FINDINGS),
  batch: z.number().int(),
  record: z.number().int().optional(),
  message: z.string(),
});
export type LogFinding = z.infer<typeof logFindingSchema>;

export const anchorSchema = z.object({
  project: z.string(),
  n: z.number().int().positive(),
  hash: z.string(),
  last: z.number().int(),
  upTo: z.number(),
});
export type Anchor = z.infer<typeof anchorSchema>;

/** A batch as it was found: `place` is where it stood, all else what it says. */
export interface FoundBatch {
  place: number;
  hash: string;
  /** Absent when its bytes could not be read. */
  text?: string | undefined;
  /** `absent`: looked for, and not there. Undefined: not looked for. */
  anchor?: Anchor | "absent" | undefined;
}

/** How far a check has come. */
export interface Checked {
  batches: number;
  records: number;
  /** Last batch looked at, its hash and its last record; undefined where a damage hides them. */
  n: number;
  hash: string | undefined;
  last: number | undefined;
  /** Where each item stands; what is not in it was not met, or lies before a damage. */
  items: ReadonlyMap<string, string>;
  /** Nothing lies before that was not looked at: an unknown item is one that never was. */
  whole: boolean;
}

/** From the log's start; or after a batch, of which its hash may be known, and never what was done to items before. */
export function checkFrom(project: string, after?: Pick<Checked, "n" | "hash" | "last">): Checked {
  const { n, hash, last } = after ?? chainStart(project);
  return { batches: 0, records: 0, n, hash, last, items: new Map(), whole: after === undefined };
}

/** `found` in order of their places, going on after `from.n`. */
export function checkBatches(
  project: string,
  found: readonly FoundBatch[],
  from: Checked,
): { findings: LogFinding[]; checked: Checked } {
  const findings: LogFinding[] = [];
  let checked = { ...from, items: new Map(from.items) };
  for (const one of found) {
    const step = checkOne(project, one, checked);
    findings.push(...step.findings);
    checked = step.checked;
  }
  return { findings, checked };
}

type Walk = Checked & { items: Map<string, string> };

function checkOne(project: string, one: FoundBatch, at: Walk): { findings: LogFinding[]; checked: Walk } {
  const { place } = one;
  const batch = one.text === undefined ? undefined : readBatch(one.text);
  const lost = place > at.n + 1;
  const findings = [
    ...(lost ? [missing(at, place, batch)] : []),
    ...anchorFindings(one),
    ...bodyFindings(project, one, batch, lost ? undefined : at),
  ];
  // What a damage hides is not told once more for each item that it may be about.
  const known = findings.every(({ kind }) => kind === "no-anchor");
  const items = known ? at.items : new Map<string, string>();
  const whole = known && at.whole;
  if (batch !== undefined && known) findings.push(...itemFindings(batch, items, whole));
  const isHere = batch?.n === place && batch.project === project;
  return {
    findings,
    checked: {
      batches: at.batches + 1,
      records: at.records + (batch?.records.length ?? 0),
      n: place,
      hash: isHere || batch === undefined ? one.hash : undefined,
      last: isHere ? batch.last : undefined,
      items,
      whole,
    },
  };
}

function readBatch(text: string): AuditBatch | undefined {
  try {
    return auditBatchSchema.parse(JSON.parse(text));
  } catch {
    // Told as a batch that cannot be read.
    return undefined;
  }
}

function missing(at: Walk, place: number, next: AuditBatch | undefined): LogFinding {
  const batches = at.n + 2 === place ? `batch ${at.n + 1} is` : `batches ${at.n + 1} to ${place - 1} are`;
  const records =
    at.last === undefined || next === undefined ? "" : ` (records ${at.last + 1} to ${next.first - 1})`;
  return finding("missing-batch", at.n + 1, `${batches} missing${records}`);
}

function anchorFindings({ place, hash, anchor }: FoundBatch): LogFinding[] {
  if (anchor === undefined) return [];
  if (anchor === "absent")
    return [finding("no-anchor", place, `batch ${place} has no anchor: it was removed, or never written`)];
  if (anchor.hash === hash && anchor.n === place) return [];
  return [
    finding(
      "anchor",
      place,
      `batch ${place} is not the one that was anchored (${short(anchor.hash)} then, ${short(hash)} now)`,
    ),
  ];
}

/** `at` undefined: the batch before is not there to be compared. */
function bodyFindings(
  project: string,
  { place, hash, text }: FoundBatch,
  batch: AuditBatch | undefined,
  at: Walk | undefined,
): LogFinding[] {
  if (text === undefined || batch === undefined)
    return [
      finding("unreadable-batch", place, `batch ${place}${after(at)} cannot be read: its bytes were altered`),
    ];
  const findings: LogFinding[] = [];
  if (sha256(text) !== hash)
    findings.push(
      finding(
        "altered-batch",
        place,
        `batch ${place} (records ${batch.first} to ${batch.last}) does not fit its hash`,
      ),
    );
  findings.push(...recordFindings(place, batch));
  if (batch.n !== place || batch.project !== project)
    return [
      ...findings,
      finding(
        "misplaced-batch",
        place,
        `at the place of batch ${place} stands batch ${batch.n} of ${batch.project}`,
      ),
    ];
  if (at?.hash !== undefined && batch.previous !== at.hash)
    findings.push(
      finding(
        "broken-link",
        place,
        `batch ${place} was written after another batch ${at.n} than the one there is: one of the two was altered`,
      ),
    );
  if (at?.last !== undefined && batch.first !== at.last + 1)
    findings.push(
      finding(
        "altered-batch",
        place,
        `batch ${place} begins with record ${batch.first}, ${at.last + 1} was to come`,
      ),
    );
  return findings;
}

function after(at: Walk | undefined): string {
  return at?.last === undefined ? "" : ` (records from ${at.last + 1})`;
}

/** Marks that fit no record name the altered or missing one; those that fit another place, the misplaced. */
function recordFindings(place: number, { first, last, marks, records }: AuditBatch): LogFinding[] {
  const told = (kind: LogFinding["kind"], record: number, what: string): LogFinding => ({
    ...finding(kind, place, `record ${record} (batch ${place}) ${what}`),
    record,
  });
  const found = records.map(markOf);
  const findings: LogFinding[] = [];
  const strangers = records.filter((_, index) => !marks.includes(found[index] ?? ""));
  for (const [index, mark] of marks.entries()) {
    if (found.includes(mark)) continue;
    const number = first + index;
    const altered = strangers.findIndex(({ n }) => n === number);
    const is = altered >= 0 ? altered : records.length === marks.length ? 0 : -1;
    const stranger = strangers[is];
    if (stranger === undefined) findings.push(told("missing-record", number, "is missing"));
    else findings.push(told("altered-record", number, `(${itemOf(stranger)}) was altered`));
    if (is >= 0) strangers.splice(is, 1);
  }
  for (const { n, ...one } of strangers)
    findings.push(told("added-record", n, `(${itemOf(one)}) was not in the batch when it was written`));
  const kept = marks.filter((mark) => found.includes(mark));
  const order = found.filter((mark) => marks.includes(mark));
  for (const [index, mark] of kept.entries())
    if (order[index] !== mark)
      findings.push(told("misplaced-record", first + marks.indexOf(mark), "stands at another place"));
  if (findings.length > 0) return findings;
  const numbered =
    records.every(({ n }, index) => n === first + index) && last === first + records.length - 1;
  if (!numbered || marks.length !== records.length)
    findings.push(
      finding("altered-batch", place, `the records of batch ${place} are not numbered ${first} to ${last}`),
    );
  return findings;
}

/** `items` is moved on. */
function itemFindings({ n, records }: AuditBatch, items: Map<string, string>, whole: boolean): LogFinding[] {
  const findings: LogFinding[] = [];
  for (const record of records) {
    const went = continuityOf(record);
    if (went === undefined) continue;
    const item = itemOf(record);
    const stood = items.get(item) ?? (whole ? ABSENT : went.was);
    items.set(item, went.is);
    if (stood === went.was && record.follows === undefined) continue;
    findings.push({ ...finding("gap", n, gapMessage(record, record.follows, stood)), record: record.n });
  }
  return findings;
}

function gapMessage(record: AuditRecord, follows: number | undefined, stood: string | undefined): string {
  const { version, n } = record;
  const was = follows === undefined ? stood : follows === 0 ? ABSENT : String(follows);
  const is = version === undefined ? (continuityOf(record)?.was ?? "") : `version ${version}`;
  const comes = version === undefined ? `replaces ${is}` : `is ${is}`;
  return `${itemOf(record)}: record ${n} ${comes}, the log has ${was ?? "nothing"} before it`;
}

/** At the log's end. `beyond`: the anchor of the batch after the newest, which must not be there. */
export function checkEnd({ n }: Checked, beyond: Anchor | undefined): LogFinding[] {
  if (beyond === undefined) return [];
  return [
    finding(
      "missing-batch",
      beyond.n,
      `batch ${beyond.n} was anchored and is not there: the log was cut after batch ${n}`,
    ),
  ];
}

function finding(kind: LogFinding["kind"], batch: number, message: string): LogFinding {
  return { kind, batch, message };
}

function short(hash: string): string {
  return hash.slice(0, 12);
}
