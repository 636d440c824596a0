/**
 * Unpacks a pack in memory. Every object gets the id that its content has, so what is later found by
 * an id is what the id promises. A few kilobytes can be made to grow to gigabytes: count, each size,
 * the work and the memory are bounded by declared sizes, before anything is inflated.
 * Format: gitformat-pack(5).
 */
import { createHash } from "node:crypto";
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { applyDelta, deltaResultBytes } from "./git-delta.ts";
import { GitFailure } from "./git-failure.ts";
import {
  checkObjectBytes,
  inflateObject,
  type ObjectType,
  type PackedObject,
  readPackedObject,
} from "./git-packed-object.ts";

export interface GitObject {
  readonly type: ObjectType;
  readonly bytes: number;
  /** Absent for a plain blob above `keptObjectBytesMax`. */
  readonly content: Buffer | undefined;
}

export interface PackLimits {
  readonly objectsMax: number;
  /** The size of one object once unpacked. */
  readonly objectBytesMax: number;
  /** The sum over all objects once unpacked: the work. */
  readonly unpackedBytesMax: number;
  /** The sum over what is kept: the memory. */
  readonly keptBytesMax: number;
  /** Larger plain blobs are not kept. */
  readonly keptObjectBytesMax: number;
}

const HEADER_BYTES = 12;
const TRAILER_BYTES = 20;
/** Work between two looks at the clock and at others' events. */
const TURN_BYTES = 4 * 1024 * 1024;
const TURN_OBJECTS = 512;

/** All objects of `pack` by id. Throws a `GitFailure` (`too-large`, `invalid`), or the reason of `signal`. */
export async function unpack(
  pack: Buffer,
  limits: PackLimits,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, GitObject>> {
  const count = readHeader(pack, limits);
  const unpacker = new Unpacker(pack, limits);
  let offset = HEADER_BYTES;
  let bytesAtTurn = 0;
  for (let index = 0; index < count; index += 1) {
    if (index % TURN_OBJECTS === 0 || unpacker.unpackedBytes - bytesAtTurn > TURN_BYTES) {
      bytesAtTurn = unpacker.unpackedBytes;
      await yieldToOthers();
      signal.throwIfAborted();
    }
    offset = unpacker.take(offset);
  }
  return unpacker.finish();
}

function readHeader(pack: Buffer, limits: PackLimits): number {
  if (
    pack.length < HEADER_BYTES + TRAILER_BYTES ||
    pack.toString("latin1", 0, 4) !== "PACK" ||
    pack.readUInt32BE(4) !== 2
  ) {
    throw new GitFailure("invalid", "The Git server sent no pack of version 2");
  }
  const count = pack.readUInt32BE(8);
  if (count <= limits.objectsMax) return count;
  throw new GitFailure("too-large", `The commit has ${count} objects; the limit is ${limits.objectsMax}`);
}

interface Resolved {
  readonly object: GitObject;
  /** Where the deflated bytes start, to inflate again what was not kept and turns out to be a base. */
  readonly dataStart: number;
}

interface WaitingDelta {
  readonly offset: number;
  readonly delta: Buffer;
}

class Unpacker {
  unpackedBytes = 0;
  readonly #pack: Buffer;
  readonly #limits: PackLimits;
  readonly #byId = new Map<string, Resolved>();
  readonly #byOffset = new Map<number, Resolved>();
  /** Deltas whose base comes later, by the base's offset or id. */
  readonly #waiting = new Map<number | string, WaitingDelta[]>();
  #waitingCount = 0;
  #keptBytes = 0;

  constructor(pack: Buffer, limits: PackLimits) {
    this.#pack = pack;
    this.#limits = limits;
  }

  /** Reads the object at `offset`; returns where the next one starts. */
  take(offset: number): number {
    const packed = readPackedObject(this.#pack, offset, this.#limits.objectBytesMax);
    this.#countWork(packed.data.length);
    if (packed.kind === "plain") this.#settle(offset, packed);
    else this.#takeDelta(offset, packed);
    return packed.end;
  }

  /** Throws if a delta never found its base. */
  finish(): ReadonlyMap<string, GitObject> {
    if (this.#waitingCount > 0)
      throw new GitFailure("invalid", "The pack lacks the base of a delta; run git fsck on the repository");
    return new Map(Array.from(this.#byId, ([oid, { object }]) => [oid, object]));
  }

  #takeDelta(offset: number, packed: PackedObject & { kind: "delta" }): void {
    const base =
      typeof packed.base === "number" ? this.#byOffset.get(packed.base) : this.#byId.get(packed.base);
    if (base !== undefined) return this.#settle(offset, this.#resolve(base, packed.data));
    this.#countKept(packed.data.length);
    this.#waitingCount += 1;
    const waiting = this.#waiting.get(packed.base) ?? [];
    waiting.push({ offset, delta: packed.data });
    this.#waiting.set(packed.base, waiting);
  }

  #resolve(base: Resolved, delta: Buffer): Plain {
    const bytes = deltaResultBytes(delta);
    checkObjectBytes(bytes, this.#limits.objectBytesMax);
    this.#countWork(bytes);
    const content = base.object.content ?? inflateObject(this.#pack, base.dataStart, base.object.bytes).data;
    return { type: base.object.type, data: applyDelta(content, delta), dataStart: undefined };
  }

  /** Files an object under its id, and then all that waited for it. */
  #settle(offset: number, plain: Plain): void {
    const todo: { offset: number; plain: () => Plain }[] = [{ offset, plain: () => plain }];
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      const { oid, resolved } = this.#file(next.offset, next.plain());
      for (const { offset: waiter, delta } of [...this.#release(next.offset), ...this.#release(oid)]) {
        // Made only when its turn comes: a thousand results at once could be a thousand times the limit.
        todo.push({ offset: waiter, plain: () => this.#resolve(resolved, delta) });
      }
    }
  }

  #release(base: number | string): readonly WaitingDelta[] {
    const waiting = this.#waiting.get(base) ?? [];
    this.#waiting.delete(base);
    this.#waitingCount -= waiting.length;
    return waiting;
  }

  #file(offset: number, { type, data, dataStart }: Plain): { oid: string; resolved: Resolved } {
    const isKept =
      dataStart === undefined || type !== "blob" || data.length <= this.#limits.keptObjectBytesMax;
    if (isKept) this.#countKept(data.length);
    const object = { type, bytes: data.length, content: isKept ? data : undefined };
    const resolved = { object, dataStart: dataStart ?? 0 };
    const oid = createHash("sha1").update(`${type} ${data.length}\0`).update(data).digest("hex");
    this.#byId.set(oid, resolved);
    this.#byOffset.set(offset, resolved);
    return { oid, resolved };
  }

  #countWork(bytes: number): void {
    this.unpackedBytes += bytes;
    if (this.unpackedBytes <= this.#limits.unpackedBytesMax) return;
    throw new GitFailure(
      "too-large",
      `The commit unpacks to more than ${this.#limits.unpackedBytesMax} bytes`,
    );
  }

  #countKept(bytes: number): void {
    this.#keptBytes += bytes;
    if (this.#keptBytes <= this.#limits.keptBytesMax) return;
    throw new GitFailure(
      "too-large",
      `The commit's files take more than ${this.#limits.keptBytesMax} bytes; split the repository`,
    );
  }
}

interface Plain {
  readonly type: ObjectType;
  readonly data: Buffer;
  /** Undefined for the result of a delta. */
  readonly dataStart: number | undefined;
}
