/**
 * Tells the hub when somebody in the cluster says "not now": a ConfigMap of the agent's namespace, and an
 * annotation on an App's placement there, read once a minute.
 * Told when it changes, at the start, and once an hour while it holds; once more an hour after it held (`wordDue`).
 * Nothing here holds up a delivery: what is assigned is applied all the same.
 */
import { canonicalJson } from "#core/digest.ts";
import { lastEditor } from "#core/diff.ts";
import {
  HOLD_ANNOTATION,
  holdWords,
  NO_HOLD,
  parseHold,
  withMarks,
  wordDue,
  type HoldMark,
  type Told,
  type ToldHold,
} from "#core/hold.ts";
import { holdNews, type News } from "#core/news.ts";
import type { KubeObject } from "#core/object.ts";
import { pointerTo } from "#core/pointer.ts";
import { sentence } from "#core/text.ts";
import { PROTOCOL_VERSION } from "#core/protocol.ts";
import type { AgentDeps } from "./deps.ts";
import { HubError, type Hub } from "./hub.ts";
import { readState } from "./state/system.ts";
import type { Stopper } from "./stop.ts";
import { keepTelling } from "./telling.ts";

const NAME = "fairlead-hold";
const HOLD_POINTER = pointerTo("/metadata/annotations", HOLD_ANNOTATION);
/** More is no hold that a person wrote: parsing stays cheap, whatever stands there. */
const DATA_CHARS_MAX = 16_000;

/** Those who look into the cluster. */
interface People {
  /** The objects that they may have written a hold on. */
  placements: () => Promise<KubeObject[]>;
  tell: (news: readonly News[]) => void;
}

export class HoldTeller {
  readonly #deps: AgentDeps;
  readonly #stopper: Stopper;
  readonly #hub: Pick<Hub, "hold">;
  readonly #people: People;
  #seq = 0;
  /** As it was read last: one that cannot be read holds from then on, not from each look. */
  #read: { text: string; hold: ToldHold } | undefined;
  #announced: ToldHold | undefined;
  #told: Told | undefined;

  constructor(deps: AgentDeps, stopper: Stopper, hub: Pick<Hub, "hold">, people: People) {
    this.#people = people;
    this.#deps = deps;
    this.#stopper = stopper;
    this.#hub = hub;
  }

  run(): Promise<void> {
    const { options, sleep } = this.#deps;
    return keepTelling(this.#deps, this.#stopper, {
      tell: () => this.#tell(),
      failed: `the hub was not told of ConfigMap ${NAME}`,
      everyMs: options.holdEveryMs,
      retryMs: options.holdEveryMs,
      retryMsMax: options.apisEveryMs,
      pause: (ms) => sleep(ms, this.#stopper.signal),
    });
  }

  async #tell(): Promise<void> {
    const hold = await this.#holdNow();
    // One that stood before the agent started is no news.
    this.#people.tell(holdNews(this.#announced ?? hold, hold));
    this.#announced = hold;
    const now = this.#deps.clock();
    const due = wordDue(this.#told, hold, now);
    if (due === undefined) return;
    this.#seq = Math.max(this.#seq + 1, Math.floor(now));
    // Until it is answered nobody knows what the hub has: it may take this and its answer be lost.
    this.#told = undefined;
    const answer = await this.#hub.hold({ protocol: PROTOCOL_VERSION, seq: this.#seq, hold });
    if (answer.stale !== undefined) {
      this.#seq = Math.max(this.#seq, answer.stale);
      throw new HubError(0, "the hub holds a newer word of this cluster");
    }
    this.#told = { hold, at: now, again: due === "again" };
    const { all } = hold;
    if (due === "news" && all !== undefined)
      this.#deps.log({ level: "info", message: `the hub was told: ${holdWords(all)}` });
  }

  async #holdNow(): Promise<ToldHold> {
    const data = await readState(this.#deps.kube, "ConfigMap", NAME);
    const marks = await this.#marks();
    if (data === undefined && marks.length === 0) return NO_HOLD;
    const text = canonicalJson([data ?? {}, marks]);
    if (this.#read?.text !== text) {
      const now = this.#deps.clock();
      const held = text.length > DATA_CHARS_MAX ? { until: "too long to be read" } : (data ?? {});
      this.#read = { text, hold: withMarks(parseHold(held, now), marks, now) };
    }
    return this.#read.hold;
  }

  async #marks(): Promise<HoldMark[]> {
    const marks = (await this.#people.placements()).flatMap((object): HoldMark[] => {
      const text = object.metadata.annotations?.[HOLD_ANNOTATION];
      if (text === undefined) return [];
      const { at } = lastEditor(object, [HOLD_POINTER]);
      return [{ app: object.metadata.name, text: sentence(text), ...(at === undefined ? {} : { at }) }];
    });
    return marks.toSorted((a, b) => (a.app < b.app ? -1 : 1));
  }
}
