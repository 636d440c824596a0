/**
 * One generation under way, as its passes see it: what of its hooks is kept in the cluster, and how far this process
 * has come. After a restart the hooks are known and the rest is looked at again from the start.
 */
import type { HookMemory, HookRun } from "#core/hook-run.ts";
import type { Moment } from "#core/hooks.ts";
import { holdsNothing, type Inventory } from "#core/inventory.ts";
import type { OutcomeCounts } from "#core/outcome.ts";
import type { AppState } from "./app-state.ts";
import type { Seen } from "./apply.ts";
import type { Kube } from "./kube/port.ts";
import { writeRecord, type KeptRecord } from "./state/record.ts";

export interface Progress {
  /** Of the statement that it belongs to. */
  digest: string;
  /** Steps that have ended. */
  steps: number;
  seen: Seen[];
  /** What was pruned. */
  pruned: OutcomeCounts;
  /** Since when another App is waited for. */
  heldSince?: number;
}

export class DeliveryRun {
  readonly #kube: Kube;
  readonly #state: AppState;
  readonly #record: KeptRecord;

  /** `record` is the one in force in `state`. */
  constructor(kube: Kube, state: AppState, record: KeptRecord) {
    this.#kube = kube;
    this.#state = state;
    this.#record = record;
  }

  /** As hooks bear it. */
  get generation(): string {
    const { epoch, generation } = this.#record.statement;
    return `${epoch}.${generation}`;
  }

  get progress(): Progress {
    const { digest } = this.#record;
    const { progress } = this.#state;
    if (progress?.digest === digest) return progress;
    return (this.#state.progress = { digest, steps: 0, seen: [], pruned: {} });
  }

  /** The next pass looks at everything again. */
  startOver(): void {
    this.#state.progress = undefined;
  }

  /** Settled once, before the inventory grows: after that nothing tells an install from an upgrade. */
  async momentOf(inventory: Inventory): Promise<Moment> {
    const known = this.#memory?.moment;
    if (known !== undefined) return known;
    const { statement, from } = this.#record;
    const moment = holdsNothing(inventory)
      ? "install"
      : from !== undefined && statement.release < from
        ? "rollback"
        : "upgrade";
    await this.settle(moment);
    return moment;
  }

  async settle(moment: Moment): Promise<void> {
    if (this.#memory === undefined) await this.#keep({ moment, runs: {} });
  }

  runOf(key: string): HookRun | undefined {
    return this.#memory?.runs[key];
  }

  /** Written before the cluster is touched for it, and when it has ended. */
  async remember(key: string, run: HookRun): Promise<void> {
    const memory = this.#memory ?? { moment: "upgrade", runs: {} };
    await this.#keep({ ...memory, runs: { ...memory.runs, [key]: run } });
  }

  get #memory(): HookMemory | undefined {
    const { record } = this.#state;
    return record?.state === "kept" ? record.hooks : undefined;
  }

  async #keep(hooks: HookMemory): Promise<void> {
    const held = this.#state.record;
    const record = { ...(held?.state === "kept" ? held : this.#record), hooks };
    await writeRecord(this.#kube, this.#state.app, record);
    this.#state.record = record;
  }
}
