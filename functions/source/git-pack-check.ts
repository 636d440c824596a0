/**
 * Looks over a pack before the Git library gets it. The library trusts what a pack says of itself, and a few
 * kilobytes can be made to grow to gigabytes, or to a chain of deltas without end. This only counts: it
 * applies no delta, reads no object, and must never let through what it could not follow to the last byte.
 * Format: gitformat-pack(5).
 */
import { inflateSync } from "node:zlib";
import { GitFailure } from "./git-failure.ts";

export interface PackLimits {
  readonly objectsMax: number;
  /** The size of one object, whole or as a delta. */
  readonly objectBytesMax: number;
  /** The sum of all that is inflated, and of what deltas say they read and make. */
  readonly unpackedBytesMax: number;
  /** Each delta that names its base by id, times the largest object: its base cannot be known here. */
  readonly unknownBaseBytesMax: number;
  /** The library keeps one small object per instruction, so a delta of a few kilobytes could fill the memory. */
  readonly deltaInstructionsMax: number;
}

const MIB = 1024 * 1024;
export const PACK_LIMITS: PackLimits = {
  objectsMax: 100_000,
  objectBytesMax: 64 * MIB,
  unpackedBytesMax: 1024 * MIB,
  unknownBaseBytesMax: 65_536 * MIB,
  deltaInstructionsMax: 1_000_000,
};

const HEADER_BYTES = 12;
const TRAILER_BYTES = 20;
const OID_BYTES = 20;
const TYPE_OFS_DELTA = 6;
const TYPE_REF_DELTA = 7;
const TYPES = [1, 2, 3, 4, TYPE_OFS_DELTA, TYPE_REF_DELTA];
const INFLATE_CHUNK_BYTES_MIN = 64;
const INFLATE_CHUNK_BYTES_MAX = 64 * 1024;

/** Throws a `GitFailure` (`too-large`, `invalid`), or what `turn` throws; `turn` is called before each object. */
export async function checkPack(
  pack: Buffer,
  turn: () => Promise<void>,
  limits: PackLimits = PACK_LIMITS,
): Promise<void> {
  const isPack = pack.length >= HEADER_BYTES + TRAILER_BYTES && pack.toString("latin1", 0, 4) === "PACK";
  if (!isPack || pack.readUInt32BE(4) !== 2) throw damaged();
  const count = pack.readUInt32BE(8);
  bound("objects in the commit", count, limits.objectsMax);
  const walk = new Walk(pack, limits);
  for (let index = 0; index < count; index += 1) {
    await turn();
    walk.next();
  }
  walk.finish();
}

class Walk {
  readonly #pack: Buffer;
  readonly #limits: PackLimits;
  /** Where an object starts → its size once whole. Only what stands here may be a base. */
  readonly #sizes = new Map<number, number>();
  #cursor = HEADER_BYTES;
  #unpackedBytes = 0;
  #largestBytes = 0;
  #unknownBases = 0;

  constructor(pack: Buffer, limits: PackLimits) {
    this.#pack = pack;
    this.#limits = limits;
  }

  next(): void {
    const start = this.#cursor;
    const first = this.#byte();
    const type = (first >> 4) & 7;
    if (!TYPES.includes(type)) throw damaged();
    const bytes = (first & 15) + (first & 128 ? 16 * this.#size() : 0);
    const baseBytes = type === TYPE_OFS_DELTA ? this.#sizes.get(start - this.#distance()) : undefined;
    if (type === TYPE_REF_DELTA) this.#cursor += OID_BYTES;
    const data = this.#inflate(bytes);
    if (type !== TYPE_OFS_DELTA && type !== TYPE_REF_DELTA) return this.#count(start, bytes, 0);
    const delta = readDelta(data, this.#limits.deltaInstructionsMax);
    if (type === TYPE_REF_DELTA) this.#unknownBases += 1;
    else if (baseBytes !== delta.baseBytes) throw damaged();
    this.#count(start, delta.resultBytes, bytes + delta.baseBytes);
  }

  /** Nothing may stand between the last object and the trailer. */
  finish(): void {
    if (this.#cursor !== this.#pack.length - TRAILER_BYTES) throw damaged();
    const { unknownBaseBytesMax } = this.#limits;
    bound("bytes of work for deltas by id", this.#unknownBases * this.#largestBytes, unknownBaseBytesMax);
  }

  #count(start: number, bytes: number, extraBytes: number): void {
    bound("bytes in one file", bytes, this.#limits.objectBytesMax);
    this.#sizes.set(start, bytes);
    this.#largestBytes = Math.max(this.#largestBytes, bytes);
    this.#unpackedBytes += bytes + extraBytes;
    bound("bytes once unpacked", this.#unpackedBytes, this.#limits.unpackedBytesMax);
  }

  /** Inflates exactly `bytes` bytes at the cursor: a lie about the size costs no memory. */
  #inflate(bytes: number): Buffer {
    bound("bytes in one file", bytes, this.#limits.objectBytesMax);
    const chunkSize = Math.min(Math.max(bytes + 1, INFLATE_CHUNK_BYTES_MIN), INFLATE_CHUNK_BYTES_MAX);
    const options = { info: true, maxOutputLength: Math.max(bytes, 1), chunkSize };
    let result: unknown;
    try {
      result = inflateSync(this.#pack.subarray(this.#cursor), options);
    } catch {
      // Cut off, not zlib's, or longer than declared: zlib's own wording helps nobody.
      throw damaged();
    }
    // The option `info` is missing in the declared return type.
    const { buffer, engine } = result as { buffer: Buffer; engine: { bytesWritten: number } };
    if (buffer.length !== bytes) throw damaged();
    this.#cursor += engine.bytesWritten;
    return buffer;
  }

  #byte(): number {
    return byteAt(this.#pack, this.#cursor++);
  }

  #size(): number {
    const { value, end } = readSize(this.#pack, this.#cursor);
    this.#cursor = end;
    return value;
  }

  /** Seven bits a byte, the highest first; each further byte adds one, so that no number has two forms. */
  #distance(): number {
    let byte = this.#byte();
    let value = byte & 127;
    while (byte & 128) {
      byte = this.#byte();
      value = (value + 1) * 128 + (byte & 127);
    }
    return value;
  }
}
