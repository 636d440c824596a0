/**
 * Two versions of plain data, field by field: what an audit record keeps of an edit. Values are JSON text, cut where
 * they are long; nothing is interpreted, so nothing is called equal that is not.
 */
import * as z from "zod";
import { canonicalJson } from "./digest.ts";
import { isFields, pointerTo } from "./pointer.ts";

export const VALUE_CHARS_MAX = 300;
export const PATH_CHARS_MAX = 500;

export const fieldChangeSchema = z.object({
  /** JSON pointer. */
  path: z.string(),
  /** JSON text; absent where the field is. */
  before: z.string().optional(),
  after: z.string().optional(),
});
export type FieldChange = z.infer<typeof fieldChangeSchema>;

/** In order of the names. Lists are one value: where items were moved, their indexes would say nothing. */
export function fieldChanges(before: unknown, after: unknown): FieldChange[] {
  return differing(before, after, "");
}

function differing(before: unknown, after: unknown, path: string): FieldChange[] {
  if (isFields(before) && isFields(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return names.flatMap((name) => differing(before[name], after[name], pointerTo(path, name)));
  }
  const [was, is] = [textOf(before), textOf(after)];
  if (was === is) return [];
  return [
    {
      path: cut(path, PATH_CHARS_MAX),
      ...(was === undefined ? {} : { before: cut(was, VALUE_CHARS_MAX) }),
      ...(is === undefined ? {} : { after: cut(is, VALUE_CHARS_MAX) }),
    },
  ];
}

function textOf(value: unknown): string | undefined {
  return value === undefined ? undefined : canonicalJson(value);
}

function cut(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1)}…`;
}
