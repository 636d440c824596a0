/** What somebody in the cluster says: "not now", for all Apps or for one. Its agent tells it like the real one, and requests of it may be late. */
import { canonicalJson } from "#core/digest.ts";
import { NO_HOLD, wordDue, type Told, type ToldHold } from "#core/hold.ts";
import { Problem } from "#core/problem.ts";
import { takeHold } from "../../../functions/api/hold-told.ts";
import { getLine } from "../../../functions/store/line.ts";
import type { Random } from "../kernel/random.ts";
import type { AgentWorld } from "./agent.ts";

const MINUTE = 60_000;
const TIMEOUT_MS = MINUTE;

export class Holder {
  hold: ToldHold = NO_HOLD;
  readonly #cluster: string;
  readonly #skewMs: number;
  readonly #world: AgentWorld;
  readonly #random: Random;
  #seq = 0;
  #told: Told | undefined;
  #asked = 0;
  #isBusy = false;

  constructor(cluster: string, skewMs: number, world: AgentWorld, random: Random) {
    this.#cluster = cluster;
    this.#skewMs = skewMs;
    this.#world = world;
    this.#random = random;
  }

  restart(): void {
    this.#seq = 0;
    this.#told = undefined;
  }

  /** Somebody writes the ConfigMap, or deletes it. */
  live(): void {
    if (!this.#random.chance(this.#world.weather().hold)) return;
    const until = this.#world.now() + this.#random.between(MINUTE, 30 * MINUTE);
    const hold = { until, reason: "a batch run" };
    this.hold = this.#random.pick([
      NO_HOLD,
      { all: hold, apps: {} },
      { apps: { [this.#random.pick(this.#world.holdable)]: hold } },
    ]);
    this.#world.tell(`${this.#cluster} says ${canonicalJson(this.hold)}`);
  }

  /** When the real agent would. An answer after a minute finds nobody who waits for it. */
  tell(): void {
    const { hold } = this;
    const now = this.#world.now();
    const due = wordDue(this.#told, hold, now);
    if (this.#isBusy || due === undefined) return;
    this.#isBusy = true;
    const asked = (this.#asked += 1);
    const isAwaited = (): boolean => this.#isBusy && asked === this.#asked;
    const end = (): void => {
      if (isAwaited()) this.#isBusy = false;
    };
    this.#seq = Math.max(this.#seq + 1, Math.floor(now + this.#skewMs));
    const request = { protocol: 1, seq: this.#seq, hold };
    this.#told = undefined;
    this.#world.after(TIMEOUT_MS, end);
    for (const lateMs of this.#times())
      this.#world.after(lateMs, () =>
        this.#world.call(
          `hold of ${this.#cluster}`,
          async (deps) => {
            const line = await getLine(deps.db, "default", this.#cluster);
            const answer =
              line === undefined ? undefined : await answered(() => takeHold(deps, line, request));
            if (answer === undefined || !isAwaited()) return;
            this.#seq = Math.max(this.#seq, answer.stale ?? 0);
            if (answer.stale === undefined) this.#told = { hold, at: now, again: due === "again" };
          },
          end,
        ),
      );
  }

  /** When the request arrives: sometimes late, sometimes twice. */
  #times(): number[] {
    const { reportLate, reportTwice } = this.#world.weather();
    const first = this.#random.chance(reportLate) ? this.#random.between(1_000, 10 * MINUTE) : 0;
    return this.#random.chance(reportTwice) ? [first, first + this.#random.between(0, 5 * MINUTE)] : [first];
  }
}

/** Undefined: it was refused. */
async function answered<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}
