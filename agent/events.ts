/**
 * Tells people in the cluster what the agent did, as Events regarding its placements. Nothing waits for one and nothing
 * fails by one: what cannot be written is dropped, and said once in the log.
 */
import type { Bucket } from "#core/bucket.ts";
import type { News } from "#core/news.ts";
import { counted, eventObject, seriesKey, type Series } from "#core/news-series.ts";
import type { AgentDeps } from "./deps.ts";
import { KubeError } from "./kube/port.ts";

/** Between two writes; what comes on top has to be found in the log. */
const PENDING_MAX = 100;
const SERIES_MAX = 500;
const WRITE = { dryRun: false, force: true };

interface Due {
  news: News;
  series: Series;
}

export class EventTeller {
  readonly #deps: Pick<AgentDeps, "kube" | "log" | "clock">;
  #pending: News[] = [];
  readonly #series = new Map<string, Series>();
  readonly #buckets = new Map<string, Bucket>();
  #complaint = "";

  constructor(deps: Pick<AgentDeps, "kube" | "log" | "clock">) {
    this.#deps = deps;
  }

  tell(news: readonly News[]): void {
    this.#pending.push(...news.slice(0, PENDING_MAX - this.#pending.length));
  }

  /**
   * All that was told since; `uidOf` knows the placement of an App. `kubectl describe` finds an Event by that uid alone:
   * while placements are `coming`, what regards one that is not there yet stays for a later write.
   */
  async write(uidOf: (app: string) => string | undefined, coming = false): Promise<void> {
    const now = this.#deps.clock();
    const due = new Map<string, Due>();
    const waits = ({ app }: News): boolean => coming && app !== undefined && uidOf(app) === undefined;
    const told = this.#pending;
    this.#pending = told.filter(waits);
    for (const news of told.filter((one) => !waits(one))) {
      const series = this.#count(news, now);
      if (series !== undefined) due.set(seriesKey(news), { news, series });
    }
    for (const { news, series } of due.values())
      await this.#written(news, series, news.app === undefined ? undefined : uidOf(news.app));
  }

  /** Undefined where the App has told enough for now. */
  #count(news: News, now: number): Series | undefined {
    const { app = "" } = news;
    const key = seriesKey(news);
    const { series, bucket, writes } = counted(this.#series.get(key), this.#buckets.get(app), now);
    this.#series.delete(key);
    this.#series.set(key, series);
    this.#buckets.set(app, bucket);
    const [oldest] = this.#series.keys();
    if (this.#series.size > SERIES_MAX && oldest !== undefined) this.#series.delete(oldest);
    return writes ? series : undefined;
  }

  async #written(news: News, series: Series, uid: string | undefined): Promise<void> {
    try {
      await this.#deps.kube.apply(eventObject(news, series, uid), WRITE);
      this.#complaint = "";
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      const message = `Events are not written: ${error.reason}: ${error.message}`;
      if (error.status !== 0 && message !== this.#complaint) this.#deps.log({ level: "warn", message });
      this.#complaint = message;
    }
  }
}
