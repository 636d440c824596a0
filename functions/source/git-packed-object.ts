/**
 * One object as it stands in a pack: its header, and its inflated bytes, which are the object itself
 * or a delta against another. The declared size is checked first and never exceeded while inflating.
 */
import { inflateSync } from "node:zlib";
import { GitFailure } from "./git-failure.ts";

export type ObjectType = "commit" | "tree" | "blob" | "tag";

interface Placed {
  readonly data: Buffer;
  /** Where the next object starts. */
  readonly end: number;
}

export type PackedObject =
  | (Placed & { readonly kind: "plain"; readonly type: ObjectType; readonly dataStart: number })
  /** `base` is an offset in the same pack, or an object id. */
  | (Placed & { readonly kind: "delta"; readonly base: number | string });

const OID_BYTES = 20;
const TYPE_OFS_DELTA = 6;
const TYPE_REF_DELTA = 7;
const INFLATE_CHUNK_BYTES_MIN = 64;
const INFLATE_CHUNK_BYTES_MAX = 64 * 1024;

/** Reads the object at `start`. Throws `too-large` above `bytesMax`, `invalid` if it is damaged. */
export function readPackedObject(pack: Buffer, start: number, bytesMax: number): PackedObject {
  const { type, bytes, end } = readHeader(pack, start);
  checkObjectBytes(bytes, bytesMax);
  if (type === TYPE_REF_DELTA) {
    const base = pack.toString("hex", end, end + OID_BYTES);
    return { kind: "delta", base, ...inflateObject(pack, end + OID_BYTES, bytes) };
  }
  if (type === TYPE_OFS_DELTA) {
    const distance = readDistance(pack, end);
    return { kind: "delta", base: start - distance.value, ...inflateObject(pack, distance.end, bytes) };
  }
  return { kind: "plain", type: typeName(type), dataStart: end, ...inflateObject(pack, end, bytes) };
}

/** Throws `too-large` naming both numbers. */
export function checkObjectBytes(bytes: number, bytesMax: number): void {
  if (bytes <= bytesMax) return;
  throw new GitFailure("too-large", `The commit holds a file of ${bytes} bytes; the limit is ${bytesMax}`);
}

/** Inflates exactly `bytes` bytes from `start`: a lie about the size costs no memory. */
export function inflateObject(pack: Buffer, start: number, bytes: number): Placed {
  const chunkSize = Math.min(Math.max(bytes + 1, INFLATE_CHUNK_BYTES_MIN), INFLATE_CHUNK_BYTES_MAX);
  let result: unknown;
  try {
    result = inflateSync(pack.subarray(start), {
      info: true,
      maxOutputLength: Math.max(bytes, 1),
      chunkSize,
    });
  } catch {
    // Cut off, not zlib's, or longer than declared: zlib's own wording helps nobody.
    throw damaged();
  }
  // The option `info` is missing in the declared return type.
  const { buffer, engine } = result as { buffer: Buffer; engine: { bytesWritten: number } };
  if (buffer.length !== bytes) throw damaged();
  return { data: buffer, end: start + engine.bytesWritten };
}

/** Three bits of type, then the size: four bits, and seven from each further byte. Sizes may pass 32 bits. */
function readHeader(pack: Buffer, start: number): { type: number; bytes: number; end: number } {
  let cursor = start;
  let byte = byteAt(pack, cursor++);
  const type = (byte >> 4) & 7;
  let bytes = byte & 15;
  for (let factor = 16; byte & 128; factor *= 128) {
    byte = byteAt(pack, cursor++);
    bytes += (byte & 127) * factor;
  }
  return { type, bytes, end: cursor };
}

/** Seven bits a byte, the highest first; each further byte adds one, so that no number has two forms. */
function readDistance(pack: Buffer, start: number): { value: number; end: number } {
  let cursor = start;
  let byte = byteAt(pack, cursor++);
  let value = byte & 127;
  while (byte & 128) {
    byte = byteAt(pack, cursor++);
    value = (value + 1) * 128 + (byte & 127);
  }
  return { value, end: cursor };
}

function typeName(type: number): ObjectType {
  switch (type) {
    case 1:
      return "commit";
    case 2:
      return "tree";
    case 3:
      return "blob";
    case 4:
      return "tag";
    default:
      throw damaged();
  }
}

function byteAt(bytes: Buffer, index: number): number {
  const byte = bytes[index];
  if (byte === undefined) throw damaged();
  return byte;
}

function damaged(): GitFailure {
  return new GitFailure("invalid", "The pack is damaged; run git fsck on the repository");
}
