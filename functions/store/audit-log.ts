/**
 * The audit log's items: batches that are only ever added, and a cursor for each item that has a version. A batch's
 * number is the lock of the log. Items of the log carry `log`, so that the table's stream can leave them out.
 */
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { chainStart, type ChainPoint, type SealedBatch } from "#core/audit-record.ts";
import { sha256 } from "#core/digest.ts";
import { attributesOf, type Db, type Expression, type Item, type TransactItem } from "./db.ts";
import { keys, lists } from "./table.ts";

const zip = promisify(gzip);
const unzip = promisify(gunzip);
/** Far above what a batch may have; an altered one must not fill the memory. */
const BATCH_TEXT_BYTES_MAX = 8 * 1024 * 1024;

export interface StoredBatch {
  place: number;
  hash: string;
  first: number;
  last: number;
  upTo: number;
  /** Undefined when its bytes cannot be unpacked. */
  text: string | undefined;
}

/** The newest batch is the log's head: the next one is written behind it, or lost. */
export async function getLogTip(db: Db, project: string): Promise<ChainPoint> {
  const asked = { newestFirst: true, limit: 1, consistent: true };
  for await (const item of db.query(logBatches(project), asked))
    return { ...pointOf(item), n: placeOf(item) };
  return chainStart(project);
}

function logBatches(project: string) {
  const [partition] = lists.logBatches(project);
  if (partition === undefined) throw new Error("invariant broken: the log has one partition");
  return partition;
}

export async function getLogBatch(db: Db, project: string, n: number): Promise<StoredBatch | undefined> {
  const item = await db.get(keys.logBatch(project, n), { consistent: true });
  return item === undefined ? undefined : storedBatch(item);
}

/** Downwards from `from`, or from the newest; as many in one request to the engine as `pageSize` says. */
export async function* batchesDown(
  db: Db,
  project: string,
  from: number | undefined,
  pageSize: number,
): AsyncGenerator<StoredBatch> {
  const after = from === undefined ? undefined : keys.logBatch(project, from + 1).sk;
  const asked = { newestFirst: true, after, pageSize, consistent: true };
  for await (const item of db.query(logBatches(project), asked)) yield storedBatch(item);
}

/** Upwards, after batch `after`. */
export async function* batchesUp(
  db: Db,
  project: string,
  after: number,
  pageSize: number,
): AsyncGenerator<StoredBatch> {
  const asked = { after: keys.logBatch(project, after).sk, pageSize, consistent: true };
  for await (const item of db.query(logBatches(project), asked)) yield storedBatch(item);
}

async function storedBatch(item: Item): Promise<StoredBatch> {
  const { hash, last, upTo } = pointOf(item);
  const text = await unzip(item["zip"] as Uint8Array, { maxOutputLength: BATCH_TEXT_BYTES_MAX }).then(
    (bytes) => bytes.toString("utf8"),
    // Told by the check of the log as a batch that cannot be read.
    () => undefined,
  );
  return { place: placeOf(item), hash, first: Number(item["first"]), last, upTo, text };
}

/** Where it stands, whatever it says. */
function placeOf(item: Item): number {
  return Number(String(item["sk"]).split("#").at(-1));
}

/** Damage must not spread from what it says into the batches behind it. */
function pointOf(item: Item): ChainPoint {
  const whole = (value: unknown): number => (Number.isSafeInteger(value) ? Number(value) : 0);
  return {
    n: whole(item["n"]),
    hash: String(item["hash"]),
    last: whole(item["last"]),
    upTo: whole(item["upTo"]),
  };
}

/** The version of an item that is in the log; 0 after its deletion. */
export async function getLogCursors(
  db: Db,
  project: string,
  items: readonly string[],
): Promise<Map<string, number>> {
  const found = await db.getMany(items.map((item) => cursorKey(project, item)));
  return new Map(found.map((one) => [String(one["item"]), Number(one["version"])]));
}

function cursorKey(project: string, item: string) {
  return keys.logCursor(project, sha256(item).slice(0, 32));
}

export interface MovedCursor {
  item: string;
  was: number | undefined;
  version: number;
}

/** Lost when another batch has its place: who holds that number was first. With cursors, both or neither are written. */
export async function appendBatch(
  db: Db,
  { batch, text, hash }: SealedBatch,
  cursors: readonly MovedCursor[],
): Promise<"written" | "lost"> {
  const { project, n, first, last, upTo } = batch;
  const body = { log: "batch", project, n, hash, first, last, upTo, zip: await zip(text) };
  const item = { ...keys.logBatch(project, n), ...body };
  const absent = { text: "attribute_not_exists(pk)" };
  if (cursors.length === 0) return db.put(item, absent);
  return db.transact([
    put(db, item, absent),
    ...cursors.map(({ item: of, was, version }) =>
      put(db, { ...cursorKey(project, of), log: "cursor", project, item: of, version }, versionIs(was)),
    ),
  ]);
}

function versionIs(was: number | undefined): Expression {
  if (was === undefined) return { text: "attribute_not_exists(pk)" };
  return { text: "#version = :was", names: { version: "version" }, values: { was } };
}

function put(db: Db, Item: Item, condition: Expression): TransactItem {
  const { text: ConditionExpression, ...rest } = condition;
  return { Put: { TableName: db.table, Item, ConditionExpression, ...attributesOf({ text: "", ...rest }) } };
}
