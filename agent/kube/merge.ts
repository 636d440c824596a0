/**
 * Server-side apply for simulated clusters, over plain data: who owns which field, what an apply sets, and what it
 * takes away. Lists are owned and replaced whole (a real server merges keyed lists item by item); all else follows
 * the server's rules: fields set earlier and no longer set go, fields of others stay, a changed field of another's
 * is a conflict unless forced.
 */
import { canonicalJson } from "#core/digest.ts";
import { entriesOf } from "#core/managed.ts";
import type { KubeObject } from "#core/object.ts";
import { isFields, pointerTo, pointerTokens, valueAt, withValueAt, type Fields } from "#core/pointer.ts";

/** Manager -> when it last changed what it owns, and the pointers of the leaves it owns. */
export type Owners = ReadonlyMap<string, Ownership>;

interface Ownership {
  at: number;
  operation: "Apply" | "Update";
  leaves: ReadonlySet<string>;
}

export interface Merged {
  object: KubeObject;
  owners: Owners;
  /** Pointers of other managers' fields that the apply changes; taken over when forced. */
  conflicts: { pointer: string; manager: string }[];
}

/** `held` undefined: the object is made. `object` must hold no status and no bookkeeping. */
export function mergeApply(
  held: { object: KubeObject; owners: Owners } | undefined,
  object: KubeObject,
  manager: string,
  now: number,
): Merged {
  const leaves = leavesOf(object);
  const before = held?.owners ?? new Map<string, Ownership>();
  const live = held?.object;
  const taken = new Set([...leaves].filter((leaf) => changes(at(live, leaf), at(object, leaf))));
  const owners = takeFrom(before, taken, manager);
  const kept = [...owners.others.values()].map((one) => one.leaves);

  let merged: KubeObject = live ?? { ...identityOf(object) };
  for (const leaf of before.get(manager)?.leaves ?? [])
    if (!leaves.has(leaf) && !kept.some((set) => coveredBy(leaf, set))) merged = dropLeaf(merged, leaf);
  for (const leaf of leaves) {
    const next = at(object, leaf);
    if (changes(at(merged, leaf), next)) merged = withValueAt(merged, pointerTokens(leaf), next);
  }

  const mine = before.get(manager);
  const unchanged = mine !== undefined && sameSet(mine.leaves, leaves) && taken.size === 0;
  const own: Ownership = unchanged ? mine : { at: now, operation: "Apply", leaves };
  return { object: merged, owners: new Map([...owners.others, [manager, own]]), conflicts: owners.conflicts };
}

/** A plain update (JSON merge patch, RFC 7386): what it changes belongs to `manager` alone from then on. */
export function mergeEdit(
  held: { object: KubeObject; owners: Owners },
  patch: Fields,
  manager: string,
  now: number,
): { object: KubeObject; owners: Owners } {
  const object = patched(held.object, patch) as KubeObject;
  const changed = new Set(
    [...leavesOf(patch as KubeObject), ...nullsIn(patch)].filter(
      (leaf) => !same(at(held.object, leaf), at(object, leaf)),
    ),
  );
  if (changed.size === 0) return held;
  const { others } = takeFrom(held.owners, changed, manager);
  const present = [...changed].filter((leaf) => at(object, leaf) !== undefined);
  const leaves = new Set([...(held.owners.get(manager)?.leaves ?? []), ...present]);
  return { object, owners: new Map([...others, [manager, { at: now, operation: "Update", leaves }]]) };
}

/** The leaves that `metadata.managedFields` shows for one manager. */
export function fieldsV1Of(leaves: Iterable<string>): Fields {
  const root: Fields = {};
  for (const leaf of leaves) {
    let at = root;
    for (const token of pointerTokens(leaf)) at = (at[`f:${token}`] ??= {}) as Fields;
  }
  return root;
}

