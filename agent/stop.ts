/** One way to end an agent: every loop asks `stopped`, every sleep is cut short, every request is aborted. */
import { Alarm } from "./wait.ts";

/** Thrown where a stop cuts work short; never reported, never logged as an error. */
export class Stopped extends Error {
  override readonly name = "Stopped";
}

export class Stopper {
  readonly #controller = new AbortController();
  readonly #alarms = new Set<Alarm>();

  get stopped(): boolean {
    return this.#controller.signal.aborted;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  stop(): void {
    this.#controller.abort();
    for (const alarm of this.#alarms) alarm.ring();
  }

  /** An alarm that the stop rings. */
  alarm(): Alarm {
    const alarm = new Alarm();
    this.#alarms.add(alarm);
    if (this.stopped) alarm.ring();
    return alarm;
  }

  check(): void {
    if (this.stopped) throw new Stopped("the agent is stopping");
  }
}
