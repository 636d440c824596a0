/**
 * How often an expression that took too long is tried again: ever more rarely, for all of the agent stands still
 * meanwhile. One that once answers in time is trusted again.
 */
import type { Answer } from "#core/health/expressions.ts";
import type { Timed } from "./timed.ts";

const REST_MS_MIN = 60_000;
const REST_MS_MAX = 60 * 60_000;

export class Patience {
  readonly #timed: Timed;
  readonly #clock: () => number;
  readonly #late: Answer;
  readonly #rests = new Map<string, { until: number; times: number }>();

  constructor(timed: Timed, clock: () => number, msMax: number) {
    this.#timed = timed;
    this.#clock = clock;
    this.#late = {
      kind: "none",
      why: `it took longer than ${msMax} ms and is tried again later; make it simpler`,
    };
  }

  /** `name` is of what rests when it was late. */
  ask(name: string, work: () => Answer): Answer {
    const rest = this.#rests.get(name);
    if (rest !== undefined && this.#clock() < rest.until) return this.#late;
    const end = this.#timed.run(work);
    if (end.kind === "done") {
      this.#rests.delete(name);
      return end.value;
    }
    const times = (rest?.times ?? 0) + 1;
    const ms = Math.min(REST_MS_MAX, REST_MS_MIN * 2 ** Math.min(times - 1, 10));
    this.#rests.set(name, { until: this.#clock() + ms, times });
    return this.#late;
  }
}
