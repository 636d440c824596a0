/**
 * The whole world of a render engine: the system calls (WASI preview 1) that its Go runtime cannot do without. There is
 * a clock, randomness, and a place for last words; there are no files, no sockets, no processes, no arguments but a name
 * (a library of Helm's wants one) and no environment but Go's own memory target, and nothing here may ever add them.
 */

const OK = 0;
const BAD_DESCRIPTOR = 8;
const NOT_SUPPORTED = 52;
const STDERR = 2;
const MONOTONIC_CLOCK = 1;
const SUBSCRIPTION_BYTES = 48;
const EVENT_BYTES = 32;
const RANDOM_BYTES_MAX = 65_536;
const WORDS_CHARACTERS_MAX = 8_192;
const SLEEP_MS_MAX = 1_000;

/** Thrown through the engine when its runtime ends itself: a panic, or no memory left. */
class EngineExit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`the render engine ended itself with code ${code}`);
    this.code = code;
  }
}

export type Sandbox = {
  imports: Record<string, Record<string, unknown>>;
  /** Connects the engine's memory, before its first call. */
  attach: (memory: WebAssembly.Memory) => void;
  /** What the engine wrote since the last call: its warnings, or the reason of a panic. */
  lastWords: () => string;
};

/** `memoryBytesTarget` is where Go's collector starts to work hard, somewhat below the memory's maximum. */
export function createSandbox(memoryBytesTarget: number): Sandbox {
  let memory: WebAssembly.Memory | undefined;
  let words = "";
  const view = () => {
    if (memory === undefined) throw new Error("the engine was called before its memory was attached");
    return new DataView(memory.buffer);
  };
  // A panic says why at first, and then at length where: the end is what is left out.
  const write = (text: string) => {
    words = (words + text).slice(0, WORDS_CHARACTERS_MAX);
  };
  return {
    imports: {
      wasi_snapshot_preview1: refusingTheRest({
        ...runtime(view, memoryBytesTarget),
        ...output(view, write),
      }),
    },
    attach: (attached) => {
      memory = attached;
    },
    lastWords: () => {
      const said = words;
      words = "";
      return said;
    },
  };
}

/** Every system call that is not offered answers "not supported", whatever it is called. */
function refusingTheRest(offered: Record<string, unknown>): Record<string, unknown> {
  return new Proxy(offered, { get: (calls, name: string) => calls[name] ?? (() => NOT_SUPPORTED) });
}

function runtime(view: () => DataView, memoryBytesTarget: number): Record<string, unknown> {
  return {
    ...strings("args_get", "args_sizes_get", ["engine"], view),
    ...strings("environ_get", "environ_sizes_get", [`GOMEMLIMIT=${memoryBytesTarget}`], view),
    clock_time_get: (clock: number, _precision: bigint, result: number) => {
      const nowMs = clock === MONOTONIC_CLOCK ? performance.now() : Date.now();
      view().setBigUint64(result, BigInt(Math.round(nowMs * 1e6)), true);
      return OK;
    },
    random_get: (target: number, size: number) => {
      const bytes = new Uint8Array(view().buffer, target, size);
      for (let at = 0; at < size; at += RANDOM_BYTES_MAX) {
        crypto.getRandomValues(bytes.subarray(at, at + RANDOM_BYTES_MAX));
      }
      return OK;
    },
    poll_oneoff: (subscriptions: number, events: number, count: number, result: number) =>
      sleep(view(), { subscriptions, events, count, result }),
    sched_yield: () => OK,
    proc_exit: (code: number) => {
      throw new EngineExit(code);
    },
  };
}

/** Arguments and environment have the same shape: a table of addresses, and strings that end with a zero byte. */
function strings(
  get: string,
  sizes: string,
  values: readonly string[],
  view: () => DataView,
): Record<string, unknown> {
  const encoded = values.map((value) => new TextEncoder().encode(`${value}\0`));
  return {
    [sizes]: (countAt: number, bytesAt: number) => {
      view().setUint32(countAt, encoded.length, true);
      view().setUint32(
        bytesAt,
        encoded.reduce((size, value) => size + value.length, 0),
        true,
      );
      return OK;
    },
    [get]: (tableAt: number, bytesAt: number) => {
      let next = bytesAt;
      for (const [index, value] of encoded.entries()) {
        view().setUint32(tableAt + index * 4, next, true);
        new Uint8Array(view().buffer).set(value, next);
        next += value.length;
      }
      return OK;
    },
  };
}

/** Standard output and error go to the last words; a descriptor that could be a file does not exist. */
function output(view: () => DataView, write: (text: string) => void): Record<string, unknown> {
  return {
    fd_write: (descriptor: number, vectors: number, count: number, writtenAt: number) => {
      if (descriptor > STDERR) return BAD_DESCRIPTOR;
      let written = 0;
      for (let index = 0; index < count; index += 1) {
        const start = view().getUint32(vectors + index * 8, true);
        const size = view().getUint32(vectors + index * 8 + 4, true);
        write(new TextDecoder().decode(new Uint8Array(view().buffer, start, size)));
        written += size;
      }
      view().setUint32(writtenAt, written, true);
      return OK;
    },
    fd_prestat_get: () => BAD_DESCRIPTOR,
    fd_fdstat_get: () => BAD_DESCRIPTOR,
  };
}

type Poll = { subscriptions: number; events: number; count: number; result: number };

/** Go asks to be woken after a time: every other kind of event belongs to descriptors, of which there are none. */
function sleep(memory: DataView, poll: Poll): number {
  let waitMs = SLEEP_MS_MAX;
  for (let index = 0; index < poll.count; index += 1) {
    const subscription = poll.subscriptions + index * SUBSCRIPTION_BYTES;
    const event = poll.events + index * EVENT_BYTES;
    const type = memory.getUint8(subscription + 8);
    memory.setBigUint64(event, memory.getBigUint64(subscription, true), true);
    memory.setUint16(event + 8, type === 0 ? OK : BAD_DESCRIPTOR, true);
    memory.setUint8(event + 10, type);
    waitMs = Math.min(waitMs, type === 0 ? Number(memory.getBigUint64(subscription + 24, true)) / 1e6 : 0);
  }
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, waitMs);
  memory.setUint32(poll.result, poll.count, true);
  return OK;
}
