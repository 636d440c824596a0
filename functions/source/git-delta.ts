/**
 * Git's delta: instructions that make one object out of another. The result's size is declared at
 * the start, so it is bounded before anything is allocated; every copy is checked against its base.
 * Format: gitformat-pack(5), "Deltified representation".
 */
import { GitFailure } from "./git-failure.ts";

const COPY_BIT = 128;
/** A copy of size 0 means this many bytes. */
const COPY_BYTES_DEFAULT = 0x10000;

/** The declared size of what `delta` makes, in bytes. */
export function deltaResultBytes(delta: Buffer): number {
  return readSizes(delta).resultBytes;
}

/** The object that `delta` makes out of `base`. Throws `invalid` if it does not fit. */
export function applyDelta(base: Buffer, delta: Buffer): Buffer {
  const { baseBytes, resultBytes, start } = readSizes(delta);
  if (baseBytes !== base.length) throw damaged();
  const result = Buffer.allocUnsafeSlow(resultBytes);
  let written = 0;
  let cursor = start;
  while (cursor < delta.length) {
    const instruction = byteAt(delta, cursor++);
    const isCopy = (instruction & COPY_BIT) !== 0;
    const copy = isCopy ? readCopy(delta, cursor, instruction) : undefined;
    const from = copy?.from ?? cursor;
    const bytes = copy?.bytes ?? instruction;
    const source = isCopy ? base : delta;
    if (bytes === 0 || from + bytes > source.length || written + bytes > resultBytes) throw damaged();
    source.copy(result, written, from, from + bytes);
    written += bytes;
    cursor = copy?.end ?? cursor + bytes;
  }
  if (written !== resultBytes) throw damaged();
  return result;
}

/** Bits 0-3 of the instruction say which bytes of the offset follow, bits 4-6 which of the size. */
function readCopy(
  delta: Buffer,
  start: number,
  instruction: number,
): { from: number; bytes: number; end: number } {
  let cursor = start;
  const read = (bits: readonly number[]): number => {
    let value = 0;
    for (const [index, bit] of bits.entries()) {
      if (instruction & bit) value += byteAt(delta, cursor++) * 256 ** index;
    }
    return value;
  };
  const from = read([1, 2, 4, 8]);
  const bytes = read([16, 32, 64]) || COPY_BYTES_DEFAULT;
  return { from, bytes, end: cursor };
}

function readSizes(delta: Buffer): { baseBytes: number; resultBytes: number; start: number } {
  const base = readSize(delta, 0);
  const result = readSize(delta, base.end);
  return { baseBytes: base.value, resultBytes: result.value, start: result.end };
}

/** Seven bits a byte, the lowest first. Multiplication instead of shifts: a size may pass 32 bits. */
function readSize(bytes: Buffer, start: number): { value: number; end: number } {
  let value = 0;
  let cursor = start;
  let byte = COPY_BIT;
  for (let factor = 1; byte & 128; factor *= 128) {
    byte = byteAt(bytes, cursor++);
    value += (byte & 127) * factor;
  }
  return { value, end: cursor };
}

function byteAt(bytes: Buffer, index: number): number {
  const byte = bytes[index];
  if (byte === undefined) throw damaged();
  return byte;
}

function damaged(): GitFailure {
  return new GitFailure("invalid", "The pack holds a damaged delta; run git fsck on the repository");
}
