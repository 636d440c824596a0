/**
 * One object held against the shape that a cluster told of its kind. A value of another type is an error: no server takes
 * it. An unknown field, or a required one that is missing, is a warning: servers differ in what they pass over or fill in.
 */
import type { ApiSchemas, Shape } from "./api-schemas.ts";
import type { KubeObject } from "./object.ts";
import { isFields } from "./pointer.ts";

export interface Misfit {
  level: "error" | "warning";
  /** `spec.template.spec.containers[0].image: must be a text, is a number`; never a value. */
  message: string;
}

/** Of one object; more of them say nothing new. */
const MISFITS_MAX = 10;
const DEPTH_MAX = 60;

/** Nothing for a kind that the cluster did not tell of. */
export function misfitsOf(object: KubeObject, { kinds, types }: ApiSchemas): Misfit[] {
  const type = lookUp(kinds, `${object.apiVersion}/${object.kind}`);
  if (type === undefined) return [];
  const check = new Check(types);
  check.value(object, `#${type}`, "", 0);
  return check.misfits;
}

class Check {
  readonly #types: ApiSchemas["types"];
  readonly misfits: Misfit[] = [];

  constructor(types: ApiSchemas["types"]) {
    this.#types = types;
  }

  value(value: unknown, shape: Shape, path: string, depth: number): void {
    // Servers take null for absent.
    if (value === null || value === undefined || depth > DEPTH_MAX || this.misfits.length >= MISFITS_MAX)
      return;
    if (typeof shape === "string") {
      if (shape.startsWith("#")) {
        const named = lookUp(this.#types, shape.slice(1));
        return named === undefined ? undefined : this.value(value, named, path, depth + 1);
      }
      return this.#scalar(value, shape, path);
    }
    if ("list" in shape) return this.#list(value, shape.list, path, depth);
    if (!isFields(value)) return this.#wrong(path, "an object", value);
    const entries = Object.entries(value);
    if ("map" in shape)
      return entries.forEach(([key, one]) =>
        this.value(one, shape.map, `${path}[${JSON.stringify(key)}]`, depth + 1),
      );
    this.#fields(entries, shape, path, depth);
  }

  #fields(
    entries: readonly [string, unknown][],
    { fields, required = [] }: Extract<Shape, { fields: unknown }>,
    path: string,
    depth: number,
  ): void {
    for (const [field, one] of entries) {
      const inner = lookUp(fields, field);
      if (inner === undefined)
        this.#note("warning", within(path, field), "is no field that the cluster knows");
      else this.value(one, inner, within(path, field), depth + 1);
    }
    const there = new Set(entries.filter(([, one]) => one !== null).map(([field]) => field));
    for (const field of required)
      if (!there.has(field)) this.#note("warning", within(path, field), "is required and missing");
  }

  #list(value: unknown, inner: Shape, path: string, depth: number): void {
    if (!Array.isArray(value)) return this.#wrong(path, "a list", value);
    value.forEach((one, index) => this.value(one, inner, `${path}[${index}]`, depth + 1));
  }

  #scalar(value: unknown, shape: string, path: string): void {
    const expected = EXPECTED[shape];
    if (expected !== undefined && !expected.fits(value)) this.#wrong(path, expected.name, value);
  }

  #wrong(path: string, wanted: string, value: unknown): void {
    this.#note("error", path, `must be ${wanted}, is ${kindOf(value)}`);
  }

  #note(level: Misfit["level"], path: string, what: string): void {
    if (this.misfits.length < MISFITS_MAX) this.misfits.push({ level, message: `${path}: ${what}` });
  }
}

const isText = (value: unknown): boolean => typeof value === "string";
const EXPECTED: Readonly<Record<string, { name: string; fits: (value: unknown) => boolean } | undefined>> = {
  string: { name: "a text", fits: isText },
  integer: { name: "a whole number", fits: Number.isInteger },
  number: { name: "a number", fits: (value) => typeof value === "number" },
  boolean: { name: "true or false", fits: (value) => typeof value === "boolean" },
  quantity: { name: "a quantity", fits: (value) => isText(value) || typeof value === "number" },
  "int-or-string": {
    name: "a whole number or a text",
    fits: (value) => isText(value) || Number.isInteger(value),
  },
};

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return "a text";
  if (typeof value === "number") return Number.isInteger(value) ? "a whole number" : "a number";
  return typeof value === "boolean" ? "true or false" : "an object";
}

function within(path: string, field: string): string {
  return path === "" ? field : `${path}.${field}`;
}

/** A name of a cluster's choice must not find what every object has. */
function lookUp<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
