/**
 * One App's lane: offers, passes and looks come one after another, never two at once. A new statement cuts a wait
 * short; a hub that is away does not keep the passes from their turn.
 */
import { hasPods } from "#core/health/pods.ts";
import { fightNews, type News } from "#core/news.ts";
import type { Drift } from "#core/protocol.ts";
import type { Claimant } from "./claims.ts";
import { accept, type AcceptContext, type Offer } from "./accept.ts";
import { applyOrderOf, commitOf, objectsKube, type AppState } from "./app-state.ts";
import type { Checks } from "./cel/checks.ts";
import { HubError } from "./hub.ts";
import { KubeError } from "./kube/port.ts";
import { Fights } from "./drift/fights.ts";
import { observe } from "./observe.ts";
import { passNews } from "./pass-news.ts";
import { judging, runPass, type Open, type PassContext, type PassResult } from "./pass.ts";
import { brokenContent, contentOf, type Content } from "./placement.ts";
import type { Reporter } from "./report.ts";
import type { Slots } from "./slots.ts";
import { Stopped } from "./stop.ts";
import { backoff, jittered, type Alarm } from "./wait.ts";
import type { Vitals } from "./vitals.ts";
import type { Held, Watches } from "./watch/watches.ts";

export interface LaneContext extends AcceptContext, PassContext {
  reporter: Pick<Reporter, "changed" | "told">;
  slots: Slots;
  vitals: Pick<Vitals, "step" | "passed">;
  watches: Pick<Watches, "of">;
  checks: Pick<Checks, "answer">;
  /** For people who look into the cluster. */
  tell: (news: readonly News[]) => void;
}

const NEVER = Number.POSITIVE_INFINITY;

export class Lane implements Claimant {
  readonly #context: LaneContext;
  readonly state: AppState;
  readonly #alarm: Alarm;
  #offer: Offer | undefined;
  #offerAt = NEVER;
  #offerFailures = 0;
  #passAt: number;
  #passFailures = 0;
  /** Between two passes of a delivery that waits. */
  #waitMs = 0;
  readonly #live: Held;
  /** The last pass went through: what a watch shows from then on is drift or health. */
  #steady = false;
  readonly #fights = new Fights();
  #healAt = NEVER;
  #open: Open = new Map();
  #observeAt = NEVER;
  #observeMs = 0;
  #observedAt = 0;
  #checkAt = NEVER;

  constructor(context: LaneContext, state: AppState) {
    this.#context = context;
    this.state = state;
    this.#alarm = context.stopper.alarm();
    this.#live = context.watches.of(() => this.#woken());
    this.#passAt = state.record?.state === "kept" ? 0 : NEVER;
  }

  content(): Content | undefined {
    return contentOf(this.state);
  }

  get undecided(): boolean {
    return this.#offer !== undefined;
  }

