/**
 * What a simulated cluster remembers of its changes, so that it can be watched: the newest ones in order, a version
 * each. Who asks for a version that is no longer there is told so, as a real server does.
 */
import type { KubeObject } from "#core/object.ts";
import { KubeError, type Selection, type WatchEvent } from "./port.ts";

const CHANGES_KEPT_MAX = 1_000;

interface Change {
  version: number;
  /** Metadata before and after; undefined where there was no object. */
  before: KubeObject | undefined;
  after: KubeObject | undefined;
}

export class Changes {
  #kept: Change[] = [];
  #forgotten = 0;
  readonly #waiting = new Set<() => void>();

  put(version: number, before: KubeObject | undefined, after: KubeObject | undefined): void {
    this.#kept.push({ version, before: before && metadataOf(before), after: after && metadataOf(after) });
    if (this.#kept.length > CHANGES_KEPT_MAX)
      this.#forgotten = this.#kept.splice(0, CHANGES_KEPT_MAX / 2).at(-1)?.version ?? 0;
    for (const wake of this.#waiting) wake();
  }

  get watched(): boolean {
    return this.#waiting.size > 0;
  }

  /** As an API server that lost its memory: watches from before get a 410. */
  forget(version: number): void {
    this.#kept = [];
    this.#forgotten = version;
    for (const wake of this.#waiting) wake();
  }

  async *follow(
    selection: Selection,
    { version, forMs, signal }: { version: string; forMs: number; signal: AbortSignal },
  ): AsyncGenerator<WatchEvent> {
    let last = Number(version);
    const wait = new Waiter(forMs, signal);
    this.#waiting.add(wait.wake);
    try {
      while (!wait.over) {
        if (last < this.#forgotten)
          throw new KubeError(410, "Expired", `too old resource version: ${version} (${this.#forgotten})`);
        const next = this.#kept.find((change) => change.version > last);
        if (next === undefined) {
          await wait.next();
          continue;
        }
        last = next.version;
        const event = eventOf(next, selection);
        if (event !== undefined) yield event;
      }
    } finally {
      this.#waiting.delete(wait.wake);
      wait.close();
    }
  }
}

/** Woken by a change, by the end of its time, or by a signal; a wake before the wait counts. */
class Waiter {
  over = false;
  #pending = Promise.withResolvers<void>();
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal;

  constructor(forMs: number, signal: AbortSignal) {
    this.#signal = signal;
    this.#timer = setTimeout(this.end, forMs).unref();
    signal.addEventListener("abort", this.end, { once: true });
    if (signal.aborted) this.end();
  }

  readonly wake = (): void => this.#pending.resolve();
  readonly end = (): void => {
    this.over = true;
    this.wake();
  };

  async next(): Promise<void> {
    await this.#pending.promise;
    this.#pending = Promise.withResolvers<void>();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener("abort", this.end);
  }
}

function eventOf({ before, after, version }: Change, selection: Selection): WatchEvent | undefined {
  if (isSelected(after, selection)) return { type: "put", object: after, version: String(version) };
  if (!isSelected(before, selection)) return undefined;
  const object = { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } };
  return { type: "gone", object, version: String(version) };
}

/** Also what a list is made of. */
export function isSelected(object: KubeObject | undefined, selection: Selection): object is KubeObject {
  return (
    object !== undefined &&
    object.kind === selection.kind &&
    object.apiVersion === selection.apiVersion &&
    (selection.namespace === undefined || object.metadata.namespace === selection.namespace) &&
    object.metadata.labels?.[selection.label] !== undefined
  );
}

export function metadataOf({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  return { apiVersion, kind, metadata };
}
