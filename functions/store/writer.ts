/**
 * Whether this process is in the region that writes. The table's copies are last-writer-wins, item by item, so a region that
 * is not the writer writes nothing at all: it is held here, at the table, where no handler can forget it.
 */
import { Problem } from "#core/problem.ts";
import { writerFault } from "#core/region.ts";
import type { Db, Item } from "./db.ts";
import { charterOf, findHub } from "./hub.ts";
import { keys, type Key } from "./table.ts";

/** A moved writer is noticed this late, by processes that asked just before. */
const ASK_EVERY_MS = 5_000;

export interface Writer {
  region: string;
  /** What keeps this region from writing; undefined: it is the writer. */
  fault(): Promise<string | undefined>;
  /** The hub's epoch, as old as `fault` may be. */
  epoch(): Promise<number | undefined>;
}

interface Seen {
  fault: string | undefined;
  epoch: number | undefined;
}

/** One consistent read of the hub's item each five seconds, and only in a process that is about to write. */
export function createWriter(db: Db, region: string, now: () => number): Writer {
  let held: { seen: Promise<Seen>; at: number } | undefined;
  const ask = async (): Promise<Seen> => {
    const hub = await findHub(db);
    if (hub === undefined) return { fault: undefined, epoch: undefined };
    return { fault: writerFault(region, charterOf(hub).region), epoch: hub.epoch };
  };
  const seen = (): Promise<Seen> => {
    if (held !== undefined && now() - held.at <= ASK_EVERY_MS) return held.seen;
    const asked = { seen: ask(), at: now() };
    held = asked;
    // What could not be asked is asked again, not remembered.
    asked.seen.catch(() => {
      if (held === asked) held = undefined;
    });
    return asked.seen;
  };
  return {
    region,
    fault: async () => (await seen()).fault,
    epoch: async () => (await seen()).epoch,
  };
}

/** For what no request asks for: a schedule, a stream, the bus. Elsewhere it is nobody's task, and so no failure. */
export async function whileWriting<T>(
  writer: Pick<Writer, "fault"> | undefined,
  work: () => Promise<T>,
  otherwise: T,
): Promise<T> {
  return (await writer?.fault()) === undefined ? work() : otherwise;
}

/** Throws `not-writer` where another region writes. */
export async function mustWrite(writer: Pick<Writer, "fault"> | undefined): Promise<void> {
  const fault = await writer?.fault();
  if (fault !== undefined) throw new Problem("not-writer", fault);
}

/** The table as a region may use it: every write throws `not-writer` elsewhere, but for the one that makes this region the writer. */
export function writtenBy(db: Db, writer: Writer): Db {
  const allowed = <T>(write: () => Promise<T>): Promise<T> => mustWrite(writer).then(write);
  return {
    ...db,
    put: (item, condition) =>
      takesOver(item, writer.region) ? db.put(item, condition) : allowed(() => db.put(item, condition)),
    update: (...args) => allowed(() => db.update(...args)),
    delete: (...args) => allowed(() => db.delete(...args)),
    transact: (...args) => allowed(() => db.transact(...args)),
  };
}

function takesOver(item: Key & Item, region: string): boolean {
  const { pk, sk } = keys.hub();
  if (item.pk !== pk || item.sk !== sk || typeof item["charter"] !== "string") return false;
  return charterOf({ charter: item["charter"] }).region === region;
}
