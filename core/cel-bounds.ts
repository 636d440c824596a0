/**
 * What an expression may say that is evaluated inside of an agent, where one process keeps a whole cluster: no value that
 * it makes can be much larger than the object that it looks at, so that only its time is left to be bounded. A loop keeps
 * nothing that it made (`map` would), texts are not taken apart or put together in bulk, and a sum is never summed again.
 */
import { partsOf, type TreeRule } from "./cel.ts";

export const BOUNDED_LIMITS = { maxAstNodes: 300, maxDepth: 30, maxListElements: 50, maxMapEntries: 20 };

const SUMS_MAX = 10;

const MACROS = ["all", "exists", "exists_one", "filter", "has", "bind"];
const OPTIONALS = ["of", "none", "or", "orValue", "hasValue", "value"];
const CONVERSIONS = [
  "bool",
  "double",
  "dyn",
  "int",
  "uint",
  "string",
  "type",
  "size",
  "timestamp",
  "duration",
];
const TEXTS = ["startsWith", "endsWith", "contains", "matches", "lowerAscii", "upperAscii", "trim"];
const PLACES = ["indexOf", "lastIndexOf", "substring"];
const TIMES = ["getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours"];
const CLOCKS = ["getMilliseconds", "getMinutes", "getMonth", "getSeconds"];
const FUNCTIONS: ReadonlySet<string> = new Set(
  [MACROS, OPTIONALS, CONVERSIONS, TEXTS, PLACES, TIMES, CLOCKS].flat(),
);

export const bounded: TreeRule = (tree) => {
  const sums = { count: 0 };
  const refusal = walk(tree, false, sums);
  if (refusal !== undefined) return refusal;
  return sums.count > SUMS_MAX ? `adds ${sums.count} times, at most ${SUMS_MAX} are allowed` : undefined;
};

/** `bound`: it becomes a variable of `cel.bind`, which may stand in more than one place. */
function walk(node: unknown, bound: boolean, sums: { count: number }): string | undefined {
  if (Array.isArray(node)) return firstOf(node, (one) => walk(one, bound, sums));
  const { op, args } = partsOf(node);
  if (op === "+") {
    sums.count += 1;
    if (bound) return "adds within what cel.bind names: add where the name is used";
  }
  const name = op === "call" || op === "rcall" ? String(args[0]) : undefined;
  if (name !== undefined && !FUNCTIONS.has(name))
    return `${name}() is not spoken here: the agent evaluates what cannot grow (docs/health.md)`;
  if (name !== "bind") return firstOf(args, (one) => walk(one, bound, sums));
  const [variable, value, body]: unknown[] = Array.isArray(args[2]) ? args[2] : [];
  return walk([variable, value], true, sums) ?? walk(body, bound, sums);
}

function firstOf(
  list: readonly unknown[],
  refusalOf: (one: unknown) => string | undefined,
): string | undefined {
  for (const one of list) {
    const refusal = refusalOf(one);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
