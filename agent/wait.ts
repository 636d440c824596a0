/** Waiting: jitter so that a fleet does not march in step, backoff that ends, and an alarm that cuts a sleep short. */
import type { AgentDeps } from "./deps.ts";

/** Timers hold 31 bits of milliseconds; a longer wait is taken in parts. */
const SLEEP_MAX_MS = 2 ** 31 - 1;

/** `ms` within ±10 %. */
export function jittered(ms: number, random: () => number): number {
  return ms * (0.9 + 0.2 * random());
}

/** `failures` in a row, from 1: doubles from `minMs` to `maxMs`; then half of it is jitter. */
export function backoff(failures: number, minMs: number, maxMs: number, random: () => number): number {
  const full = Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 30));
  return full / 2 + (full / 2) * random();
}

/** One sleeper; a ring before the sleep is kept, so no wake-up is lost. */
export class Alarm {
  #rung = false;
  #sleeping: AbortController | undefined;

  ring(): void {
    this.#rung = true;
    this.#sleeping?.abort();
  }

  /** Ends after `ms` or at the next ring, whichever comes first. */
  async wait(sleep: AgentDeps["sleep"], ms: number): Promise<void> {
    if (!this.#rung && ms > 0) {
      this.#sleeping = new AbortController();
      await sleep(Math.min(ms, SLEEP_MAX_MS), this.#sleeping.signal);
      this.#sleeping = undefined;
    }
    this.#rung = false;
  }
}
