/**
 * Reports to the hub: only placements that changed, each above the number it had before, in requests within the
 * limits. Nothing changed: nothing sent. A report that did not arrive is sent again, with what is true by then.
 */
import { digestOf } from "#core/digest.ts";
import { REPORT_BODY_BYTES_MAX, REPORT_PLACEMENTS_MAX } from "#core/limits.ts";
import {
  PROTOCOL_VERSION,
  type PlacementReport,
  type ReportAnswer,
  type ReportRequest,
} from "#core/protocol.ts";
import { AGENT_VERSION, type AgentDeps } from "./deps.ts";
import { HubError, type Hub } from "./hub.ts";
import type { Content } from "./placement.ts";
import { Stopped, type Stopper } from "./stop.ts";
import { backoff, type Alarm } from "./wait.ts";

/** Room for the envelope beside the placements. */
const PLACEMENTS_BYTES_MAX = REPORT_BODY_BYTES_MAX - 4096;
const PLACEMENT_BYTES_MAX = 100_000;

export class Reporter {
  readonly #deps: AgentDeps;
  readonly #stopper: Stopper;
  readonly #hub: Hub;
  readonly #contents: () => Content[];
  readonly #kubernetes: () => string | undefined;
  readonly #alarm: Alarm;
  /** Digest of what the hub has accepted, by App. */
  readonly #accepted = new Map<string, string>();
  readonly #digests = new WeakMap<Content, string>();
  readonly #seqs = new Map<string, number>();
  #waiting: PromiseWithResolvers<void>[] = [];
  #dirty = false;

  constructor(
    deps: AgentDeps,
    stopper: Stopper,
    hub: Hub,
    facts: { contents: () => Content[]; kubernetes: () => string | undefined },
  ) {
    this.#deps = deps;
    this.#stopper = stopper;
    this.#hub = hub;
    this.#contents = facts.contents;
    this.#kubernetes = facts.kubernetes;
    this.#alarm = stopper.alarm();
  }

  /** Something may have changed; what is equal to the last report is not sent. */
  changed(): void {
    this.#dirty = true;
    this.#alarm.ring();
  }

  /** Resolves when the hub has accepted what is true now; rejects when the next send fails, or at a stop. */
  async told(): Promise<void> {
    const told = Promise.withResolvers<void>();
    this.#waiting.push(told);
    this.changed();
    await told.promise;
  }

  async run(): Promise<void> {
    let failures = 0;
    while (!this.#stopper.stopped) {
      if (!this.#dirty) await this.#alarm.wait(this.#deps.sleep, Number.POSITIVE_INFINITY);
      if (this.#stopper.stopped || !this.#dirty) continue;
      this.#dirty = false;
      const waiting = this.#waiting;
      this.#waiting = [];
      try {
        await this.#send();
        failures = 0;
        for (const one of waiting) one.resolve();
      } catch (error) {
        failures += 1;
        for (const one of waiting) one.reject(error);
        await this.#again(error, failures);
      }
    }
    for (const one of this.#waiting) one.reject(new Stopped("the agent is stopping"));
  }

  async #again(error: unknown, failures: number): Promise<void> {
    if (this.#stopper.stopped) return;
    const { log, options, random, sleep } = this.#deps;
    const message = error instanceof Error ? error.message : String(error);
    log({ level: error instanceof HubError ? "warn" : "error", message: `report not sent: ${message}` });
    this.#dirty = true;
    // Not the alarm: a change must not shorten the wait before a hub that is in trouble.
    await sleep(backoff(failures, options.backoffMinMs, options.backoffMaxMs, random), this.#stopper.signal);
  }

  async #send(): Promise<void> {
    const current = this.#contents();
    this.#forget(current);
    const changed = current.filter((content) => this.#accepted.get(content.app) !== this.#digest(content));
    for (const batch of batches(changed)) {
      const answer = await this.#hub.report(this.#request(batch, current));
      this.#take(batch, answer);
    }
  }

  /** A view that no pass has replaced is the same object, and not worked out again. */
  #digest(content: Content): string {
    const known = this.#digests.get(content);
    if (known !== undefined) return known;
    const digest = digestOf(content);
    this.#digests.set(content, digest);
    return digest;
  }

  #forget(current: readonly Content[]): void {
    const apps = new Set(current.map((content) => content.app));
    for (const app of this.#accepted.keys()) if (!apps.has(app)) this.#accepted.delete(app);
  }

  #request(batch: readonly Content[], current: readonly Content[]): ReportRequest {
    const kubernetes = this.#kubernetes();
    return {
      protocol: PROTOCOL_VERSION,
      agent: AGENT_VERSION,
      ...(kubernetes === undefined ? {} : { kubernetes }),
      fingerprint: this.#fingerprintAfter(batch, current),
      placements: batch.map((content) => ({ ...fitted(content), seq: this.#nextSeq(content.app) })),
    };
  }

  #fingerprintAfter(batch: readonly Content[], current: readonly Content[]): string {
    const sent = new Set(batch.map((content) => content.app));
    const known = current.flatMap((content) => {
      const digest = sent.has(content.app) ? this.#digest(content) : this.#accepted.get(content.app);
      return digest === undefined ? [] : [[content.app, digest] as const];
    });
    return digestOf(known.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Above the last one, and above those of an agent that ran here before: clocks outlive memory. */
  #nextSeq(app: string): number {
    const seq = Math.max((this.#seqs.get(app) ?? 0) + 1, Math.floor(this.#deps.clock()));
    this.#seqs.set(app, seq);
    return seq;
  }

  #take(batch: readonly Content[], answer: ReportAnswer): void {
    const stale = new Map(answer.stale.map((one) => [one.app, one.seq]));
    for (const content of batch) {
      const seq = stale.get(content.app);
      if (seq === undefined) {
        this.#accepted.set(content.app, this.#digest(content));
        continue;
      }
      this.#seqs.set(content.app, Math.max(seq, this.#seqs.get(content.app) ?? 0));
    }
    if (stale.size > 0)
      throw new HubError(0, `the hub holds newer reports of ${[...stale.keys()].join(", ")}`);
  }
}

/** Split so that no request is over the limits of count and size. */
function* batches(contents: readonly Content[]): Generator<Content[]> {
  let batch: Content[] = [];
  let bytes = 0;
  for (const content of contents) {
    const size = bytesOf(fitted(content)) + 32;
    if (batch.length === REPORT_PLACEMENTS_MAX || (batch.length > 0 && bytes + size > PLACEMENTS_BYTES_MAX)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(content);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** Fewer examples where they are too long; `driftTotal` and the message still tell the whole count. */
function fitted(content: Content): Omit<PlacementReport, "seq"> {
  let fit = content;
  while (bytesOf(fit) > PLACEMENT_BYTES_MAX && (fit.drift.length > 0 || fit.failures.length > 0))
    fit = {
      ...fit,
      drift: fit.drift.slice(0, Math.floor(fit.drift.length / 2)),
      failures: fit.failures.slice(0, Math.ceil(fit.failures.length / 2) - (fit.drift.length > 0 ? 0 : 1)),
    };
  return fit;
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
