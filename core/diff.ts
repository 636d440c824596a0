/**
 * What a live object and its bundle differ in, field by field. The truth is the server's own answer to a dry-run
 * apply; where there is none, what the bundle declares is held against the live object. Status, bookkeeping and
 * mere ownership are never a difference, and no value of a Secret leaves this file.
 */
import type { SyncOptions } from "./app.ts";
import { canonicalJson } from "./digest.ts";
import { ownedByOthers } from "./managed.ts";
import type { KubeObject } from "./object.ts";
import {
  isAtOrBelow,
  isFields,
  pointerTo,
  pointerTokens,
  valueAt,
  withValueAt,
  type Fields,
} from "./pointer.ts";
import { isSecret, withEncodedData } from "./secret.ts";
import type { TakeOver } from "./takeover.ts";

export { lastEditor } from "./managed.ts";

export type IgnoreRules = SyncOptions["ignore"];

/** `before` is live, `after` what an apply would make of it; JSON text, absent where the field is. */
export interface FieldChange {
  /** JSON pointer; an item of a list has the index it has in the live object, a new one that of the answer. */
  path: string;
  before?: string;
  after?: string;
}

const CHANGE_TEXT_CHARS_MAX = 200;
/** More changes than this in one object are as good as all. */
const CHANGES_MAX = 100;
const HIDDEN = "(hidden)";

const BOOKKEEPING = [
  "managedFields",
  "resourceVersion",
  "generation",
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "selfLink",
];

/**
 * `applied` is the answer to a dry-run apply of `bundle`; undefined where the server refuses dry-runs, and then
 * only declared fields are compared (another spelling of the same quantity shows as a change). At most
 * `CHANGES_MAX` changes, sorted as the fields stand.
 */
export function compare(
  bundle: KubeObject,
  live: KubeObject,
  applied: KubeObject | undefined,
  ignore: IgnoreRules,
): FieldChange[] {
  const walk: Walk = {
    ignored: pointersFor(bundle, ignore),
    declaredOnly: applied === undefined,
    found: [],
  };
  differ(comparable(live), comparable(applied ?? bundle), "", walk);
  return shown(walk, isSecret(live));
}

function shown({ found }: Walk, secret: boolean): FieldChange[] {
  const show = secret ? showSecret : showPlain;
  return found.map(({ path, before, after }) => ({
    path,
    ...(before === undefined ? {} : { before: show(path, before) }),
    ...(after === undefined ? {} : { after: show(path, after) }),
  }));
}

/**
 * The same for two texts of one object, as bundles hold them: nothing is bookkeeping there, so the API's version counts
 * as well. A Secret's `stringData` is taken as the `data` that the server makes of it.
 */
export function changesBetween(before: KubeObject, after: KubeObject): FieldChange[] {
  const walk: Walk = { ignored: [], declaredOnly: false, found: [] };
  differ(withEncodedData(before), withEncodedData(after), "", walk);
  return shown(walk, isSecret(before) || isSecret(after));
}

function comparable(object: KubeObject): Fields {
  const { status: _status, apiVersion: _version, metadata, ...rest } = withEncodedData(object);
  const kept = Object.fromEntries(Object.entries(metadata).filter(([name]) => !BOOKKEEPING.includes(name)));
  return { ...rest, metadata: kept };
}

interface Walk {
  ignored: readonly string[];
  declaredOnly: boolean;
  found: { path: string; before: unknown; after: unknown }[];
}

function differ(before: unknown, after: unknown, path: string, walk: Walk): void {
  if (walk.found.length >= CHANGES_MAX || walk.ignored.some((pointer) => isAtOrBelow(path, pointer))) return;
  if (walk.declaredOnly && (after === undefined || after === null)) return;
  if (before === after) return;
  if (Array.isArray(before) && Array.isArray(after)) return differLists(before, after, path, walk);
  if (isFields(before) && isFields(after)) return differFields(before, after, path, walk);
  // A whole that comes or goes is one change, unless a part of it is ignored.
  if (walk.ignored.some((pointer) => isAtOrBelow(pointer, path))) {
    if (before === undefined && isFields(after)) return differFields({}, after, path, walk);
    if (after === undefined && isFields(before)) return differFields(before, {}, path, walk);
  }
  walk.found.push({ path, before, after });
}

