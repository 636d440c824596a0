/**
 * Looks at the Sources that are due, a few at a time and fewer at one host: a repository that hangs takes a place of its
 * own host and holds up nobody else's. What a process remembers may be lost without harm.
 */
import { pollDueAt, type Watched } from "#core/poll.ts";
import type { Source } from "#core/source.ts";
import { pollSource, type SourceDeps } from "./poll-source.ts";
import { idOf, watchedSources, type Looked } from "./watched-sources.ts";

const PARALLEL = 8;
const PARALLEL_PER_HOST = 3;

interface Look {
  readonly host: string;
  readonly done: Promise<void>;
}

export class Poller {
  readonly #deps: SourceDeps;
  readonly #onError: (source: Source, error: unknown) => void;
  readonly #looked = new Map<string, Looked>();
  readonly #running = new Map<string, Look>();
  #control = new AbortController();
  #waiting: readonly Watched[] = [];

  /** `onError` is told what is no failure of a repository: the table or the object store does not answer. */
  constructor(deps: SourceDeps, onError: (source: Source, error: unknown) => void) {
    this.#deps = deps;
    this.#onError = onError;
  }

  /** Begins to look at what is due, and does not wait for it. */
  async round(): Promise<void> {
    const now = this.#deps.now();
    const due = (await watchedSources(this.#deps.db, this.#looked)).filter(
      (one) => pollDueAt(one) <= now && !this.#running.has(idOf(one.source)),
    );
    // Who has waited longest comes first: a round that ends early leaves nobody out for good.
    this.#waiting = due.sort((a, b) => (a.looked?.at ?? 0) - (b.looked?.at ?? 0));
    this.#fill();
  }

  /** Until all that is due was looked at. Nothing is begun after `beginMsMax`, all is broken off after `endMsMax`. */
  async drain(beginMsMax: number, endMsMax: number): Promise<void> {
    const timers = [
      setTimeout(() => (this.#waiting = []), beginMsMax),
      setTimeout(() => void this.stop(), endMsMax),
    ];
    await this.#ended();
    for (const timer of timers) clearTimeout(timer);
  }

  /** Breaks off what runs; nothing of it is written. */
  async stop(): Promise<void> {
    this.#waiting = [];
    this.#control.abort();
    this.#control = new AbortController();
    await this.#ended();
  }

  async #ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.race([...this.#running.values()].map(({ done }) => done));
  }

  #fill(): void {
    const later: Watched[] = [];
    for (const watched of this.#waiting) {
      if (this.#mayBegin(watched.source)) this.#begin(watched);
      else later.push(watched);
    }
    this.#waiting = later;
  }

  #mayBegin(source: Source): boolean {
    const host = hostOf(source);
    const there = [...this.#running.values()].filter((look) => look.host === host);
    return (
      this.#running.size < PARALLEL && there.length < PARALLEL_PER_HOST && !this.#running.has(idOf(source))
    );
  }

  #begin({ source, nudge }: Watched): void {
    const id = idOf(source);
    const before = this.#looked.get(id);
    this.#looked.set(id, { at: this.#deps.now(), nudge });
    this.#running.set(id, { host: hostOf(source), done: this.#look(source, before) });
  }

  async #look(source: Source, before: Looked | undefined): Promise<void> {
    const { signal } = this.#control;
    const id = idOf(source);
    try {
      await pollSource(this.#deps, source, signal);
    } catch (error) {
      this.#onError(source, error);
    }
    this.#running.delete(id);
    if (!signal.aborted) return this.#fill();
    // What was broken off counts as not looked at.
    if (before === undefined) this.#looked.delete(id);
    else this.#looked.set(id, before);
  }
}

const hostOf = ({ spec }: Source): string => new URL(spec.git.url).host;
