/**
 * All lanes of an agent: made from the cluster's own state at the start, and for each App that the hub assigns. The
 * index of Apps is written before an App's first record, one write at a time.
 */
import { emptyState, loadState } from "./app-state.ts";
import { Claims } from "./claims.ts";
import { Lane, type LaneContext } from "./lane.ts";
import { dropLeftovers } from "./pass.ts";
import type { Content } from "./placement.ts";
import { mapBounded, Slots } from "./slots.ts";
import type { Shown } from "./visible.ts";
import { readIndex, writeIndex } from "./state/record.ts";

export interface Assignment {
  app: string;
  statement: string;
}

export class Desk {
  readonly #context: LaneContext;
  readonly #claims = new Claims();
  readonly #lanes = new Map<string, Lane>();
  readonly #running = new Set<Promise<void>>();
  readonly #indexed = new Set<string>();
  readonly #indexWrites = new Slots(1);

  constructor(context: Omit<LaneContext, "remember" | "claims">) {
    this.#context = { ...context, claims: this.#claims, remember: (app) => this.#remember(app) };
  }

  /** Reads all that earlier agents of this cluster kept; healing starts at once, without the hub. */
  async load(): Promise<void> {
    const { kube, options } = this.#context.deps;
    const apps = await readIndex(kube);
    const states = await mapBounded(apps, options.appsAtOnceMax, async (app) => {
      this.#context.stopper.check();
      const state = await loadState(kube, app);
      if (state.record?.state === "removed") await dropLeftovers(this.#context, state);
      return state;
    });
    for (const state of states) {
      this.#indexed.add(state.app);
      this.#start(state.app, new Lane(this.#context, state));
    }
  }

  /** One whole answer of the hub. */
  take(assignments: readonly Assignment[], again: boolean): void {
    for (const { app, statement } of assignments) this.#laneOf(app).offer({ jws: statement, again });
    const named = new Set(assignments.map((one) => one.app));
    for (const [app, lane] of this.#lanes) if (!named.has(app)) lane.absent();
    this.#claims.heard();
  }

  /** Sorted by App; Apps with nothing to tell are left out. */
  contents(): Content[] {
    const all = [...this.#lanes.values()].flatMap((lane) => lane.content() ?? []);
    return all.sort((a, b) => (a.app < b.app ? -1 : 1));
  }

  /** All Apps, with what there is to tell of each. */
  shown(): Shown[] {
    return [...this.#lanes].map(([app, lane]) => ({ app, content: lane.content(), commit: lane.commit() }));
  }

  /** Resolves when every lane has ended after a stop. */
  async ended(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #laneOf(app: string): Lane {
    const known = this.#lanes.get(app);
    if (known !== undefined) return known;
    return this.#start(app, new Lane(this.#context, emptyState(this.#context.deps.kube, app)));
  }

  #start(app: string, lane: Lane): Lane {
    this.#lanes.set(app, lane);
    this.#claims.add(app, lane);
    const running = lane.run().finally(() => this.#running.delete(running));
    this.#running.add(running);
    return lane;
  }

  async #remember(app: string): Promise<void> {
    if (this.#indexed.has(app)) return;
    await this.#indexWrites.run(async () => {
      if (this.#indexed.has(app)) return;
      await writeIndex(this.#context.deps.kube, [...this.#indexed, app]);
      this.#indexed.add(app);
    });
  }
}
