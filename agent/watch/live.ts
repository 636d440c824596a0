/**
 * What is known of the live objects that bear our label: as a watch saw each last, and as it was when it was last
 * found to be as wanted. Level-triggered: an object is stirred while the two differ, whoever made the difference, so
 * our own writes, late events and events that come twice lead to nothing.
 */
import { parseRefKey, type KubeObject } from "#core/object.ts";
import { traceOf } from "#core/trace.ts";

interface Sight {
  /** `GONE` where the object is not there. */
  trace: string;
  version: string;
}

interface Entry {
  seen: Sight;
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

interface Kind {
  entries: Map<string, Entry>;
  /** Listed, and watched since. */
  synced: boolean;
}

const GONE = "gone";
/** All that a watch shows, whether an App holds it yet or not; what is above has to be asked for. */
const ENTRIES_PER_KIND_MAX = 50_000;

export class LiveIndex {
  readonly #kinds = new Map<string, Kind>();

  /** One object as a watch shows it; `undefined` is gone. */
  saw(key: string, object: KubeObject | undefined, version: string): void {
    const entry = this.#take(key, () => (object === undefined ? GONE : traceOf(object)), version);
    if (entry === undefined) return;
    this.#weigh(key, entry);
    this.#sweep(key, entry);
  }

  /** All objects of a kind at one version: who is not among them is gone. */
  listed(kind: string, keys: ReadonlySet<string>, version: string): void {
    const known = this.#kinds.get(kind) ?? this.#start(kind);
    known.synced = true;
    for (const key of known.entries.keys()) if (!keys.has(key)) this.saw(key, undefined, version);
  }

  /** The watch of a kind has a gap, or there is none. */
  lost(kind: string): void {
    const known = this.#kinds.get(kind);
    if (known !== undefined) known.synced = false;
  }

  forget(kind: string): void {
    this.#kinds.delete(kind);
  }

  /** One object as our own request found or left it: news to nobody. */
  noted(key: string, object: KubeObject): void {
    this.#take(key, () => traceOf(object), String(object.metadata["resourceVersion"]));
  }

  /** As it was seen last is as it shall be; with `wanted` no pass needs to look at it while that stands. */
  settle(key: string, wanted: string | undefined): void {
    const entry = this.#kinds.get(kindOf(key))?.entries.get(key);
    if (entry === undefined) return;
    entry.settled = { ...entry.seen, wanted };
    entry.holder?.stirred.delete(key);
    entry.holder?.moved.delete(key);
  }

  isSettled(key: string, wanted: string): boolean {
    const kind = this.#kinds.get(kindOf(key));
    const entry = kind?.entries.get(key);
    return (
      kind?.synced === true &&
      entry?.settled?.wanted === wanted &&
      entry.settled.version === entry.seen.version
    );
  }

  /** Changes from here on wake this holder. Undefined: nobody any more. */
  hold(key: string, holder: Holder | undefined): void {
    const entry = this.#kinds.get(kindOf(key))?.entries.get(key);
    if (entry === undefined) return;
    delete entry.holder;
    if (holder === undefined) return this.#sweep(key, entry);
    entry.holder = holder;
    this.#weigh(key, entry);
  }

  /** Only a holder wants to know of what is gone. */
  #sweep(key: string, { holder, seen }: Entry): void {
    if (holder === undefined && seen.trace === GONE) this.#kind(key).entries.delete(key);
  }

  isSynced(key: string): boolean {
    return this.#kinds.get(kindOf(key))?.synced === true;
  }

  isStirred(key: string): boolean {
    const entry = this.#kinds.get(kindOf(key))?.entries.get(key);
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
    const { entries } = this.#kind(key);
    const held = entries.get(key);
    if (held === undefined) {
      if (entries.size >= ENTRIES_PER_KIND_MAX) return undefined;
      const entry: Entry = { seen: { trace: trace(), version } };
      entries.set(key, entry);
      return entry;
    }
    if (isKnown(version, held.seen.version)) return undefined;
    held.seen = { trace: trace(), version };
    return held;
  }

  #kind(key: string): Kind {
    return this.#kinds.get(kindOf(key)) ?? this.#start(kindOf(key));
  }

  #start(kind: string): Kind {
    const started: Kind = { entries: new Map(), synced: false };
    this.#kinds.set(kind, started);
    return started;
  }
}

/** `apps/Deployment`, `/ConfigMap`: one watch each, whatever the version. */
export function kindOf(key: string): string {
  const { group, kind } = parseRefKey(key);
  return `${group}/${kind}`;
}

/** Versions of one server are numbers that grow; one that is no number is taken as it comes. */
function isKnown(version: string, seen: string): boolean {
  return Number(version) <= Number(seen);
}
