/** Conditions and updates over one item. An item is frozen; an update makes another one. */
import { assertNever } from "#core/assert.ts";
import type { Item } from "../../../functions/store/db.ts";
import { ValidationError } from "./errors.ts";
import type { Action, Condition, Operand, Path } from "./expression.ts";

export function holds(condition: Condition, item: Item | undefined): boolean {
  switch (condition.kind) {
    case "and":
      return holds(condition.left, item) && holds(condition.right, item);
    case "or":
      return holds(condition.left, item) || holds(condition.right, item);
    case "exists":
      return at(item, condition.path) !== undefined;
    case "absent":
      return at(item, condition.path) === undefined;
    case "begins_with":
      return begins(at(item, condition.path), valueOf(condition.prefix, item));
    case "compare":
      return compare(condition.by, valueOf(condition.left, item), valueOf(condition.right, item));
    default:
      return assertNever(condition);
  }
}

/** All of it reads the item as it was. */
export function updated(actions: readonly Action[], item: Item): Item {
  const next = structuredClone(item);
  for (const action of actions) {
    if (action.kind === "remove") delete parentOf(next, action.path)[last(action.path)];
    else parentOf(next, action.path)[last(action.path)] = newValue(action, item);
  }
  return next;
}

function newValue(action: Exclude<Action, { kind: "remove" }>, item: Item): unknown {
  if (action.kind === "set") {
    const value = valueOf(action.to, item);
    if (value === undefined)
      throw new ValidationError(`${action.path.join(".")} is set to what is not there`);
    return structuredClone(value);
  }
  const [before, by] = [at(item, action.path) ?? 0, valueOf(action.by, item)];
  if (typeof before !== "number" || typeof by !== "number")
    throw new ValidationError(`ADD to ${action.path.join(".")}: only numbers are known here`);
  return before + by;
}

function parentOf(item: Item, path: Path): Record<string, unknown> {
  let parent: unknown = item;
  for (const name of path.slice(0, -1)) parent = isMap(parent) ? parent[name] : undefined;
  if (!isMap(parent)) throw new ValidationError(`the path ${path.join(".")} leads nowhere`);
  return parent;
}

const last = (path: Path): string => path.at(-1) ?? "";

function at(item: Item | undefined, path: Path): unknown {
  let value: unknown = item;
  for (const name of path) value = isMap(value) ? value[name] : undefined;
  return value;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function valueOf(operand: Operand, item: Item | undefined): unknown {
  if (operand.kind === "value") return operand.value;
  if (operand.kind === "path") return at(item, operand.path);
  return at(item, operand.path) ?? valueOf(operand.other, item);
}

function begins(value: unknown, prefix: unknown): boolean {
  return typeof value === "string" && typeof prefix === "string" && value.startsWith(prefix);
}

/** What is absent compares as false, whatever is asked; so do values of two types, apart from `<>`. */
function compare(by: string, left: unknown, right: unknown): boolean {
  if (left === undefined || right === undefined) return by === "<>" && left !== right;
  if (by === "=" || by === "<>") return (JSON.stringify(left) === JSON.stringify(right)) === (by === "=");
  const order = orderOf(left, right);
  if (order === undefined) return false;
  if (by === "<") return order < 0;
  if (by === "<=") return order <= 0;
  return by === ">" ? order > 0 : order >= 0;
}

function orderOf(left: unknown, right: unknown): number | undefined {
  if (typeof left === "number" && typeof right === "number") return left - right;
  if (typeof left === "string" && typeof right === "string") return compareBytes(left, right);
  return undefined;
}

/** DynamoDB orders texts by their bytes. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
