/**
 * One App's lane: offers, passes and looks come one after another, never two at once. A new statement cuts a wait
 * short; a hub that is away does not keep the passes from their turn.
 */
import { accept, type AcceptContext, type Offer } from "./accept.ts";
import type { AppState } from "./app-state.ts";
import { HubError } from "./hub.ts";
import { KubeError } from "./kube/port.ts";
import { isSettled, observe } from "./observe.ts";
import { runPass, type PassContext, type PassResult, type Watch } from "./pass.ts";
import { brokenContent, contentOf, type Content } from "./placement.ts";
import type { Reporter } from "./report.ts";
import type { Slots } from "./slots.ts";
import { Stopped } from "./stop.ts";
import { backoff, jittered, type Alarm } from "./wait.ts";

export interface LaneContext extends AcceptContext, PassContext {
  reporter: Pick<Reporter, "changed" | "told">;
  slots: Slots;
}

const NEVER = Number.POSITIVE_INFINITY;

export class Lane {
  readonly #context: LaneContext;
  readonly #state: AppState;
  readonly #alarm: Alarm;
  #offer: Offer | undefined;
  #offerAt = NEVER;
  #offerFailures = 0;
  #passAt: number;
  #passFailures = 0;
  /** Between two passes of a delivery that waits. */
  #waitMs = 0;
  #watch: Watch | undefined;
  #observeAt = NEVER;
  #observeMs = 0;

  constructor(context: LaneContext, state: AppState) {
    this.#context = context;
    this.#state = state;
    this.#alarm = context.stopper.alarm();
    this.#passAt = state.record?.state === "kept" ? 0 : NEVER;
  }

  content(): Content | undefined {
    return contentOf(this.#state);
  }

  /** The hub's answer holds this statement for the App. */
  offer(offer: Offer): void {
    this.#setOrphaned(false);
    if (this.#offer?.jws === offer.jws) return;
    this.#offer = offer;
    this.#offerFailures = 0;
    this.#offerAt = this.#context.deps.clock();
    this.#alarm.ring();
  }

  /** The hub's answer lacks the App: told, and nothing else. */
  absent(): void {
    this.#offer = undefined;
    this.#offerAt = NEVER;
    if (this.#state.refusal !== undefined) this.#state.refusal = undefined;
    this.#setOrphaned(true);
  }

  async run(): Promise<void> {
    if (this.#state.broken) return;
    const { deps, stopper } = this.#context;
    while (!stopper.stopped) {
      const now = deps.clock();
      if (now >= this.#offerAt) await this.#guarded(() => this.#receive());
      else if (now >= this.#passAt) await this.#guarded(() => this.#pass());
      else if (now >= this.#observeAt) await this.#guarded(() => this.#look());
      else await this.#alarm.wait(deps.sleep, Math.min(this.#offerAt, this.#passAt, this.#observeAt) - now);
    }
  }

  #setOrphaned(orphaned: boolean): void {
    this.#state.orphaned = orphaned;
    this.#context.reporter.changed();
  }

  /** An error that no step expects is a fault of ours: told, logged, and tried again at the slow pace. */
  async #guarded(step: () => Promise<void>): Promise<void> {
    try {
      await this.#context.slots.run(step);
    } catch (error) {
      if (error instanceof Stopped || this.#context.stopper.stopped) return;
      const { deps } = this.#context;
      const { app, view } = this.#state;
      const message = `internal error: ${error instanceof Error ? error.message : String(error)}`;
      deps.log({ level: "error", app, message: error instanceof Error ? (error.stack ?? message) : message });
      this.#state.view = { ...(view ?? brokenContent(app, message)), phase: "failed", message };
      this.#offerAt = NEVER;
      this.#offer = undefined;
      this.#observeAt = NEVER;
      this.#passAt = this.#slowly();
    }
    this.#context.reporter.changed();
  }

  async #receive(): Promise<void> {
    const offer = this.#offer;
    if (offer === undefined) return;
    try {
      const end = await accept(this.#context, this.#state, offer);
      if (this.#offer === offer) this.#clearOffer();
      if (end === "kept") this.#startOver();
    } catch (error) {
      if (!(error instanceof HubError || error instanceof KubeError)) throw error;
      const { deps, stopper } = this.#context;
      if (stopper.stopped) return;
      this.#offerFailures += 1;
      this.#offerAt = this.#soon(this.#offerFailures);
      deps.log({ level: "warn", app: this.#state.app, message: `statement not taken up: ${error.message}` });
    }
  }

  #clearOffer(): void {
    this.#offer = undefined;
    this.#offerAt = NEVER;
    this.#offerFailures = 0;
  }

  #startOver(): void {
    this.#passAt = 0;
    this.#passFailures = 0;
    this.#waitMs = 0;
    this.#watch = undefined;
    this.#observeAt = NEVER;
  }

  async #pass(): Promise<void> {
    const before = this.#state.view?.phase;
    const result = await runPass(this.#context, this.#state, this.#passFailures);
    const { phase, message } = this.#state.view ?? {};
    if (phase !== before)
      this.#context.deps.log({ level: "info", app: this.#state.app, message: `${phase}: ${message}` });
    this.#schedule(result);
  }

  #schedule(result: PassResult): void {
    const { clock, options } = this.#context.deps;
    if (result.kind === "retry") {
      this.#passFailures += 1;
      this.#passAt = Math.max(this.#soon(this.#passFailures), this.#context.deps.clock() + result.afterMs);
      return;
    }
    this.#passFailures = 0;
    if (result.kind === "waiting") {
      this.#waitMs = Math.min(Math.max(this.#waitMs * 2, options.observeMinMs), options.observeMaxMs);
      this.#passAt = clock() + this.#waitMs;
      return;
    }
    this.#waitMs = 0;
    this.#passAt = result.kind === "idle" ? NEVER : this.#slowly();
    const open = result.kind === "settled" && !isSettled(result.watch);
    this.#watch = open ? result.watch : undefined;
    this.#observeMs = this.#context.deps.options.observeMinMs;
    this.#observeAt = open ? this.#context.deps.clock() + this.#observeMs : NEVER;
  }

  async #look(): Promise<void> {
    const { deps } = this.#context;
    if (this.#watch === undefined) return void (this.#observeAt = NEVER);
    const settled = await observe(deps.kube, deps.options.objectsAtOnceMax, this.#state, this.#watch);
    if (settled) this.#watch = undefined;
    this.#observeMs = Math.min(this.#observeMs * 2, deps.options.observeMaxMs);
    this.#observeAt = settled ? NEVER : deps.clock() + this.#observeMs;
  }

  #soon(failures: number): number {
    const { clock, options, random } = this.#context.deps;
    return clock() + backoff(failures, options.backoffMinMs, options.backoffMaxMs, random);
  }

  #slowly(): number {
    const { clock, options, random } = this.#context.deps;
    return clock() + jittered(options.driftEveryMs, random);
  }
}
