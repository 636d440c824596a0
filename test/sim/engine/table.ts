/** One table: items by key in the order of their sort keys, each with its last few versions for reads that may be old. */
import type { Item } from "../../../functions/store/db.ts";
import type { Key } from "../../../functions/store/table.ts";
import { compareBytes } from "./evaluate.ts";
import { stored } from "./item.ts";

export interface Change {
  key: Key;
  before: Item | undefined;
  after: Item | undefined;
}

interface Version {
  item: Item | undefined;
  at: number;
}

export interface TableOptions {
  age?: (versions: number) => number;
  now?: () => number;
  onChange?: (change: Change) => void;
}

interface ListOptions {
  isConsistent: boolean;
  newestFirst: boolean;
  after: string | undefined;
  limit: number | undefined;
}

/** An eventually consistent read is at most this old (ms). */
const OLD_MS_MAX = 2_000;
const VERSIONS_MAX = 4;

export class Table {
  readonly #partitions = new Map<string, { rows: Map<string, Version[]>; order: string[] | undefined }>();
  readonly #options: TableOptions;

  constructor(options: TableOptions) {
    this.#options = options;
  }

  newest({ pk, sk }: Key): Item | undefined {
    return this.#partitions.get(pk)?.rows.get(sk)?.at(0)?.item;
  }

  read({ pk, sk }: Key, isConsistent: boolean): Item | undefined {
    return this.#pick(this.#partitions.get(pk)?.rows.get(sk) ?? [], isConsistent);
  }

  list(pk: string, prefix: string, options: ListOptions): { items: Item[]; more: boolean } {
    const { newestFirst, after, isConsistent, limit = Number.POSITIVE_INFINITY } = options;
    const partition = this.#partitions.get(pk);
    if (partition === undefined) return { items: [], more: false };
    partition.order ??= [...partition.rows.keys()].sort(compareBytes);
    const order = newestFirst ? partition.order.toReversed() : partition.order;
    const isAfter = (sk: string): boolean =>
      after === undefined || (newestFirst ? compareBytes(sk, after) < 0 : compareBytes(sk, after) > 0);
    const items: Item[] = [];
    for (const sk of order) {
      if (!sk.startsWith(prefix) || !isAfter(sk)) continue;
      // As on DynamoDB: where the limit is met, more is promised, even if there is none.
      if (items.length >= limit) break;
      const item = this.#pick(partition.rows.get(sk) ?? [], isConsistent);
      if (item !== undefined) items.push(item);
    }
    return { items, more: items.length >= limit };
  }

  write({ pk, sk }: Key, next: Item | undefined): void {
    const partition = this.#partitions.get(pk) ?? { rows: new Map<string, Version[]>(), order: undefined };
    this.#partitions.set(pk, partition);
    const versions = partition.rows.get(sk) ?? [];
    const before = versions[0]?.item;
    const item = next === undefined ? undefined : (stored(next) as Item);
    if (!partition.rows.has(sk)) partition.order = undefined;
    partition.rows.set(sk, [{ item, at: this.#now() }, ...versions].slice(0, VERSIONS_MAX));
    // A write that changes nothing leaves no record in the stream.
    if (JSON.stringify(before) !== JSON.stringify(item))
      this.#options.onChange?.({ key: { pk, sk }, before, after: item });
  }

  #pick(versions: readonly Version[], isConsistent: boolean): Item | undefined {
    const { age } = this.#options;
    if (isConsistent || age === undefined) return versions[0]?.item;
    // A version was the newest until the one that replaced it was written.
    const old = versions.filter(
      (_, index) => index === 0 || this.#now() - (versions[index - 1]?.at ?? 0) <= OLD_MS_MAX,
    );
    const isWhole = old.length === versions.length && versions.length < VERSIONS_MAX;
    const choice = age(
      old.length + (isWhole && this.#now() - (versions.at(-1)?.at ?? 0) <= OLD_MS_MAX ? 1 : 0),
    );
    return old[choice]?.item;
  }

  #now(): number {
    return this.#options.now?.() ?? 0;
  }
}
