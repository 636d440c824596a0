/**
 * One target's way through the in-process bus: a bounded queue, a bounded number of handlers at a time, retries.
 * An event that waits for its retry holds a place in the queue but no handler, so a bad one stops no other.
 */
import type { HubEvent } from "#core/event.ts";

const CONCURRENCY_MAX_DEFAULT = 4;
const QUEUE_EVENTS_MAX_DEFAULT = 1_000;

export interface LaneOptions {
  /** Retries after the first try. */
  retriesMax: number;
  /** Wait before the nth retry, counted from 1. */
  backoffMs(attempt: number): number;
  /** An event older than this is not tried again (nor at all). */
  maxAgeMs: number;
  /** The dead-letter queue. A rejection comes out of the next `publish`, `idle` or `stop`. */
  onDead(event: HubEvent, target: string, error: Error): Promise<void> | void;
  clock(): number;
  /** `signal` is aborted when the bus stops; honouring it frees the timer. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Handlers running at a time, per target; 4 by default. */
  concurrencyMax?: number;
  /** Events of a target queued, running or waiting for a retry; 1,000 by default. A publish waits above it. */
  queueEventsMax?: number;
}

interface Parcel {
  event: HubEvent;
  publishedMs: number;
  tries: number;
}

export class Lane {
  readonly #target: { name: string; handle(event: HubEvent): Promise<void> };
  readonly #options: LaneOptions;
  readonly #queue: Parcel[] = [];
  #running = 0;
  #backingOff = 0;
  #changed: (() => void)[] = [];
  readonly #stopped = new AbortController();
  #failure: Error | undefined;

  constructor(target: { name: string; handle(event: HubEvent): Promise<void> }, options: LaneOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** Resolves when the event has a place; throws when the bus is stopped. */
  async offer(event: HubEvent): Promise<void> {
    this.#check();
    while (this.#held() >= (this.#options.queueEventsMax ?? QUEUE_EVENTS_MAX_DEFAULT)) {
      await this.#change();
      this.#check();
    }
    this.#queue.push({ event, publishedMs: this.#options.clock(), tries: 0 });
    this.#pump();
  }

  async idle(): Promise<void> {
    while (this.#held() > 0) await this.#change();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#queue.length = 0;
    this.#notify();
    while (this.#running > 0) await this.#change();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #held(): number {
    return this.#queue.length + this.#running + this.#backingOff;
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#stopped.signal.aborted)
      throw new Error(`the bus is stopped: ${this.#target.name} takes no more events`);
  }

  #pump(): void {
    while (this.#running < (this.#options.concurrencyMax ?? CONCURRENCY_MAX_DEFAULT)) {
      const parcel = this.#queue.shift();
      if (parcel === undefined) return;
      this.#running++;
      void this.#run(parcel);
    }
  }

  /** Never rejects: what goes wrong ends in a retry, a dead letter or `#failure`. */
  async #run(parcel: Parcel): Promise<void> {
    const error = await this.#try(parcel);
    if (error !== undefined && this.#mayRetry(parcel)) this.#retryLater(parcel);
    else if (error !== undefined) await this.#bury(parcel, error);
    this.#running--;
    this.#pump();
    this.#notify();
  }

  async #try(parcel: Parcel): Promise<Error | undefined> {
    const { maxAgeMs } = this.#options;
    const ageMs = this.#ageMs(parcel);
    if (ageMs > maxAgeMs) return new Error(`event is ${ageMs} ms old: at most ${maxAgeMs} ms are allowed`);
    parcel.tries++;
    try {
      // A copy, as from a wire: no target sees what another one did to its event.
      await this.#target.handle(structuredClone(parcel.event));
      return undefined;
    } catch (thrown) {
      return thrown instanceof Error ? thrown : new Error(String(thrown));
    }
  }

  #mayRetry(parcel: Parcel): boolean {
    return parcel.tries <= this.#options.retriesMax && this.#ageMs(parcel) <= this.#options.maxAgeMs;
  }

  #ageMs(parcel: Parcel): number {
    return this.#options.clock() - parcel.publishedMs;
  }

  #retryLater(parcel: Parcel): void {
    if (this.#stopped.signal.aborted) return;
    this.#backingOff++;
    const again = (): void => {
      this.#backingOff--;
      if (!this.#stopped.signal.aborted) this.#queue.push(parcel);
      this.#pump();
      this.#notify();
    };
    // A sleep that is cut short rejects in some implementations; either way the wait is over.
    this.#options.sleep(this.#options.backoffMs(parcel.tries), this.#stopped.signal).then(again, again);
  }

  async #bury(parcel: Parcel, error: Error): Promise<void> {
    try {
      await this.#options.onDead(parcel.event, this.#target.name, error);
    } catch (cause) {
      this.#failure = new Error(`the dead letter of ${parcel.event.type} for ${this.#target.name} is lost`, {
        cause,
      });
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#changed.push(resolve));
  }

  #notify(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }
}
