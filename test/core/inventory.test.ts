import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  holdsNothing,
  inventorySchema,
  join,
  split,
  union,
  without,
  withUids,
  type Inventory,
} from "#core/inventory.ts";
import { refKey, refOf, type KubeObject } from "#core/object.ts";

const config = (name: string, uid?: string, apiVersion = "v1"): KubeObject => ({
  apiVersion,
  kind: "ConfigMap",
  metadata: { name, namespace: "shop", ...(uid === undefined ? {} : { uid }) },
});

const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}$/), { maxLength: 40 });
const inventories = names.map((list) =>
  union(
    { entries: {} },
    list.map((name) => config(name)),
  ),
);
const sizes = fc.integer({ min: 1, max: 7 });

describe("union", () => {
  it("keeps what was there with its UID, and takes the new API version", () => {
    const old = withUids(union({ entries: {} }, [config("a"), config("b")]), [config("a", "u1")]);
    expect(union(old, [config("a", undefined, "v2"), config("c")]).entries).toEqual({
      "/ConfigMap/shop/a": { apiVersion: "v2", uid: "u1" },
      "/ConfigMap/shop/b": { apiVersion: "v1" },
      "/ConfigMap/shop/c": { apiVersion: "v1" },
    });
  });
  it("marks what hooks leave, until the same object is held", () => {
    const inventory = union({ entries: {} }, [config("a")], [config("b")]);
    expect(inventory.entries).toEqual({
      "/ConfigMap/shop/a": { apiVersion: "v1" },
      "/ConfigMap/shop/b": { apiVersion: "v1", hook: true },
    });
    expect([inventory, union({ entries: {} }, [], [config("b")])].map(holdsNothing)).toEqual([false, true]);
    expect(union(inventory, [config("b")]).entries["/ConfigMap/shop/b"]).toEqual({ apiVersion: "v1" });
  });
  it("never loses an entry", () => {
    fc.assert(
      fc.property(inventories, names, (inventory, more) => {
        const next = union(
          inventory,
          more.map((name) => config(name)),
        );
        for (const key of Object.keys(inventory.entries)) expect(next.entries).toHaveProperty([key]);
        for (const name of more) expect(next.entries).toHaveProperty([refKey(refOf(config(name)))]);
      }),
    );
  });
});

describe("withUids and without", () => {
  it("add no entry of their own", () => {
    const inventory = union({ entries: {} }, [config("a")]);
    expect(withUids(inventory, [config("zz", "u")])).toEqual(inventory);
    expect(without(inventory, ["/ConfigMap/shop/zz"])).toEqual(inventory);
    expect(without(inventory, ["/ConfigMap/shop/a"])).toEqual({ entries: {} });
  });
});

describe("split and join", () => {
  it("give back the same inventory, in shards of bounded size", () => {
    fc.assert(
      fc.property(inventories, sizes, (inventory, size) => {
        const shards = split(inventory, size);
        expect(shards.length).toBeGreaterThan(0);
        for (const shard of shards) expect(Object.keys(shard.entries).length).toBeLessThanOrEqual(size);
        expect(join(shards)).toEqual(inventory);
      }),
    );
  });
  it("lose no entry that stays, when only some of the shards are written before a crash", () => {
    fc.assert(
      fc.property(inventories, names, names, sizes, fc.integer(), (inventory, add, drop, size, written) => {
        const stored = split(inventory, size);
        const gone = drop.map((name) => refKey(refOf(config(name))));
        const next = without(
          union(
            inventory,
            add.map((name) => config(name)),
          ),
          gone,
        );
        const shards = split(next, size, stored);
        const torn: Inventory[] = shards.map((shard, index) =>
          (written >> (index % 30)) & 1 ? shard : (stored[index] ?? { entries: {} }),
        );
        const seen = join(torn).entries;
        for (const key of Object.keys(inventory.entries))
          if (!gone.includes(key)) expect(seen).toHaveProperty([key]);
        expect(join(shards)).toEqual(next);
      }),
    );
  });
  it("prefer the entry with a UID where one stands twice", () => {
    const entry = { apiVersion: "v1" };
    const shards = [
      { entries: { k: entry } },
      { entries: { k: { ...entry, uid: "u" } } },
      { entries: { k: entry } },
    ];
    expect(join(shards).entries["k"]?.uid).toBe("u");
  });
});

describe("inventorySchema", () => {
  it("accepts what is stored and refuses keys that are no identity", () => {
    const inventory = withUids(union({ entries: {} }, [config("a")]), [config("a", "u1")]);
    expect(inventorySchema.parse(JSON.parse(JSON.stringify(inventory)))).toEqual(inventory);
    expect(inventorySchema.safeParse({ entries: { "a/b": { apiVersion: "v1" } } }).success).toBe(false);
  });
});
