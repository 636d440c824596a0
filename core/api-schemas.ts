/**
 * The shapes of Kubernetes' built-in kinds, as an API server's own OpenAPI tells them, cut down to what manifests are held
 * against: fields, their types, which are required. Descriptions, formats, patterns, bounds and defaults are left out, and
 * so are `status` and custom kinds. Data alone: no code is made of it and no pattern run, as a cluster may be hostile.
 */
import * as z from "zod";
import { STANDARD_APIS } from "./capabilities.ts";
import { groupOf } from "./object.ts";
import { isFields, valueAt } from "./pointer.ts";

/** A scalar's name, or `#` and the name of a type. */
const SCALARS = ["any", "boolean", "integer", "int-or-string", "number", "quantity", "string"] as const;
export type Shape =
  | string
  | { list: Shape }
  | { map: Shape }
  | { fields: Record<string, Shape>; required?: string[] | undefined };

const NESTED_MAX = 8;
const TYPES_MAX = 5_000;
const FIELDS_MAX = 500;
const name = z.string().min(1).max(300);
const leaf = z.union([z.enum(SCALARS), z.string().startsWith("#").max(300)]);

let shape: z.ZodType<Shape> = leaf;
for (let depth = 0; depth < NESTED_MAX; depth++) {
  const inner = shape;
  shape = z.union([
    leaf,
    z.strictObject({ list: inner }),
    z.strictObject({ map: inner }),
    z.strictObject({ fields: z.record(name, inner), required: z.array(name).max(FIELDS_MAX).optional() }),
  ]);
}

export const apiSchemasSchema = z.strictObject({
  /** The type of each kind: `apps/v1/Deployment`. */
  kinds: z
    .record(name, name)
    .refine((kinds) => Object.keys(kinds).length <= TYPES_MAX, "holds too many kinds"),
  types: z
    .record(name, shape)
    .refine((types) => Object.keys(types).length <= TYPES_MAX, "holds too many types"),
});
export type ApiSchemas = z.infer<typeof apiSchemasSchema>;

const BUILT_IN_GROUPS: ReadonlySet<string> = new Set(
  STANDARD_APIS.filter((api) => api === "v1" || /^[^/]+\/v[^/]+$/.test(api)).map(groupOf),
);

/** Of a path in the index of `/openapi/v3`: `api/v1`, `apis/apps/v1`. */
export function isBuiltIn(path: string): boolean {
  const [root, group, version, ...rest] = path.split("/");
  if (root === "api") return group === "v1" && version === undefined;
  return (
    root === "apis" &&
    group !== "" &&
    version !== undefined &&
    rest.length === 0 &&
    BUILT_IN_GROUPS.has(group ?? "")
  );
}

const PREFIX = "#/components/schemas/";

/** Of one document, which is whole in itself. What cannot be read is `any`. */
export function apiSchemas(document: unknown): ApiSchemas {
  const found = new Map(entriesOf(valueAt(document, ["components", "schemas"])));
  const kinds = new Map([...found].flatMap(([type, schema]) => kindsOf(schema).map((kind) => [kind, type])));
  const types = new Map<string, Shape>();
  const left = [...new Set(kinds.values())];
  for (let type = left.pop(); type !== undefined; type = left.pop()) {
    if (types.has(type)) continue;
    types.set(
      type,
      shapeOf(found.get(type), (named) => left.push(named)),
    );
  }
  for (const type of new Set(kinds.values())) types.set(type, withoutStatus(types.get(type) ?? "any"));
  return { kinds: sortedRecord(kinds), types: sortedRecord(types) };
}

/** Of several documents of one server: what stands in more than one of them is the same. */
export function mergeSchemas(a: ApiSchemas, b: ApiSchemas): ApiSchemas {
  return {
    kinds: sortedRecord(Object.entries({ ...a.kinds, ...b.kinds })),
    types: sortedRecord(Object.entries({ ...a.types, ...b.types })),
  };
}

export const NO_SCHEMAS: ApiSchemas = { kinds: {}, types: {} };

/** Options and events of watches name the kinds of every group: they are no kinds to be applied. */
function kindsOf(schema: unknown): string[] {
  const named = valueAt(schema, ["x-kubernetes-group-version-kind"]);
  if (!Array.isArray(named) || named.length !== 1) return [];
  const [group, version, kind] = ["group", "version", "kind"].map((field) => valueAt(named[0], [field]));
  if (typeof kind !== "string" || kind.endsWith("List") || !BUILT_IN_GROUPS.has(String(group))) return [];
  return [group === "" ? `${String(version)}/${kind}` : `${String(group)}/${String(version)}/${kind}`];
}

function shapeOf(schema: unknown, refer: (type: string) => void, depth: number = 0): Shape {
  if (!isFields(schema) || depth > NESTED_MAX - 2) return "any";
  const inner = (value: unknown): Shape => shapeOf(value, refer, depth + 1);
  const [only, ...others] = Array.isArray(schema["allOf"]) ? (schema["allOf"] as unknown[]) : [schema];
  const ref = others.length === 0 ? valueAt(only, ["$ref"]) : undefined;
  if (typeof ref === "string" && ref.startsWith(PREFIX)) {
    refer(ref.slice(PREFIX.length));
    return `#${ref.slice(PREFIX.length)}`;
  }
  if (schema["format"] === "int-or-string" || schema["x-kubernetes-int-or-string"] === true)
    return "int-or-string";
  if (Array.isArray(schema["oneOf"])) return eitherOf(schema["oneOf"]);
  const { type, properties, additionalProperties, items, required } = schema;
  if (type === "array") return { list: inner(items) };
  if (type === "string" || type === "integer" || type === "number" || type === "boolean") return type;
  if (type !== "object" || schema["x-kubernetes-preserve-unknown-fields"] === true) return "any";
  if (isFields(additionalProperties)) return { map: inner(additionalProperties) };
  if (!isFields(properties)) return "any";
  const fields = sortedRecord(entriesOf(properties).map(([field, value]) => [field, inner(value)] as const));
  const needed = Array.isArray(required) ? required.filter((field) => typeof field === "string").sort() : [];
  return { fields, ...(needed.length === 0 ? {} : { required: needed }) };
}

/** Kubernetes' quantities are told as a text or a number. */
function eitherOf(options: readonly unknown[]): Shape {
  const types = options.map((option) => String(valueAt(option, ["type"]))).sort();
  return types.join() === "number,string" ? "quantity" : "any";
}

/** Manifests may hold one, and servers pass over it. */
function withoutStatus(kind: Shape): Shape {
  if (typeof kind === "string" || !("fields" in kind)) return kind;
  return { ...kind, fields: { ...kind.fields, status: "any" } };
}

function entriesOf(value: unknown): [string, unknown][] {
  return isFields(value) ? Object.entries(value) : [];
}

function sortedRecord<T>(entries: Iterable<readonly [string, T]>): Record<string, T> {
  return Object.fromEntries([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}