/** What `metadata.managedFields` says, of entries as `fieldsV1Of` writes them; of two for one manager, both. */
export function ownersOf(managedFields: readonly unknown[]): Owners {
  const owners = new Map<string, Ownership>();
  for (const { manager, operation, at, fields } of entriesOf(managedFields)) {
    const leaves = new Set([...(owners.get(manager)?.leaves ?? []), ...leavesIn(fields, "")]);
    owners.set(manager, { at: at ?? 0, operation: operation === "Apply" ? "Apply" : "Update", leaves });
  }
  return owners;
}

function leavesIn(fields: Fields, pointer: string): string[] {
  return Object.entries(fields).flatMap(([key, inner]) => {
    const here = pointerTo(pointer, key.slice(2));
    return isFields(inner) && Object.keys(inner).length > 0 ? leavesIn(inner, here) : [here];
  });
}

function takeFrom(owners: Owners, taken: ReadonlySet<string>, manager: string) {
  const others = new Map<string, Ownership>();
  const conflicts: Merged["conflicts"] = [];
  for (const [name, one] of owners) {
    if (name === manager) continue;
    const lost = [...one.leaves].filter((leaf) => coveredBy(leaf, taken));
    conflicts.push(...lost.map((pointer) => ({ pointer, manager: name })));
    const leaves =
      lost.length === 0 ? one.leaves : new Set([...one.leaves].filter((leaf) => !lost.includes(leaf)));
    if (leaves.size > 0) others.set(name, { ...one, leaves });
  }
  return { others, conflicts };
}

/** True when a leaf of the set is this one, stands above it or beneath it. */
function coveredBy(leaf: string, leaves: ReadonlySet<string>): boolean {
  if (leaves.has(leaf)) return true;
  for (const one of leaves) if (one.startsWith(`${leaf}/`) || leaf.startsWith(`${one}/`)) return true;
  return false;
}

/** Removes a leaf and the objects that run empty by it. */
function dropLeaf(object: KubeObject, leaf: string): KubeObject {
  let out = object;
  for (let tokens = pointerTokens(leaf); tokens.length > 0; tokens = tokens.slice(0, -1)) {
    out = withValueAt(out, tokens, undefined);
    const above = valueAt(out, tokens.slice(0, -1));
    if (tokens.length <= 2 || !isFields(above) || Object.keys(above).length > 0) break;
  }
  return out;
}

const IDENTITY = new Set(["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"]);

function leavesOf(object: KubeObject): Set<string> {
  const found = new Set<string>();
  collect(object, "", found);
  for (const pointer of IDENTITY) found.delete(pointer);
  return found;
}

function collect(value: unknown, pointer: string, found: Set<string>): void {
  if (value === undefined || value === null) return;
  if (!isFields(value) || (pointer !== "" && Object.keys(value).length === 0)) return void found.add(pointer);
  for (const [name, member] of Object.entries(value)) collect(member, pointerTo(pointer, name), found);
}

function nullsIn(patch: Fields, pointer = ""): string[] {
  return Object.entries(patch).flatMap(([name, member]) => {
    const here = pointerTo(pointer, name);
    return member === null ? [here] : isFields(member) ? nullsIn(member, here) : [];
  });
}

function patched(value: unknown, patch: unknown): unknown {
  if (!isFields(patch)) return patch;
  const out: Fields = { ...(isFields(value) ? value : {}) };
  for (const [name, member] of Object.entries(patch))
    if (member === null) delete out[name];
    else out[name] = patched(out[name], member);
  return out;
}

function identityOf({ apiVersion, kind, metadata }: KubeObject): KubeObject {
  const { name, namespace } = metadata;
  return { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } };
}

function at(object: unknown, pointer: string): unknown {
  return valueAt(object, pointerTokens(pointer));
}

/** An empty object claims nothing of what others put into it. */
function changes(live: unknown, wanted: unknown): boolean {
  if (isFields(live) && isFields(wanted) && Object.keys(wanted).length === 0) return false;
  return !same(live, wanted);
}

function same(one: unknown, two: unknown): boolean {
  if (one === two) return true;
  return one !== undefined && two !== undefined && canonicalJson(one) === canonicalJson(two);
}

function sameSet(one: ReadonlySet<string>, two: ReadonlySet<string>): boolean {
  return one.size === two.size && [...one].every((item) => two.has(item));
}