function differFields(before: Fields, after: Fields, path: string, walk: Walk): void {
  const names = walk.declaredOnly
    ? Object.keys(after)
    : new Set([...Object.keys(before), ...Object.keys(after)]);
  for (const name of names) differ(own(before, name), own(after, name), pointerTo(path, name), walk);
}

/** A field named `constructor` is not there just because every object has one. */
function own(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** Items that all bear a name of their own are paired by it, as the server merges them; others by index. */
function differLists(before: unknown[], after: unknown[], path: string, walk: Walk): void {
  const was = namesIn(before);
  const will = namesIn(after);
  if (was === undefined || will === undefined) return differByIndex(before, after, path, walk);
  for (const [index, name] of was.entries()) {
    const match = will.indexOf(name);
    differ(before[index], match < 0 ? undefined : after[match], pointerTo(path, index), walk);
  }
  for (const [index, name] of will.entries())
    if (!was.includes(name)) differ(undefined, after[index], pointerTo(path, index), walk);
  const stays = was.filter((name) => will.includes(name));
  const comes = will.filter((name) => was.includes(name));
  if (stays.join() !== comes.join()) differ(stays.join(", "), comes.join(", "), path, walk);
}

function differByIndex(before: unknown[], after: unknown[], path: string, walk: Walk): void {
  if (walk.declaredOnly && before.length !== after.length)
    return void walk.found.push({ path, before, after });
  for (let index = 0; index < Math.max(before.length, after.length); index++)
    differ(before[index], after[index], pointerTo(path, index), walk);
}

function namesIn(list: readonly unknown[]): string[] | undefined {
  const names = list.map((item) => (isFields(item) ? item["name"] : undefined));
  const unique = new Set(names).size === names.length;
  return unique && names.every((name) => typeof name === "string") ? names : undefined;
}

function showPlain(_path: string, value: unknown): string {
  const text = canonicalJson(value);
  return text.length <= CHANGE_TEXT_CHARS_MAX ? text : `${text.slice(0, CHANGE_TEXT_CHARS_MAX - 1)}…`;
}

/** Annotations too: `kubectl apply` keeps a copy of the data in one. */
function showSecret(path: string, value: unknown): string {
  const open = ["/type", "/immutable", "/metadata/labels"].some((pointer) => isAtOrBelow(path, pointer));
  return open ? showPlain(path, value) : HIDDEN;
}

/** What people's tools have set and the bundle does not name, as changes; values of a Secret stay hidden. */
export function goingWith(take: TakeOver | undefined, live: KubeObject): FieldChange[] {
  const show = isSecret(live) ? showSecret : showPlain;
  const shown = withEncodedData(live);
  return (take?.undeclared ?? []).slice(0, CHANGES_MAX).flatMap((path) => {
    const before = valueAt(shown, pointerTokens(path));
    return before === undefined ? [] : [{ path, before: show(path, before) }];
  });
}

/** What of this object is not ours to compare. */
export function pointersFor(object: KubeObject, rules: IgnoreRules): string[] {
  return rules.flatMap((rule) =>
    rule.kinds === undefined || rule.kinds.includes(object.kind) ? rule.paths : [],
  );
}

/**
 * The object as it is to be applied beside a live one: an ignored field that another manager owns is left out,
 * and one that nobody else owns gets the live value, as leaving it out would remove it. Without a live object
 * everything is applied: the bundle says how it starts.
 */
export function withoutIgnored(
  object: KubeObject,
  rules: IgnoreRules,
  live: KubeObject | undefined,
): KubeObject {
  if (live === undefined) return object;
  let out = object;
  for (const pointer of pointersFor(object, rules)) {
    const tokens = pointerTokens(pointer);
    if (valueAt(object, tokens) === undefined) continue;
    const held = ownedByOthers(live, pointer) ? undefined : valueAt(live, tokens);
    out = withValueAt(out, tokens, held);
  }
  return out;
}
