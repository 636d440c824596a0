/**
 * What is known of the live objects that bear our label: as a watch saw each last, and as it was when it was last
 * found to be as wanted. Level-triggered: an object is stirred while the two differ, whoever made the difference, so
 * our own writes, late events and events that come twice lead to nothing.
 */
import { parseRefKey, type KubeObject } from "#core/object.ts";
import { traceOf } from "#core/trace.ts";
import type { Address, Selection } from "../kube/port.ts";

/** What one watch is over: a kind in the whole cluster, or in one namespace of those where objects are held. */
export type Within = "cluster" | "namespaces";

interface Sight {
  /** `GONE` where the object is not there. */
  trace: string;
  version: string;
}

interface Entry {
  seen: Sight;
  /** As our own requests found or left it since it was settled last; what a watch shows meanwhile is no part of it. */
  own?: Sight;
  /** `wanted` is absent where a look is due with every pass: not healthy yet, or drift that is only told. */
  settled?: { trace: string; version: string; wanted: string | undefined };
  holder?: Holder;
}

/** An App, as the index sees it. */
export interface Holder {
  /** Objects that are not as they were settled. */
  readonly stirred: Set<string>;
  /** Objects with a new version: their status may be another. */
  readonly moved: Set<string>;
  wake(): void;
}

/** What one watch shows. */
interface Range {
  entries: Map<string, Entry>;
  /** Listed, and watched since. */
  synced: boolean;
}

const GONE = "gone";
/** All that a watch shows, whether an App holds it yet or not; what is above has to be asked for. */
const ENTRIES_PER_RANGE_MAX = 50_000;

export class LiveIndex {
  readonly #ranges = new Map<string, Range>();
  readonly #within: Within;

  constructor(within: Within = "cluster") {
    this.#within = within;
  }

  /** What one watch is over: `apps/Deployment`, or `apps/Deployment/shop`; whatever the version. */
  rangeOf(key: string): string {
    const { group, kind, namespace } = parseRefKey(key);
    return this.#within === "cluster" ? `${group}/${kind}` : `${group}/${kind}/${namespace}`;
  }

  /** Of the objects in the range of this address. */
  selectionOf({ apiVersion, kind, namespace }: Omit<Address, "name">): Omit<Selection, "label"> {
    const wide = this.#within === "cluster" || namespace === "";
    return wide ? { apiVersion, kind } : { apiVersion, kind, namespace };
  }

  /** One object as a watch shows it; `undefined` is gone. */
  saw(key: string, object: KubeObject | undefined, version: string): void {
    const entry = this.#take(key, () => (object === undefined ? GONE : traceOf(object)), version);
    if (entry === undefined) return;
    this.#weigh(key, entry);
    this.#sweep(key, entry);
  }

  /** All objects of a range at one version: who is not among them is gone. */
  listed(range: string, keys: ReadonlySet<string>, version: string): void {
    const known = this.#ranges.get(range) ?? this.#start(range);
    known.synced = true;
    for (const key of known.entries.keys()) if (!keys.has(key)) this.saw(key, undefined, version);
  }

  /** The watch of a range has a gap, or there is none. */
  lost(range: string): void {
    const known = this.#ranges.get(range);
    if (known !== undefined) known.synced = false;
  }

  forget(range: string): void {
    this.#ranges.delete(range);
  }

  /** One object as our own request found or left it: news to nobody. `undefined`: it is not there. */
  noted(key: string, object: KubeObject | undefined): void {
    const held = this.#ranges.get(this.rangeOf(key))?.entries.get(key);
    if (object === undefined) {
      if (held !== undefined) held.own = { trace: GONE, version: held.seen.version };
      return;
    }
    const version = String(object.metadata["resourceVersion"]);
    const own = held?.seen.version === version ? held.seen : { trace: traceOf(object), version };
    const entry = this.#take(key, () => own.trace, version) ?? held;
    if (entry !== undefined) entry.own = own;
  }

  /**
   * As our own requests saw it last is as it shall be; with `wanted` no pass needs to look at it while that stands. What
   * a watch has shown since then still stirs, and where nothing was asked all stands as it did.
   */
  settle(key: string, wanted: string | undefined): void {
    const entry = this.#ranges.get(this.rangeOf(key))?.entries.get(key);
    if (entry?.own === undefined) return;
    entry.settled = { ...entry.own, wanted };
    delete entry.own;
    entry.holder?.stirred.delete(key);
    entry.holder?.moved.delete(key);
    this.#weigh(key, entry);
  }

  isSettled(key: string, wanted: string): boolean {
    const range = this.#ranges.get(this.rangeOf(key));
    const entry = range?.entries.get(key);
    return (
      range?.synced === true &&
      entry?.settled?.wanted === wanted &&
      entry.settled.version === entry.seen.version
    );
  }

  /** Changes from here on wake this holder. Undefined: nobody any more. */
  hold(key: string, holder: Holder | undefined): void {
    const entry = this.#ranges.get(this.rangeOf(key))?.entries.get(key);
    if (entry === undefined) return;
    delete entry.holder;
    if (holder === undefined) return this.#sweep(key, entry);
    entry.holder = holder;
    this.#weigh(key, entry);
  }

  /** Only a holder wants to know of what is gone. */
  #sweep(key: string, { holder, seen }: Entry): void {
    if (holder === undefined && seen.trace === GONE) this.#range(key).entries.delete(key);
  }

  isSynced(key: string): boolean {
    return this.#ranges.get(this.rangeOf(key))?.synced === true;
  }

  isStirred(key: string): boolean {
    const entry = this.#ranges.get(this.rangeOf(key))?.entries.get(key);
    return entry?.settled !== undefined && entry.settled.trace !== entry.seen.trace;
  }

  #weigh(key: string, { holder, settled, seen }: Entry): void {
    if (holder === undefined || settled === undefined) return;
    if (settled.trace !== seen.trace) holder.stirred.add(key);
    else if (settled.version !== seen.version) holder.moved.add(key);
    else return;
    holder.wake();
  }

  /** Undefined where it is older than what is known, or too much: then no trace is worked out. */
  #take(key: string, trace: () => string, version: string): Entry | undefined {
    const { entries } = this.#range(key);
    const held = entries.get(key);
    if (held === undefined) {
      if (entries.size >= ENTRIES_PER_RANGE_MAX) return undefined;
      const entry: Entry = { seen: { trace: trace(), version } };
      entries.set(key, entry);
      return entry;
    }
    if (isKnown(version, held.seen.version)) return undefined;
    held.seen = { trace: trace(), version };
    return held;
  }

  #range(key: string): Range {
    return this.#ranges.get(this.rangeOf(key)) ?? this.#start(this.rangeOf(key));
  }

  #start(range: string): Range {
    const started: Range = { entries: new Map(), synced: false };
    this.#ranges.set(range, started);
    return started;
  }
}

/** Versions of one server are numbers that grow; one that is no number is taken as it comes. */
function isKnown(version: string, seen: string): boolean {
  return Number(version) <= Number(seen);
}
