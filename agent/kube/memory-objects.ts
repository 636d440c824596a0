/**
 * The objects of a simulated cluster with their bookkeeping: versions, generations, a status that comes on by itself,
 * and every change in the log that watches follow.
 */
import { randomUUID } from "node:crypto";
import { refKey, refOf, type KubeObject } from "#core/object.ts";
import type { Fields } from "#core/pointer.ts";
import { Changes } from "./memory-watch.ts";
import { fieldsV1Of, type Owners } from "./merge.ts";
import { progressOf, simulatedStatus, type Progress } from "./simulated-status.ts";

export interface Stored {
  object: KubeObject;
  owners: Owners;
  uid: string;
  version: number;
  generation: number;
  createdAt: number;
  generationAt: number;
  /** As its status was last seen: a status that changed by itself is a new version. */
  progress: Progress;
}

export class MemoryObjects {
  readonly all = new Map<string, Stored>();
  readonly changes = new Changes();
  version = 0;
  readonly #now: () => number;
  readonly #readyAfterMs: number;

  constructor(now: () => number, readyAfterMs: number) {
    this.#now = now;
    this.#readyAfterMs = readyAfterMs;
  }

  store(object: KubeObject, owners: Owners): Stored {
    const key = refKey(refOf(object));
    const held = this.all.get(key);
    const before = held === undefined ? undefined : this.show(held);
    const stored = this.next(held, object, owners);
    this.all.set(key, stored);
    if (stored !== held) this.changes.put(stored.version, before, this.show(stored));
    if (this.changes.watched) this.ripenLater(key, stored);
    return stored;
  }

  next(held: Stored | undefined, object: KubeObject, owners: Owners): Stored {
    const at = this.#now();
    const progress = progressOf(object, 0, this.#readyAfterMs);
    if (held === undefined) {
      const birth = { uid: randomUUID(), generation: 1, createdAt: at, generationAt: at, progress };
      return { object, owners, version: ++this.version, ...birth };
    }
    if (held.object === object && held.owners === owners) return held;
    const grows =
      JSON.stringify({ ...held.object, metadata: 0 }) !== JSON.stringify({ ...object, metadata: 0 });
    const counts = grows ? { generation: held.generation + 1, generationAt: at, progress } : {};
    return { ...held, object, owners, version: ++this.version, ...counts };
  }

  /** Its status may have come on since somebody looked: the object's newest version. */
  #ripe(key: string, stored: Stored): Stored {
    const progress = progressOf(stored.object, this.#now() - stored.generationAt, this.#readyAfterMs);
    if (progress === stored.progress) return stored;
    const before = this.show(stored);
    const later = { ...stored, progress };
    const same = JSON.stringify(this.show(later)["status"]) === JSON.stringify(before["status"]);
    const ripened = same ? later : { ...later, version: ++this.version };
    this.all.set(key, ripened);
    if (!same) this.changes.put(ripened.version, before, this.show(ripened));
    return ripened;
  }

  /** Only while somebody watches: time is otherwise read when asked. */
  ripenLater(key: string, stored: Stored): void {
    if (stored.progress !== "waiting") return;
    const wait = Math.max(1, stored.generationAt + this.#readyAfterMs - this.#now());
    setTimeout(() => {
      const held = this.all.get(key);
      if (held !== undefined) this.#ripe(key, held);
    }, wait).unref();
  }

  held(key: string): Stored | undefined {
    const stored = this.all.get(key);
    return stored === undefined ? undefined : this.#ripe(key, stored);
  }

  remove(key: string, stored: Stored): void {
    this.all.delete(key);
    this.changes.put(++this.version, this.show(stored), undefined);
  }

  show(stored: Stored): KubeObject {
    const { object, owners, generation } = stored;
    const status = simulatedStatus(object, generation, stored.progress);
    const metadata = {
      ...object.metadata,
      uid: stored.uid,
      resourceVersion: String(stored.version),
      generation,
      creationTimestamp: new Date(stored.createdAt).toISOString(),
      managedFields: shownOwners(object.apiVersion, owners),
    };
    return { ...object, metadata, ...(status === undefined ? {} : { status }) };
  }

  sorted(): Stored[] {
    return [...this.all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, stored]) => this.#ripe(key, stored));
  }
}

function shownOwners(apiVersion: string, owners: Owners): Fields[] {
  return [...owners].map(([manager, { at, operation, leaves }]) => ({
    manager,
    operation,
    apiVersion,
    time: new Date(at).toISOString(),
    fieldsType: "FieldsV1",
    fieldsV1: fieldsV1Of(leaves),
  }));
}
