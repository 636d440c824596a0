/**
 * Writes a maximum into a WebAssembly module's memory, so that the virtual machine itself refuses to grow beyond it.
 * Go's linker leaves the maximum out, and Node's worker limits do not count WebAssembly memory.
 */

const PAGE_BYTES = 65_536;
const HEADER_BYTES = 8;
const MEMORY_SECTION = 5;

/**
 * A copy of `wasm` whose one memory may not grow beyond `bytesMax` (rounded down to pages of 64 KiB).
 * Throws when the module has no memory of its own, or already starts above the maximum.
 */
export function withMemoryMax(wasm: Uint8Array, bytesMax: number): Uint8Array<ArrayBuffer> {
  const section = findMemorySection(wasm);
  const [memories, afterCount] = readUnsigned(wasm, section.body);
  const [pagesMin] = readUnsigned(wasm, afterCount + 1);
  const pagesMax = Math.floor(bytesMax / PAGE_BYTES);
  if (memories !== 1) throw new Error(`the render engine has ${memories} memories instead of one`);
  if (pagesMax < pagesMin) {
    throw new Error(
      `memoryBytesMax is ${bytesMax}, but the render engine starts with ${pagesMin * PAGE_BYTES} bytes: allow it more`,
    );
  }
  const body = [...unsigned(1), 1, ...unsigned(pagesMin), ...unsigned(pagesMax)];
  return joined([
    wasm.subarray(0, section.start),
    Uint8Array.from([MEMORY_SECTION, ...unsigned(body.length), ...body]),
    wasm.subarray(section.end),
  ]);
}

function findMemorySection(wasm: Uint8Array): { start: number; body: number; end: number } {
  let start = HEADER_BYTES;
  while (start < wasm.length) {
    const [size, body] = readUnsigned(wasm, start + 1);
    if (wasm[start] === MEMORY_SECTION) return { start, body, end: body + size };
    start = body + size;
  }
  throw new Error("the render engine is not a WebAssembly module with a memory: build it again");
}

/** Reads a LEB128 number and answers it with the position behind it. */
function readUnsigned(bytes: Uint8Array, position: number): [value: number, next: number] {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = bytes[position++];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, position];
  }
  throw new Error("the render engine is damaged: build it again");
}

function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...unsigned(Math.floor(value / 0x80))];
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}
