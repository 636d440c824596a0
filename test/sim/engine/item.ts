/** Items as the engine keeps them: what DynamoDB can hold, copied and frozen, so that nobody changes one by reference. */
import type { Key } from "../../../functions/store/table.ts";
import { ValidationError } from "./errors.ts";

export function keyOf(given: unknown): Key {
  const { pk, sk, ...rest } = (given ?? {}) as Record<string, unknown>;
  if (
    typeof pk !== "string" ||
    pk === "" ||
    typeof sk !== "string" ||
    sk === "" ||
    Object.keys(rest).length > 0
  )
    throw new ValidationError(`not a key: ${JSON.stringify(given)}`);
  return { pk, sk };
}

/** Undefined fields are left out, as the SDK is told to; what DynamoDB has no form for is refused. */
export function stored(value: unknown): unknown {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) return Object.freeze(value.filter((one) => one !== undefined).map(stored));
  if (
    typeof value !== "object" ||
    (Object.getPrototypeOf(value) !== Object.prototype && Object.getPrototypeOf(value) !== null)
  )
    throw new ValidationError(`a ${typeof value} that cannot be kept`);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.freeze(Object.fromEntries(fields.map(([name, field]) => [name, stored(field)])));
}

/** Capacity units, each begun `bytes` counted; what is absent costs one. */
export function unitsOf(items: readonly unknown[], bytes: number): number {
  const sizes = items.map((item) =>
    Math.max(1, Math.ceil(Buffer.byteLength(JSON.stringify(item ?? "")) / bytes)),
  );
  return sizes.reduce((sum, one) => sum + one, 0);
}
