/**
 * What is wrong with a resource, in words that name the path, what stands there and the fix. Everything quoted from the
 * resource is bounded: an error never grows with what was sent.
 */
import * as z from "zod";
import { assertNever } from "./assert.ts";
import { quoted } from "./text-document.ts";
import { nearest } from "./nearest.ts";

export interface IssueWords {
  /** Where to look: for an unknown field the field itself. */
  path: PropertyKey[];
  words: string;
}

type Issue = z.core.$ZodIssue;

const NAMES_MAX = 20;

/** One for each fault; of a choice between shapes, what is wrong with the nearest one. */
export function issueWords(
  schema: z.ZodType,
  value: unknown,
  issue: Issue,
  base: PropertyKey[] = [],
): IssueWords[] {
  const path = [...base, ...issue.path];
  const given = valueAt(value, path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.slice(0, NAMES_MAX).map((key) => ({
        path: [...path, key],
        words: unknownField(key, fieldsAt(schema, path)),
      }));
    case "invalid_type":
      return [{ path, words: typeWords(issue.expected, given) }];
    case "invalid_value":
      return [
        {
          path,
          words: `must be ${oneOf(issue.values.map(String))}, ${instead(given)}${hint(given, issue.values)}`,
        },
      ];
    case "invalid_union":
      return unionWords(schema, value, issue, path);
    case "invalid_key":
    case "invalid_element":
      return issue.issues.slice(0, 1).map(({ message }) => ({ path, words: message }));
    case "too_big":
    case "too_small":
      return [{ path, words: boundWords(issue, given) }];
    case "invalid_format":
    case "not_multiple_of":
    case "custom":
      return [{ path, words: issue.message.replace(/^Invalid string: /, "") }];
    default:
      return assertNever(issue);
  }
}

function unionWords(
  schema: z.ZodType,
  value: unknown,
  issue: Extract<Issue, { code: "invalid_union" }>,
  path: PropertyKey[],
): IssueWords[] {
  const given = valueAt(value, path);
  // What stands there is of none of the kinds at all, or would be, but for one shape.
  const near = issue.errors.filter(
    (issues) => !issues.some((one) => one.code === "invalid_type" && one.path.length === 0),
  );
  const [only] = near;
  if (near.length === 1 && only !== undefined)
    return only.slice(0, 3).flatMap((one) => issueWords(schema, value, one, path));
  const fields = fieldsAt(schema, path);
  const unknown = isMapping(given) ? Object.keys(given).find((key) => !fields.includes(key)) : undefined;
  if (unknown !== undefined && fields.length > 0)
    return [{ path: [...path, unknown], words: unknownField(unknown, fields) }];
  if (fields.length > 0)
    return [{ path, words: `must be ${shapesAt(schema, path).join(" or ")}, ${insteadOf(given)}` }];
  const words = issue.errors.flatMap((issues) => {
    const [first] = issues.flatMap((one) => issueWords(schema, value, one, path));
    return first === undefined ? [] : [first.words];
  });
  return [{ path, words: [...new Set(words)].join(", or ") }];
}

function insteadOf(given: unknown): string {
  return isMapping(given) ? `not { ${named(Object.keys(given))} }` : instead(given);
}

function boundWords(issue: Extract<Issue, { code: "too_big" | "too_small" }>, given: unknown): string {
  const has = typeof given === "string" || Array.isArray(given) ? `, has ${given.length}` : "";
  if (!/^Too (big|small)/.test(issue.message)) return `${issue.message}${has}`;
  const bound = issue.code === "too_big" ? `at most ${issue.maximum}` : `at least ${issue.minimum}`;
  if (issue.origin === "string") return `must have ${bound} characters${has}`;
  if (issue.origin === "array") return `must have ${bound} items${has}`;
  return `must be ${bound}, ${instead(given)}`;
}

const TYPES: Record<string, string> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
};

function typeWords(expected: string, given: unknown): string {
  const wanted = TYPES[expected] ?? expected;
  if (given === undefined) return `is missing: it must be ${wanted}`;
  const quotes = expected === "string" && (typeof given === "number" || typeof given === "boolean");
  return `must be ${wanted}, ${instead(given)}${quotes ? ": put it in quotes" : ""}`;
}

function instead(given: unknown): string {
  if (given === undefined) return "and is missing";
  if (given === null) return "not empty";
  if (Array.isArray(given)) return "not a list";
  if (typeof given === "object") return "not a mapping";
  if (typeof given === "string") return `not the text ${quoted(given)}`;
  return `not ${JSON.stringify(given)}`;
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? (values[0] ?? "") : `one of ${named(values)}`;
}

function hint(given: unknown, values: readonly unknown[]): string {
  const near = typeof given === "string" ? nearest(given, values.map(String)) : undefined;
  return near === undefined ? "" : `: did you mean ${quoted(near)}?`;
}

function unknownField(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  const fix =
    near !== undefined
      ? `did you mean ${quoted(near)}?`
      : known.length === 0
        ? "take it out"
        : `known here: ${named(known)}`;
  return `unknown field ${quoted(key)}: ${fix}`;
}

function named(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_MAX).map((name) => (name.length > 60 ? `${name.slice(0, 60)}…` : name));
  return `${shown.join(", ")}${names.length > NAMES_MAX ? ", …" : ""}`;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const step of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Record<PropertyKey, unknown>)[step];
  }
  return at;
}

/** Names of the fields that `schema` knows below `path`; none where any name is allowed. */
function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const names = objectsAt(schema, path).flatMap((one) => Object.keys(one.shape));
  return [...new Set(names)].toSorted();
}

/** `{ branch }`, `{ tag }`: what a choice allows, by the fields that must be there. */
function shapesAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  return objectsAt(schema, path).map(({ shape }) => {
    const needed = Object.entries(shape).filter(
      ([, field]) => !(field as z.ZodType).safeParse(undefined).success,
    );
    return `{ ${needed.map(([name]) => name).join(", ")} }`;
  });
}

function objectsAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodObject[] {
  const found = path.reduce<z.ZodType[]>(
    (at, step) => at.flatMap((one) => childrenOf(one, step)),
    shapesOf(schema),
  );
  return found.filter((one) => one instanceof z.ZodObject);
}

function childrenOf(schema: z.ZodType, step: PropertyKey): z.ZodType[] {
  if (schema instanceof z.ZodObject) {
    const child = (schema.shape as Record<string, z.ZodType | undefined>)[String(step)];
    return child === undefined ? [] : shapesOf(child);
  }
  if (schema instanceof z.ZodArray) return shapesOf(schema.element as z.ZodType);
  if (schema instanceof z.ZodRecord) return shapesOf(schema.valueType as z.ZodType);
  return [];
}

/** Without defaults, options and transforms; every branch of a choice. */
function shapesOf(schema: z.ZodType): z.ZodType[] {
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((one) => shapesOf(one as z.ZodType));
  if (schema instanceof z.ZodPipe) return shapesOf(schema.in as z.ZodType);
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional)
    return shapesOf(schema.unwrap() as z.ZodType);
  return [schema];
}
