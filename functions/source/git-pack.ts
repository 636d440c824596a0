/**
 * Looks through a pack before the Git library unpacks it: object count, the size each object grows to,
 * their sum, and how long chains of deltas are. A few kilobytes can be made to grow to gigabytes;
 * after this check they cannot. It decides only about size: content is checked by hash later.
 */
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { inflateSync } from "node:zlib";
import { GitFailure, quoteServer } from "./git-failure.ts";

export interface PackLimits {
  readonly objectsMax: number;
  /** The size of one object once unpacked. */
  readonly objectBytesMax: number;
  /** The sum over all objects once unpacked. */
  readonly unpackedBytesMax: number;
  readonly deltaDepthMax: number;
}

export const PACK_LIMITS: PackLimits = {
  objectsMax: 100_000,
  objectBytesMax: 64 * 1024 * 1024,
  unpackedBytesMax: 1024 * 1024 * 1024,
  // Git itself makes chains of 50; other servers stay below a few hundred.
  deltaDepthMax: 1000,
};

const HEADER_BYTES = 12;
const OID_BYTES = 20;
const TYPE_OFS_DELTA = 6;
const TYPE_REF_DELTA = 7;
const OBJECTS_PER_TURN = 256;

/** Resolves if the answer of `git-upload-pack` holds a pack within `limits`; throws a `GitFailure` otherwise. */
export async function checkPackAnswer(
  answer: Buffer,
  limits: PackLimits,
  signal: AbortSignal,
): Promise<void> {
  const pack = packOf(answer);
  if (pack.length < HEADER_BYTES + OID_BYTES || pack.toString("latin1", 0, 4) !== "PACK") {
    throw new GitFailure("invalid", "The Git server sent no pack");
  }
  const objects = pack.readUInt32BE(8);
  if (objects > limits.objectsMax) {
    throw new GitFailure("too-large", `The commit has ${objects} objects; the limit is ${limits.objectsMax}`);
  }
  const depths = new Map<number, number>();
  let offset = HEADER_BYTES;
  let unpackedBytes = 0;
  for (let index = 0; index < objects; index += 1) {
    if (index % OBJECTS_PER_TURN === 0) await yieldToOthers();
    signal.throwIfAborted();
    const object = scanObject(pack, offset, limits);
    depths.set(offset, checkDepth(object.baseOffset, depths, limits));
    unpackedBytes += object.unpackedBytes;
    if (unpackedBytes > limits.unpackedBytesMax) {
      throw new GitFailure("too-large", `The commit unpacks to more than ${limits.unpackedBytesMax} bytes`);
    }
    offset = object.end;
  }
}

/** The pack inside the packet lines (side band 1). An error line of the server becomes a failure. */
function packOf(answer: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let offset = 0; offset < answer.length;) {
    const length = Number.parseInt(answer.toString("latin1", offset, offset + 4), 16);
    if (Number.isNaN(length) || offset + length > answer.length) {
      throw new GitFailure("invalid", "The Git server's answer is cut off or not Git's");
    }
    const payload = answer.subarray(offset + 4, offset + length);
    if (payload[0] === 1) parts.push(payload.subarray(1));
    else throwIfServerError(payload);
    offset += Math.max(length, 4);
  }
  return Buffer.concat(parts);
}

function throwIfServerError(payload: Buffer): void {
  const isErrorBand = payload[0] === 3;
  if (!isErrorBand && payload.toString("latin1", 0, 4) !== "ERR ") return;
  const text = payload.toString("utf8", isErrorBand ? 1 : 4);
  if (text.includes("not our ref")) {
    throw new GitFailure(
      "ref-not-found",
      "The Git server has no such commit, or gives out only the tips of branches and tags",
    );
  }
  throw new GitFailure("invalid", `The Git server says ${quoteServer(text)}`);
}

interface ScannedObject {
  readonly baseOffset: number | undefined;
  readonly unpackedBytes: number;
  readonly end: number;
}

function scanObject(pack: Buffer, start: number, limits: PackLimits): ScannedObject {
  let [cursor, byte] = [start + 1, byteAt(pack, start)];
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  // Multiplication instead of shifts: sizes may pass 32 bits.
  for (let factor = 16; byte & 128; factor *= 128) {
    byte = byteAt(pack, cursor++);
    size += (byte & 127) * factor;
  }
  let baseOffset: number | undefined;
  if (type === TYPE_REF_DELTA) cursor += OID_BYTES;
  if (type === TYPE_OFS_DELTA) {
    const distance = readDistance(pack, cursor);
    baseOffset = start - distance.value;
    cursor = distance.end;
  }
  checkSize(size, limits);
  const { data, consumed } = inflate(pack.subarray(cursor), size);
  const unpackedBytes = type >= TYPE_OFS_DELTA ? size + deltaResultBytes(data) : size;
  checkSize(unpackedBytes, limits);
  return { baseOffset, unpackedBytes, end: cursor + consumed };
}

function checkSize(bytes: number, limits: PackLimits): void {
  if (bytes <= limits.objectBytesMax) return;
  throw new GitFailure(
    "too-large",
    `The commit holds a file of ${bytes} bytes; the limit is ${limits.objectBytesMax}`,
  );
}

function checkDepth(
  baseOffset: number | undefined,
  depths: ReadonlyMap<number, number>,
  limits: PackLimits,
): number {
  if (baseOffset === undefined) return 0;
  const baseDepth = depths.get(baseOffset);
  if (baseDepth === undefined) throw damaged();
  if (baseDepth < limits.deltaDepthMax) return baseDepth + 1;
  throw new GitFailure(
    "too-large",
    `The pack has a chain of more than ${limits.deltaDepthMax} deltas; run git repack on the server`,
  );
}

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

/** A delta starts with two numbers: the size of its base, then the size of what it makes. */
function deltaResultBytes(delta: Buffer): number {
  const base = readLittleEndian(delta, 0);
  return readLittleEndian(delta, base.end).value;
}

function readLittleEndian(bytes: Buffer, start: number): { value: number; end: number } {
  let [value, cursor, byte] = [0, start, 128];
  for (let factor = 1; byte & 128; factor *= 128) {
    byte = byteAt(bytes, cursor++);
    value += (byte & 127) * factor;
  }
  return { value, end: cursor };
}

/** Stops at the declared size, so that a lie about it costs no memory. */
function inflate(input: Buffer, size: number): { data: Buffer; consumed: number } {
  try {
    const chunkSize = Math.min(Math.max(size + 1, 64), 64 * 1024);
    const result: unknown = inflateSync(input, { info: true, maxOutputLength: Math.max(size, 1), chunkSize });
    const { buffer, engine } = result as { buffer: Buffer; engine: { bytesWritten: number } };
    if (buffer.length !== size) throw damaged();
    return { data: buffer, consumed: engine.bytesWritten };
  } catch {
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
