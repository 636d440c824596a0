/**
 * What one App has in one cluster, kept in that cluster. Written ahead: old and new before the first write, UIDs
 * after it, shrunk only after a prune, so that a crash at any point leaves no object that nobody remembers.
 * An entry never leaves here because an answer lacked it.
 */
import * as z from "zod";
import { BUNDLE_OBJECTS_MAX } from "./limits.ts";
import { refKey, refOf, type KubeObject } from "./object.ts";

const INVENTORY_SHARD_ENTRIES_MAX = 1000;
/** The old bundle and the new one, both at their largest. */
const INVENTORY_ENTRIES_MAX = 2 * BUNDLE_OBJECTS_MAX;

const keySchema = z
  .string()
  .max(1100)
  .regex(/^[^/]*\/[^/]+\/[^/]*\/[^/]+$/, "must be group/kind/namespace/name");

export const inventorySchema = z.object({
  entries: z
    .record(
      keySchema,
      z.object({
        apiVersion: z.string().min(1).max(253),
        uid: z.string().max(128).optional(),
        hook: z.literal(true).optional(),
        left: z.literal(true).optional(),
      }),
    )
    .refine(
      (entries) => Object.keys(entries).length <= INVENTORY_ENTRIES_MAX,
      `must have at most ${INVENTORY_ENTRIES_MAX} entries`,
    ),
});

interface InventoryEntry {
  apiVersion: string;
  /** Absent until the object was seen in the cluster: then only the marks on it say that it is ours. */
  uid?: string | undefined;
  /** It ran at a moment of a delivery: it goes by its own policy, and no budget counts it. */
  hook?: true | undefined;
  /** Dropped, and not deleted as another App wants it: remembered until that one has it, or wants it no more. */
  left?: true | undefined;
}

/** Keyed by `refKey`: identity without version. */
export interface Inventory {
  entries: Readonly<Record<string, InventoryEntry>>;
}

export const EMPTY_INVENTORY: Inventory = { entries: {} };

/** Old and new; an object that is in both keeps its UID and takes the new API version. */
export function union(
  inventory: Inventory,
  objects: readonly KubeObject[],
  hooks: readonly KubeObject[] = [],
): Inventory {
  const entries = { ...inventory.entries };
  for (const object of objects) {
    const key = refKey(refOf(object));
    const { hook: _, left: __, ...held } = entries[key] ?? {};
    entries[key] = { ...held, apiVersion: object.apiVersion };
  }
  for (const object of hooks) {
    const key = refKey(refOf(object));
    entries[key] = { ...entries[key], apiVersion: object.apiVersion, hook: true };
  }
  return { entries };
}

/** True when it holds nothing but leftovers of hooks. */
export function holdsNothing(inventory: Inventory): boolean {
  return Object.values(inventory.entries).every((entry) => entry.hook === true);
}

/** The UIDs that live objects were seen with; objects that are not in the inventory are passed over. */
export function withUids(inventory: Inventory, live: readonly KubeObject[]): Inventory {
  const entries = { ...inventory.entries };
  for (const object of live) {
    const key = refKey(refOf(object));
    const uid = object.metadata["uid"];
    const held = entries[key];
    if (held !== undefined && typeof uid === "string") entries[key] = { ...held, uid };
  }
  return { entries };
}

/** After a delete that went through, or of what turned out to be gone or no longer ours. */
export function without(inventory: Inventory, keys: Iterable<string>): Inventory {
  const gone = new Set(keys);
  return { entries: Object.fromEntries(Object.entries(inventory.entries).filter(([key]) => !gone.has(key))) };
}

/** These are left to another App; with which UID they were ours says nothing from then on. */
export function leaving(inventory: Inventory, keys: Iterable<string>): Inventory {
  const entries = { ...inventory.entries };
  for (const key of keys) {
    const held = entries[key];
    if (held !== undefined) entries[key] = { apiVersion: held.apiVersion, left: true };
  }
  return { entries };
}

/** What was left to another App and is still remembered. */
export function leftIn(inventory: Inventory): Inventory {
  return { entries: Object.fromEntries(Object.entries(inventory.entries).filter(([, { left }]) => left)) };
}

/**
 * Shards of at most `entriesMax`. An entry stays in the shard that `held` (the shards as stored) has it in, so
 * shards may be written one by one in any order: a crash between two writes loses no entry. Shards keep their
 * position; one that ran empty stands empty. Never fewer than one.
 */
export function split(
  inventory: Inventory,
  entriesMax: number = INVENTORY_SHARD_ENTRIES_MAX,
  held: readonly Inventory[] = [],
): Inventory[] {
  const shards = held.map(() => new Map<string, InventoryEntry>());
  const homeless: [string, InventoryEntry][] = [];
  for (const [key, entry] of Object.entries(inventory.entries)) {
    const home = held.findIndex((shard) => Object.hasOwn(shard.entries, key));
    if (home < 0) homeless.push([key, entry]);
    else shards[home]?.set(key, entry);
  }
  let at = 0;
  for (const [key, entry] of homeless) {
    while (at < shards.length && (shards[at]?.size ?? 0) >= entriesMax) at++;
    if (at === shards.length) shards.push(new Map());
    shards[at]?.set(key, entry);
  }
  return shards.length === 0
    ? [EMPTY_INVENTORY]
    : shards.map((shard) => ({ entries: Object.fromEntries(shard) }));
}

/** The whole of all shards; of an entry that stands twice, the one with a UID counts. */
export function join(shards: readonly Inventory[]): Inventory {
  const entries: Record<string, InventoryEntry> = {};
  for (const shard of shards)
    for (const [key, entry] of Object.entries(shard.entries))
      if (entries[key]?.uid === undefined) entries[key] = entry;
  return { entries };
}
