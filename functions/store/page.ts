/**
 * One page of a list, also where the list is spread over shards: the shards' sorted streams are merged, so the order is
 * that of the sort keys and a page goes on after the key that the one before ended with. Nothing is held in between.
 */
import { readAll, type Db, type Item } from "./db.ts";
import type { Partition } from "./table.ts";

/** A selector that fits little ends the page after this many items looked at; the next page goes on from there. */
const SCANNED_MAX = 2000;
/** Read from each shard beyond its share of the page, as shards are never quite even. */
const SHARE_SPARE = 4;

export interface PageAsked {
  limit: number;
  /** Where the page before ended. */
  after?: string | undefined;
  newestFirst?: boolean;
}

export interface Page<T = Item> {
  items: T[];
  /** Absent on the last page. */
  next?: string;
}

export async function readPage(
  db: Db,
  partitions: readonly Partition[],
  { limit, keep, ...asked }: PageAsked & { keep?: (item: Item) => boolean },
): Promise<Page> {
  const share = Math.ceil((limit + 1) / partitions.length);
  const pageSize = partitions.length === 1 ? share : share + SHARE_SPARE;
  const stream = merged(
    partitions.map((partition) => db.query(partition, { ...asked, pageSize, consistent: true })),
    asked.newestFirst ?? false,
  );
  const items: Item[] = [];
  let scanned = 0;
  let last = "";
  for await (const item of stream) {
    if (items.length === limit || scanned === SCANNED_MAX) return { items, next: last };
    scanned += 1;
    last = sortKey(item);
    if (keep === undefined || keep(item)) items.push(item);
  }
  return { items };
}

/** Of sorted streams one sorted stream, read no further than it is asked. */
async function* merged(
  streams: readonly AsyncGenerator<Item>[],
  newestFirst: boolean,
): AsyncGenerator<Item, void> {
  const heads = await Promise.all(streams.map((stream) => stream.next()));
  for (;;) {
    const first = firstOf(heads, newestFirst);
    const [head, stream] = [heads[first], streams[first]];
    if (head === undefined || stream === undefined || head.done === true) return;
    yield head.value;
    heads[first] = await stream.next();
  }
}

/** -1 when all streams are at their end. */
function firstOf(heads: readonly IteratorResult<Item, void>[], newestFirst: boolean): number {
  let [first, best] = [-1, ""];
  for (const [index, head] of heads.entries()) {
    if (head.done === true) continue;
    const key = sortKey(head.value);
    if (first === -1 || (newestFirst ? key > best : key < best)) [first, best] = [index, key];
  }
  return first;
}

function sortKey(item: Item): string {
  return item["sk"] as string;
}

/** Whether the partitions hold anything at all. */
export async function isEmpty(db: Db, partitions: readonly Partition[]): Promise<boolean> {
  return (await readAll(db, partitions, { limit: 1, consistent: true })).length === 0;
}
