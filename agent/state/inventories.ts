/**
 * One App's inventory in ConfigMaps, shard by shard; only a shard that changed is written. Shards are read until
 * one is absent, so they are written in ascending order.
 */
import { canonicalJson } from "#core/digest.ts";
import { inventorySchema, join, split, type Inventory } from "#core/inventory.ts";
import type { Kube } from "../kube/port.ts";
import { dropState, readState, writeState } from "./system.ts";

const SHARDS_MAX = 100;

export class InventoryStore {
  readonly #kube: Kube;
  readonly #app: string;
  #shards: Inventory[];

  constructor(kube: Kube, app: string, shards: Inventory[] = []) {
    this.#kube = kube;
    this.#app = app;
    this.#shards = shards;
  }

  /** Throws on a shard that cannot be understood: pruning by half an inventory would lose objects. */
  static async load(kube: Kube, app: string): Promise<InventoryStore> {
    const shards: Inventory[] = [];
    for (let index = 0; index < SHARDS_MAX; index += 1) {
      const values = await readState(kube, "ConfigMap", nameOf(app, index));
      if (values === undefined) break;
      shards.push(inventorySchema.parse(JSON.parse(values["inventory"] ?? '{"entries":{}}')));
    }
    return new InventoryStore(kube, app, shards);
  }

  get inventory(): Inventory {
    return join(this.#shards);
  }

  /** Without the whole being put together. */
  entry(key: string): Inventory["entries"][string] | undefined {
    return this.#shards.map(({ entries }) => entries[key]).find((entry) => entry !== undefined);
  }

  async save(next: Inventory): Promise<void> {
    const shards = split(next, undefined, this.#shards);
    for (const [index, shard] of shards.entries()) {
      const text = canonicalJson(shard);
      const held = this.#shards[index];
      if (held !== undefined && canonicalJson(held) === text) continue;
      await writeState(this.#kube, "ConfigMap", nameOf(this.#app, index), { inventory: text });
      this.#shards[index] = shard;
    }
  }

  /** From the last shard to the first, so that what a crash leaves is still found. */
  async drop(): Promise<void> {
    for (let index = Math.max(this.#shards.length, 1) - 1; index >= 0; index -= 1)
      await dropState(this.#kube, "ConfigMap", nameOf(this.#app, index));
    this.#shards = [];
  }
}

/** A dot stands in no App name, so no App's shard is another App's inventory. */
function nameOf(app: string, index: number): string {
  return `fairlead-inventory-${app}${index === 0 ? "" : `.${index}`}`;
}
