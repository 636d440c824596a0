/**
 * Which changes are in a log already. The stream delivers a change again only after it was made, and the log's batches
 * carry the table's own time, which never goes back along the chain: so only batches since the change can hold it.
 * Batches never change, and the last ones are kept in memory; most of the time nothing is read.
 */
import * as z from "zod";
import type { ChainPoint } from "#core/audit-record.ts";
import type { Db } from "../store/db.ts";
import { getLogBatch, type StoredBatch } from "../store/audit-log.ts";

/** Of one log; 100 changes each make about a megabyte. */
const BATCHES_KEPT_MAX = 200;
/** A log whose times were tampered with must not cost more with each change. */
const BATCHES_LOOKED_MAX = 2000;

interface Known {
  upTo: number;
  ids: ReadonlySet<string>;
}

export class RecentBatches {
  readonly #db: Db;
  readonly #logs = new Map<string, Map<number, Known>>();

  constructor(db: Db) {
    this.#db = db;
  }

  /** Ids of all changes that the log up to `tip` may hold of those made at `since` or later. */
  async idsSince(project: string, tip: ChainPoint, since: number): Promise<Set<string>> {
    const ids = new Set<string>();
    if (tip.upTo < since) return ids;
    for (let n = tip.n; n > Math.max(0, tip.n - BATCHES_LOOKED_MAX); n--) {
      const known = this.#log(project).get(n) ?? (await this.#read(project, n));
      if (known.upTo < since) break;
      for (const id of known.ids) ids.add(id);
    }
    return ids;
  }

  /** A batch that was read or written for another reason need not be read again. */
  note(project: string, n: number, known: Known): void {
    const log = this.#log(project);
    log.set(n, known);
    const surplus = log.size - BATCHES_KEPT_MAX;
    if (surplus <= 0) return;
    for (const old of [...log.keys()].sort((a, b) => a - b).slice(0, surplus)) log.delete(old);
  }

  /** The batch behind `n`, if there is one. */
  async next(project: string, n: number): Promise<StoredBatch | undefined> {
    const stored = await getLogBatch(this.#db, project, n + 1);
    if (stored !== undefined) this.note(project, n + 1, knownOf(stored.text));
    return stored;
  }

  async #read(project: string, n: number): Promise<Known> {
    const known = knownOf((await getLogBatch(this.#db, project, n))?.text);
    this.note(project, n, known);
    return known;
  }

  #log(project: string): Map<number, Known> {
    const log = this.#logs.get(project) ?? new Map<number, Known>();
    this.#logs.set(project, log);
    return log;
  }
}

const idsSchema = z.object({ upTo: z.number(), records: z.array(z.object({ id: z.string() })) });

/** A damaged batch must not stop the log: nothing is known of it, and the check of the log names it. */
function knownOf(text: string | undefined): Known {
  const known = idsSchema.safeParse(parsed(text));
  if (!known.success) return { upTo: Number.POSITIVE_INFINITY, ids: new Set() };
  return { upTo: known.data.upTo, ids: new Set(known.data.records.map(({ id }) => id)) };
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "null");
  } catch {
    // Damaged, as said above.
    return undefined;
  }
}
