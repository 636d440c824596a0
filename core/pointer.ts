/**
 * JSON pointers (RFC 6901) into plain data. Reading never throws; writing copies what it changes and shares the
 * rest, so a caller's object stays as it was.
 */

export type Fields = Record<string, unknown>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `/a~1b/0` -> ["a/b", "0"]. */
export function pointerTokens(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** `parent` with one token more. */
export function pointerTo(parent: string, token: string | number): string {
  return `${parent}/${String(token).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** True when `pointer` is `ancestor` or stands beneath it. */
export function isAtOrBelow(pointer: string, ancestor: string): boolean {
  return pointer === ancestor || pointer.startsWith(`${ancestor}/`);
}

/** Undefined where the path leads nowhere. */
export function valueAt(value: unknown, tokens: readonly string[]): unknown {
  let at = value;
  for (const token of tokens) {
    if (Array.isArray(at)) at = isIndex(token) ? at[Number(token)] : undefined;
    else if (isFields(at)) at = Object.hasOwn(at, token) ? at[token] : undefined;
    else return undefined;
  }
  return at;
}

/**
 * A copy with `next` at the path, or without the path when `next` is undefined. Missing objects on the way are
 * made; a list is entered only where the item exists.
 */
export function withValueAt<T>(value: T, tokens: readonly string[], next: unknown): T {
  return put(value, tokens, next) as T;
}

function put(value: unknown, [token, ...rest]: readonly string[], next: unknown): unknown {
  if (token === undefined) return next;
  if (Array.isArray(value)) return putItem(value, token, rest, next);
  const fields = isFields(value) ? value : {};
  const held = Object.hasOwn(fields, token) ? fields[token] : undefined;
  if (next === undefined && held === undefined) return value;
  const member = put(held, rest, next);
  const { [token]: _dropped, ...others } = fields;
  return member === undefined ? others : { ...fields, [token]: member };
}

function putItem(list: unknown[], token: string, rest: readonly string[], next: unknown): unknown[] {
  const index = Number(token);
  if (!isIndex(token) || index >= list.length) return list;
  const item = put(list[index], rest, next);
  return item === undefined ? list.toSpliced(index, 1) : list.with(index, item);
}

function isIndex(token: string): boolean {
  return /^(0|[1-9]\d{0,8})$/.test(token);
}
