/**
 * Who owns which field, read from `metadata.managedFields`. `fieldsV1` is a tree of `f:<field>`, `k:<keys of a list
 * item>`, `v:<value of a set>`; here it becomes JSON pointers into the live object it came with.
 */
import { isAtOrBelow, isFields, pointerTo, type Fields } from "./pointer.ts";
import type { KubeObject } from "./object.ts";

/** The field manager of everything Fairlead applies. */
export const MANAGER = "fairlead";

export interface ManagerEntry {
  manager: string;
  operation: string;
  /** `status` for what came through the status subresource, "" for the object itself. */
  subresource: string;
  /** Milliseconds since 1970; undefined when the entry has no time. */
  at: number | undefined;
  fields: Fields;
}

/** Entries without a manager or fields are passed over. */
export function managersOf(live: KubeObject): ManagerEntry[] {
  const list = live.metadata["managedFields"];
  return Array.isArray(list) ? entriesOf(list) : [];
}

export function entriesOf(list: readonly unknown[]): ManagerEntry[] {
  return list.filter(isFields).flatMap((entry) => {
    const { manager, fieldsV1, operation, subresource, time } = entry;
    if (typeof manager !== "string" || !isFields(fieldsV1)) return [];
    const at = typeof time === "string" ? Date.parse(time) : Number.NaN;
    return [
      {
        manager,
        operation: typeof operation === "string" ? operation : "",
        subresource: typeof subresource === "string" ? subresource : "",
        at: Number.isNaN(at) ? undefined : at,
        fields: fieldsV1,
      },
    ];
  });
}

/** Every owned pointer, leaves only; list items stand under the index they have in `live`. */
function ownedPointers(entry: ManagerEntry, live: KubeObject): string[] {
  const found: string[] = [];
  walk(entry.fields, live, "", found);
  return found;
}

function walk(fields: Fields, value: unknown, pointer: string, found: string[]): void {
  const before = found.length;
  for (const [key, inner] of Object.entries(fields)) {
    const token = key === "." ? undefined : tokenOf(key, value);
    if (token === undefined) continue;
    const member: unknown = Array.isArray(value)
      ? value[Number(token)]
      : isFields(value)
        ? value[token]
        : undefined;
    walk(isFields(inner) ? inner : {}, member, pointerTo(pointer, token), found);
  }
  if (found.length === before && pointer !== "") found.push(pointer);
}

/** Where a key of `fieldsV1` stands in `value`: a member's name, an item's index; undefined where nowhere. */
export function tokenOf(key: string, value: unknown): string | undefined {
  const rest = key.slice(2);
  if (key.startsWith("f:")) return rest;
  if (!Array.isArray(value)) return undefined;
  if (key.startsWith("i:")) return rest;
  const wanted = parseKey(rest);
  const index = value.findIndex((item) =>
    key.startsWith("k:") && isFields(wanted)
      ? isFields(item) && Object.entries(wanted).every(([name, part]) => (item[name] ?? part) === part)
      : item === wanted,
  );
  return index < 0 ? undefined : String(index);
}

function parseKey(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A key this reader does not know owns nothing that it could name.
    return undefined;
  }
}

/** True when a manager other than ours owns `pointer`, something beneath it, or the whole it stands in. */
export function ownedByOthers(live: KubeObject, pointer: string): boolean {
  return managersOf(live).some(
    (entry) =>
      entry.manager !== MANAGER && ownedPointers(entry, live).some((owned) => touches(owned, pointer)),
  );
}

function touches(owned: string, pointer: string): boolean {
  return isAtOrBelow(owned, pointer) || isAtOrBelow(pointer, owned);
}

/** `by` is a manager's name (`kubectl-edit`), `at` ms since 1970. */
export interface Editor {
  by?: string;
  at?: number;
}

/**
 * Who changed one of `paths` last: the newest manager but us that owns one of them. Empty when nobody does, as
 * when a field was removed: a removal leaves no owner behind.
 */
export function lastEditor(live: KubeObject, paths: readonly string[]): Editor {
  let newest: ManagerEntry | undefined;
  for (const entry of managersOf(live)) {
    if (entry.manager === MANAGER || entry.subresource === "status") continue;
    if (newest !== undefined && (entry.at ?? 0) <= (newest.at ?? 0)) continue;
    if (ownedPointers(entry, live).some((owned) => paths.some((path) => touches(owned, path))))
      newest = entry;
  }
  if (newest === undefined) return {};
  return { by: newest.manager, ...(newest.at === undefined ? {} : { at: newest.at }) };
}
