/** Ends an evaluation that takes too long: also a regular expression, which nothing else in this process could stop. */
import { createContext, Script } from "node:vm";

export type InTime<T> = { kind: "done"; value: T } | { kind: "late" };

export class Timed {
  readonly #script = new Script("run()");
  readonly #global: { run?: () => void } = {};
  readonly #context = createContext(this.#global);
  readonly #msMax: number;

  constructor(msMax: number) {
    this.#msMax = msMax;
  }

  /** What `work` throws goes through. */
  run<T>(work: () => T): InTime<T> {
    let end: InTime<T> = { kind: "late" };
    this.#global.run = () => {
      end = { kind: "done", value: work() };
    };
    try {
      this.#script.runInContext(this.#context, { timeout: this.#msMax });
      return end;
    } catch (error) {
      if (isLate(error)) return { kind: "late" };
      throw error;
    } finally {
      delete this.#global.run;
    }
  }
}

/** The error may be one of the other context: no `Error` of this one. */
function isLate(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "code" in error &&
    error.code === "ERR_SCRIPT_EXECUTION_TIMEOUT"
  );
}
