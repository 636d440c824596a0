/**
 * Counts what one process uses, in memory, and writes it down at most every five minutes with one write unit: no request
 * is written or logged for it. What was counted since is lost when the process ends, and a write that was repeated counts
 * twice: it is a meter, not a ledger.
 */
import { noCounts, type Counter, type Counts } from "#core/counters.ts";
import type { Db, OnUnits } from "../store/db.ts";
import { addCounts } from "../store/meter.ts";

export const FLUSH_MS = 5 * 60_000;
const READS = new Set(["get", "batch-get", "query"]);

export interface Metered {
  db: Db;
  now: () => number;
  meter: Meter;
}

export class Meter {
  readonly name: string;
  readonly #memoryMb: number;
  #counts = noCounts();
  /** A process that answers once an hour ends before five minutes are over: the first time counts at once. */
  #flushedAt = Number.NEGATIVE_INFINITY;

  /** `name` of the function. */
  constructor(name: string, memoryMb: number) {
    this.name = name;
    this.#memoryMb = memoryMb;
  }

  readonly onUnits: OnUnits = (operation, units) =>
    this.add(READS.has(operation) ? "readUnits" : "writeUnits", units);

  add(counter: Counter, count = 1): void {
    this.#counts[counter] += count;
  }

  called(ms: number): void {
    this.add("calls");
    this.add("ms", ms);
    this.add("mbMs", ms * this.#memoryMb);
  }

  /** Not written down yet. */
  get counts(): Counts {
    return { ...this.#counts };
  }

  /** Never fails the work that was counted: what could not be written stays for the next time. */
  async flushWhenDue({ db, now }: Pick<Metered, "db" | "now">): Promise<void> {
    const at = now();
    if (at - this.#flushedAt < FLUSH_MS) return;
    this.#flushedAt = at;
    const counts = this.#counts;
    this.#counts = noCounts();
    try {
      await addCounts(db, { name: this.name, counts, at });
    } catch {
      for (const [counter, count] of Object.entries(counts)) this.add(counter as Counter, count);
    }
  }
}

/** One call of a function. */
export async function metered<T>(deps: Metered, act: () => Promise<T>): Promise<T> {
  const since = deps.now();
  try {
    return await act();
  } finally {
    deps.meter.called(deps.now() - since);
    await deps.meter.flushWhenDue(deps);
  }
}
