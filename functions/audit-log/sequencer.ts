/**
 * Turns changes of the table into records, each once, in one chain per project. Deliveries may repeat, overlap and race:
 * a batch is written only behind the newest, and what the chain holds already is left out. A damaged log is gone on with;
 * it must never stop what else hangs on the stream.
 */
import type { DynamoDBRecord } from "aws-lambda";
import {
  isVersioned,
  itemOf,
  pointAfter,
  sealBatch,
  type AuditRecord,
  type ChainPoint,
  type Draft,
} from "#core/audit-record.ts";
import { canonicalJson } from "#core/digest.ts";
import type { Log } from "../api/errors.ts";
import type { ObjectStore } from "../objects/port.ts";
import { appendBatch, getLogCursors, getLogTip, type MovedCursor } from "../store/audit-log.ts";
import type { Db } from "../store/db.ts";
import { putAnchor } from "./anchor.ts";
import { RecentBatches } from "./recent.ts";
import { draftOf, type ProjectDraft } from "./records.ts";

/** A transaction takes 100 items; the batch is one of them. */
const CURSORS_MAX = 90;
const RECORDS_MAX = 500;
/** Of JSON text, before it is packed into an item of at most 400 KB. */
const BATCH_BYTES_MAX = 256 * 1024;
const RACES_MAX = 200;
/** Batches that are looked through one by one after a lost race. */
const STEPS_MAX = 8;
const PAUSE_MS_MAX = 10;

export interface SequencerOptions {
  db: Db;
  objects: ObjectStore;
  log: Log;
}

export interface Sequencer {
  /** Safe to repeat. Rejects when the log could not be written: then the same records must come again. */
  record(records: readonly DynamoDBRecord[]): Promise<void>;
  /** For what is no change of the table. `at` of the drafts is not later than the table's time. */
  append(project: string, drafts: readonly Draft[]): Promise<void>;
}

export function createSequencer(options: SequencerOptions): Sequencer {
  const logs = new Map<string, ProjectLog>();
  const recent = new RecentBatches(options.db);
  const logOf = (project: string): ProjectLog => {
    const log = logs.get(project) ?? { ...options, project, recent, tip: undefined, anchored: 0 };
    logs.set(project, log);
    return log;
  };
  return {
    append: (project, drafts) => appendAll(logOf(project), drafts),
    record: async (records) => {
      const drafts = records.flatMap((record) => draftOf(record) ?? []);
      const projects = Map.groupBy(drafts, ({ project }) => project);
      await Promise.all(
        [...projects].map(([project, own]) => appendAll(logOf(project), own.map(withoutProject))),
      );
    },
  };
}

/** Which log a record is in says its project. */
function withoutProject(one: ProjectDraft): Draft {
  const { project: _project, ...draft } = one;
  return draft;
}

interface ProjectLog extends SequencerOptions {
  project: string;
  recent: RecentBatches;
  /** The newest batch as far as it is known here: one that is out of date costs a lost race. */
  tip: ChainPoint | undefined;
  /** The newest batch that is known to have its anchor. */
  anchored: number;
}

/** Order is kept: a batch holds a beginning of what is still missing, never a part from its middle. */
async function appendAll(log: ProjectLog, drafts: readonly Draft[]): Promise<void> {
  const { db, project, recent } = log;
  for (let races = 0; drafts.length > 0;) {
    const tip = log.tip ?? (await getLogTip(db, project));
    // So every batch but the newest has its anchor, whoever died before writing it.
    await anchor(log, tip);
    const missing = await unseen(log, tip, drafts);
    const { records, cursors, upTo } = await nextRecords(log, tip, missing);
    log.tip = tip;
    if (records.length === 0) return;
    const sealed = sealBatch(project, tip, records, upTo);
    if ((await appendBatch(db, sealed, cursors)) === "written") {
      log.tip = pointAfter(sealed);
      recent.note(project, sealed.batch.n, {
        upTo: sealed.batch.upTo,
        ids: new Set(records.map(({ id }) => id)),
      });
      await anchor(log, log.tip);
      drafts = missing.slice(records.length);
      races = 0;
    } else {
      races += 1;
      if (races > RACES_MAX)
        throw new Error(`the audit log of ${project} was written by others ${RACES_MAX} times in a row`);
      log.tip = await tipBehind(log, tip);
      await pause();
    }
  }
}

/** After a lost race the next batch is there, and most often it is the newest; undefined when there are many. */
async function tipBehind({ recent, project }: ProjectLog, tip: ChainPoint): Promise<ChainPoint | undefined> {
  let at = tip;
  for (let steps = 0; steps < STEPS_MAX; steps++) {
    const next = await recent.next(project, at.n);
    if (next === undefined) return at;
    at = { n: next.place, hash: next.hash, last: next.last, upTo: next.upTo };
  }
  return undefined;
}

async function anchor(log: ProjectLog, point: ChainPoint): Promise<void> {
  if (log.anchored >= point.n) return;
  await putAnchor(log.objects, log.project, point);
  log.anchored = Math.max(log.anchored, point.n);
}

async function unseen(log: ProjectLog, tip: ChainPoint, drafts: readonly Draft[]): Promise<Draft[]> {
  const since = Math.min(...drafts.map(({ at }) => at));
  const seen = await log.recent.idsSince(log.project, tip, since);
  return drafts.filter(({ id }) => {
    const isNew = !seen.has(id);
    seen.add(id);
    return isNew;
  });
}

interface Next {
  records: AuditRecord[];
  cursors: MovedCursor[];
  upTo: number;
}

/** As many as fit into one batch, numbered, each held against the version that the log has of its item. */
async function nextRecords(log: ProjectLog, tip: ChainPoint, drafts: readonly Draft[]): Promise<Next> {
  const taken = fitting(drafts);
  const items = [...new Set(taken.filter(({ noun }) => isVersioned(noun)).map(itemOf))];
  const stored = await getLogCursors(log.db, log.project, items);
  const moved = new Map(stored);
  const records = taken.map((draft, index): AuditRecord => {
    const n = tip.last + 1 + index;
    if (!isVersioned(draft.noun) || draft.version === undefined) return { n, ...draft };
    const item = itemOf(draft);
    const ends = draft.action === "deleted" || draft.action === "expired";
    const has = moved.get(item) ?? 0;
    moved.set(item, ends ? 0 : draft.version);
    if (has === (ends ? draft.version : draft.version - 1)) return { n, ...draft };
    log.log({ level: "error", auditLog: log.project, item, version: draft.version, follows: has });
    return { n, ...draft, follows: has };
  });
  const cursors = items.map((item) => ({ item, was: stored.get(item), version: moved.get(item) ?? 0 }));
  return { records, cursors, upTo: Math.max(...taken.map(({ at }) => at)) };
}

function fitting(drafts: readonly Draft[]): Draft[] {
  const taken: Draft[] = [];
  const items = new Set<string>();
  let bytes = 0;
  for (const draft of drafts.slice(0, RECORDS_MAX)) {
    bytes += Buffer.byteLength(canonicalJson(draft));
    if (isVersioned(draft.noun)) items.add(itemOf(draft));
    if (taken.length > 0 && (bytes > BATCH_BYTES_MAX || items.size > CURSORS_MAX)) break;
    taken.push(draft);
  }
  return taken;
}

/** Random, so that writers who met do not meet again; short, as every lost race is a batch that somebody else wrote. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE_MS_MAX));
}
