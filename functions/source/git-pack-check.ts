/**
 * Looks over a pack before the Git library gets it. The library trusts what a pack says of itself, and a few
 * kilobytes can be made to grow to gigabytes, or into deltas that lead to themselves. This only counts: it applies
 * no delta and reads no object. It must never let through what it could not follow to the last byte.
 * Format: gitformat-pack(5).
 */
import { inflateSync } from "node:zlib";
import { GitFailure } from "./git-failure.ts";

const MIB = 1024 * 1024;
export const PACK_LIMITS = {
  objectsMax: 100_000,
  /** One object, also as a delta. */
  objectBytesMax: 64 * MIB,
  /** The sum of all that is inflated, and of what deltas say they read and make. */
  unpackedBytesMax: 1024 * MIB,
  /** Deltas that name their base by id, times the largest object: which base that is cannot be known here. */
  unknownBaseBytesMax: 65_536 * MIB,
  /** The library keeps an object of its own for each instruction until a delta is done. */
  deltaInstructionsMax: 1_000_000,
};

const HEADER_BYTES = 12;
const TRAILER_BYTES = 20;
const OID_BYTES = 20;
const OFS_DELTA = 6;
const REF_DELTA = 7;
const TYPES = [1, 2, 3, 4, OFS_DELTA, REF_DELTA];
const INFLATE_CHUNK_BYTES_MAX = 64 * 1024;

/** Calls `turn` before each object. Throws a `GitFailure` (`too-large`, `invalid`), or what `turn` throws. */
export async function checkPack(pack: Buffer, turn: () => Promise<void>, limits = PACK_LIMITS) {
  const hasBothEnds = pack.length >= HEADER_BYTES + TRAILER_BYTES;
  if (!hasBothEnds || pack.toString("latin1", 0, 4) !== "PACK" || pack.readUInt32BE(4) !== 2) throw damaged();
  const count = pack.readUInt32BE(8);
  bound("objects in the commit", count, limits.objectsMax);
  const reader = new Reader(pack, HEADER_BYTES);
  // Where an object starts → its size once whole. Nothing else may be a base: no later object, no place inside one.
  const sizes = new Map<number, number>();
  const sums = { unpackedBytes: 0, largestBytes: 0, unknownBases: 0 };
  for (let index = 0; index < count; index += 1) {
    await turn();
    const start = reader.at;
    const { bytes, deltaBytes, isBaseUnknown } = readEntry(reader, sizes, limits);
    bound("bytes in one file", bytes, limits.objectBytesMax);
    sizes.set(start, bytes);
    sums.largestBytes = Math.max(sums.largestBytes, bytes);
    sums.unpackedBytes += bytes + deltaBytes;
    bound("bytes once unpacked", sums.unpackedBytes, limits.unpackedBytesMax);
    sums.unknownBases += isBaseUnknown ? 1 : 0;
  }
  const unknownBytes = sums.unknownBases * sums.largestBytes;
  bound("bytes to read for deltas by id", unknownBytes, limits.unknownBaseBytesMax);
  if (reader.at !== pack.length - TRAILER_BYTES) throw damaged();
}

/** `bytes` once whole; `deltaBytes` are the instructions and what they say they read. */
function readEntry(reader: Reader, sizes: ReadonlyMap<number, number>, limits: typeof PACK_LIMITS) {
  const start = reader.at;
  const first = reader.byte();
  const type = (first >> 4) & 7;
  if (!TYPES.includes(type)) throw damaged();
  const bytes = (first & 15) + (first & 128 ? 16 * reader.size() : 0);
  bound("bytes in one file", bytes, limits.objectBytesMax);
  const knownBytes = type === OFS_DELTA ? sizes.get(start - reader.distance()) : undefined;
  if (type === REF_DELTA) reader.at += OID_BYTES;
  const data = reader.inflate(bytes);
  if (type !== OFS_DELTA && type !== REF_DELTA) return { bytes, deltaBytes: 0, isBaseUnknown: false };
  const delta = new Reader(data, 0);
  const baseBytes = delta.size();
  if (type === OFS_DELTA && baseBytes !== knownBytes) throw damaged();
  const resultBytes = delta.size();
  bound("instructions in one delta", delta.instructions(), limits.deltaInstructionsMax);
  return { bytes: resultBytes, deltaBytes: bytes + baseBytes, isBaseUnknown: type === REF_DELTA };
}

class Reader {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes;
    this.at = at;
  }

  byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw damaged();
    return byte;
  }

  /** Seven bits a byte, the lowest first. No shifts: a size may pass 32 bits, and one without end becomes NaN. */
  size(): number {
    let value = 0;
    for (let factor = 1, byte = 128; byte & 128; factor *= 128) {
      byte = this.byte();
      value += (byte & 127) * factor;
    }
    return value;
  }

  /** Seven bits a byte, the highest first; each further byte adds one, so that no number has two forms. */
  distance(): number {
    let value = -1;
    for (let byte = 128; byte & 128;) {
      byte = this.byte();
      value = (value + 1) * 128 + (byte & 127);
    }
    return value;
  }

  /** Exactly `bytes` bytes: a lie about the size costs no memory. */
  inflate(bytes: number): Buffer {
    const options = {
      info: true,
      maxOutputLength: bytes || 1,
      chunkSize: Math.min(bytes + 64, INFLATE_CHUNK_BYTES_MAX),
    };
    try {
      // The option `info` is missing in the declared return type.
      const result: unknown = inflateSync(this.bytes.subarray(this.at), options);
      const { buffer, engine } = result as { buffer: Buffer; engine: { bytesWritten: number } };
      this.at += engine.bytesWritten;
      if (buffer.length === bytes) return buffer;
    } catch {
      // Cut off, not zlib's, or longer than declared: zlib's own wording helps nobody.
    }
    throw damaged();
  }

  /** How many there are to the end; one with the high bit carries a byte for each other bit, the rest so many bytes. */
  instructions(): number {
    let count = 0;
    for (; this.at < this.bytes.length; count += 1) {
      const first = this.byte();
      if (first < 128) this.at += first;
      else for (let bits = first & 127; bits > 0; bits >>= 1) this.at += bits & 1;
    }
    return count;
  }
}

function bound(what: string, value: number, max: number): void {
  if (value <= max) return;
  throw new GitFailure("too-large", `The repository has ${value} ${what}; the limit is ${max}, split it`);
}

function damaged(): GitFailure {
  return new GitFailure("invalid", "The pack is cut off or damaged; run git fsck on the repository");
}
