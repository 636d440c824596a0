/**
 * What a pass need not ask again: an object that was found as wanted, while the same is wanted and the server's
 * version of it is the same. What else a pass has looked at is marked as seen, so that only a later change wakes.
 */
import type { SyncOptions } from "#core/app.ts";
import { canonicalJson, digestOf, sha256 } from "#core/digest.ts";
import type { Health } from "#core/health.ts";
import { refKey, refOf, type KubeObject } from "#core/object.ts";
import type { Seen } from "../apply.ts";
import type { LiveIndex } from "../watch/live.ts";

const WANTED_CHARS = 20;
const CURRENT: Health = { status: "current", sentence: "is as it was found last" };

export class Memo {
  readonly #index: LiveIndex;
  /** What is told and what is restored depend on it as well. */
  readonly #salt: string;
  readonly #wanted = new Map<string, string>();

  constructor(index: LiveIndex, sync: SyncOptions) {
    this.#index = index;
    this.#salt = digestOf(sync);
  }

  /** Undefined where it has to be looked at. */
  readonly settled = (object: KubeObject): Seen | undefined => {
    const key = refKey(refOf(object));
    const wanted = sha256(`${this.#salt}${canonicalJson(object)}`).slice(0, WANTED_CHARS);
    this.#wanted.set(key, wanted);
    if (!this.#index.isSettled(key, wanted)) return undefined;
    return { key, object, outcome: "unchanged", health: CURRENT };
  };

  settle(all: readonly Seen[]): void {
    for (const { key, outcome, drift, health } of all) {
      if (outcome === "failed") continue;
      const told = outcome === "skipped" || (drift !== undefined && !drift.restored);
      const quiet = health?.status === "current" && !told;
      this.#index.settle(key, quiet ? this.#wanted.get(key) : undefined);
    }
  }
}