  /** Another App's word has changed, and this one asked for it. */
  wake(): void {
    if (this.#passAt === NEVER) return;
    this.#passAt = Math.min(this.#passAt, this.#context.deps.clock());
    this.#alarm.ring();
  }

  commit(): string | undefined {
    return commitOf(this.state);
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
    if (this.state.refusal !== undefined) this.state.refusal = undefined;
    this.#setOrphaned(true);
  }

  async run(): Promise<void> {
    if (this.state.broken) return;
    const { deps, stopper } = this.#context;
    while (!stopper.stopped) {
      const now = deps.clock();
      if (now >= this.#offerAt) await this.#guarded(() => this.#receive());
      else if (now >= this.#passAt) await this.#guarded(() => this.#pass());
      else if (now >= this.#healAt) await this.#guarded(() => this.#heal());
      else if (now >= this.#observeAt) await this.#guarded(() => this.#look());
      else if (now >= this.#checkAt) await this.#guarded(() => this.#check());
      else await this.#alarm.wait(deps.sleep, this.#nextAt() - now);
    }
    this.#live.hold(new Map());
  }

  #nextAt(): number {
    return Math.min(this.#offerAt, this.#passAt, this.#healAt, this.#observeAt, this.#checkAt);
  }

  /** A watch shows something of ours that is not as it was. */
  #woken(): void {
    if (!this.#steady) return;
    const { clock, options } = this.#context.deps;
    const now = clock();
    if (this.#live.stirred.size > 0) this.#healAt = Math.min(this.#healAt, now + options.stirSettleMs);
    if (this.#live.moved.size > 0) {
      const everyMs = this.#open.size > 0 ? options.observeMinMs : options.healthEveryMs;
      this.#observeAt = Math.min(this.#observeAt, Math.max(now, this.#observedAt + everyMs));
    }
    this.#alarm.ring();
  }

  #setOrphaned(orphaned: boolean): void {
    this.state.orphaned = orphaned;
    this.#context.reporter.changed();
  }

  /** An error that no step expects is a fault of ours: told, logged, and tried again at the slow pace. */
  async #guarded(step: () => Promise<void>): Promise<void> {
    try {
      await this.#context.slots.run(() => this.#context.vitals.step(step));
    } catch (error) {
      if (error instanceof Stopped || this.#context.stopper.stopped) return;
      const { deps } = this.#context;
      const { app, view } = this.state;
      const message = `internal error: ${error instanceof Error ? error.message : String(error)}`;
      deps.log({ level: "error", app, message: error instanceof Error ? (error.stack ?? message) : message });
      this.state.view = { ...(view ?? brokenContent(app, message)), phase: "failed", message };
      this.#offerAt = NEVER;
      this.#offer = undefined;
      this.#startOver();
      this.#passAt = this.#later(deps.options.retryEveryMs);
    }
    this.#context.reporter.changed();
  }

  async #receive(): Promise<void> {
    const offer = this.#offer;
    if (offer === undefined) return;
    try {
      const end = await accept(this.#context, this.state, offer);
      if (this.#offer === offer) this.#clearOffer();
      if (end === "kept") this.#startOver();
      this.#context.claims.changed(this.state.app);
    } catch (error) {
      if (!(error instanceof HubError || error instanceof KubeError)) throw error;
      const { deps, stopper } = this.#context;
      if (stopper.stopped) return;
      this.#offerFailures += 1;
      const askedMs = error instanceof KubeError ? (error.retryAfterMs ?? 0) : 0;
      this.#offerAt = Math.max(this.#soon(this.#offerFailures), deps.clock() + askedMs);
      deps.log({ level: "warn", app: this.state.app, message: `statement not taken up: ${error.message}` });
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
    this.#steady = false;
    this.#healAt = NEVER;
    this.#open = new Map();
    this.#observeAt = NEVER;
    this.#forgetChecks();
  }

  #forgetChecks(): void {
    this.state.checks = undefined;
    this.#checkAt = NEVER;
  }

  async #pass(keys?: ReadonlySet<string>): Promise<void> {
    const before = { ...this.state };
    const part = keys === undefined ? undefined : { keys, open: this.#open };
    const since = this.#context.deps.clock();
    const result = await runPass(this.#context, this.state, this.#live, this.#passFailures, part);
    const drift = result.kind === "settled" ? [...result.drift.values()] : [];
    const restored = drift.filter((one) => one.restored).length;
    this.#context.vitals.passed(result.kind, this.#context.deps.clock() - since, restored);
    this.#context.tell(passNews(before, this.state, result));
    const { phase, message } = this.state.view ?? {};
    if (phase !== before.view?.phase)
      this.#context.deps.log({ level: "info", app: this.state.app, message: `${phase}: ${message}` });
    const due = this.#passAt;
    this.#schedule(result);
    if (this.state.record !== before.record) this.#context.claims.changed(this.state.app);
    // A look at a part does not put off the look at the whole.
    if (part !== undefined && result.kind === "settled") this.#passAt = due;
  }

  /** What is only told is told as a whole: the others' drift stands beside it. */
  async #heal(): Promise<void> {
    const now = this.#context.deps.clock();
    this.#healAt = NEVER;
    const keys = this.#fights.free(this.#live.takeStirred(), now);
    const order = applyOrderOf(this.state);
    if (keys.size > 0 && order?.record.applied === true)
      await this.#pass(order.order.sync.drift === "correct" ? keys : undefined);
    this.state.fight = this.#fights.standing(now);
    this.#healAt = Math.min(this.#healAt, this.#fights.nextAt(now));
  }

  #noteFights(drift: ReadonlyMap<string, Drift>): void {
    const { clock, log } = this.#context.deps;
    const { app } = this.state;
    for (const message of this.#fights.restored(drift, clock())) {
      log({ level: "warn", app, message });
      this.#context.tell([fightNews(app, message)]);
    }
  }

  #schedule(result: PassResult): void {
    this.#steady = result.kind === "settled";
    if (result.kind !== "settled") this.#forgetChecks();
    else if (this.#checkAt === NEVER) this.#checkAt = this.#context.deps.clock();
    if (result.kind === "settled") this.#noteFights(result.drift);
    if (result.kind === "retry") {
      this.#passFailures += 1;
      this.#passAt = Math.max(this.#soon(this.#passFailures), this.#context.deps.clock() + result.afterMs);
      return;
    }
    this.#passFailures = 0;
    this.#open = result.kind === "settled" ? result.open : new Map();
    if (result.kind === "waiting") return this.#waitOn();
    this.#waitMs = 0;
    this.#observeMs = this.#context.deps.options.observeMinMs;
    this.#observeAt = this.#open.size > 0 ? this.#context.deps.clock() + this.#observeMs : NEVER;
    if (result.kind === "idle") this.#live.hold(new Map());
    this.#passAt = this.#nextPassAt(result);
    // What a watch showed during the pass woke nobody.
    this.#woken();
  }

  #waitOn(): void {
    const { clock, options } = this.#context.deps;
    this.#waitMs = Math.min(Math.max(this.#waitMs * 2, options.observeMinMs), options.observeMaxMs);
    this.#observeAt = NEVER;
    this.#passAt = clock() + this.#waitMs;
  }

  #nextPassAt(result: Exclude<PassResult, { kind: "waiting" }>): number {
    const { retryEveryMs, driftEveryMs } = this.#context.deps.options;
    if (result.kind === "idle") return NEVER;
    return this.#later(result.kind === "failed" ? retryEveryMs : driftEveryMs);
  }

  /** Only while the App stands as its statement says: an answer from before would be one to another question. */
  async #check(): Promise<void> {
    const { deps, checks } = this.#context;
    const kept = applyOrderOf(this.state);
    const asked = kept?.order.sync.checks;
    if (kept === undefined || asked === undefined) {
      this.#forgetChecks();
      return;
    }
    const { epoch, generation } = kept.record.statement;
    this.state.checks = { epoch, generation, answers: await checks.answer(asked) };
    this.#checkAt = deps.clock() + deps.options.checksEveryMs;
  }

  /** Woken by a change, so the waits in between grow: they are for kinds that no watch shows. */
  async #look(): Promise<void> {
    const { clock, options } = this.#context.deps;
    const kube = objectsKube(this.#context.deps.kube, this.state);
    const keys = new Set([...this.#open.keys(), ...this.#live.moved]);
    this.#live.moved.clear();
    const { judge } = await judging(this.#context, this.state);
    const looking = { kube, atOnceMax: options.objectsAtOnceMax, judge };
    await observe(looking, this.state, this.#live, this.#open, keys);
    this.#observedAt = clock();
    const open = [...this.#open.keys()];
    const watched = open.every((key) => this.#live.index.isSynced(key));
    this.#observeMs = Math.min(this.#observeMs * 2, watched ? options.healthEveryMs : options.observeMaxMs);
    // No watch shows pods: what they say of a workload is asked for, ever more rarely.
    const ms = watched && !open.some(hasPods) ? options.healthEveryMs : this.#observeMs;
    this.#observeAt = this.#open.size === 0 ? NEVER : this.#observedAt + ms;
  }

  #soon(failures: number): number {
    const { clock, options, random } = this.#context.deps;
    return clock() + backoff(failures, options.backoffMinMs, options.backoffMaxMs, random);
  }

  #later(ms: number): number {
    const { clock, random } = this.#context.deps;
    return clock() + jittered(ms, random);
  }
}
