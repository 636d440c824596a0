/**
 * CEL as Fairlead speaks it: no function that reaches anything, expressions bounded in size and depth. Compiling runs
 * nothing of an expression; what bounds an evaluation is said by whoever evaluates. The library is loaded with this file,
 * so whoever rarely needs it imports this file late.
 */
import { Environment, type ASTNode } from "@marcbachmann/cel-js";
import { sentence } from "./text.ts";

const LIMITS = {
  maxAstNodes: 1_000,
  maxDepth: 100,
  maxListElements: 200,
  maxMapEntries: 100,
  maxCallArguments: 16,
};

/** Throws what CEL throws; the answer is whatever the expression gives. */
export type Evaluate = (variables: object) => unknown;
export type Compiled = { kind: "compiled"; evaluate: Evaluate } | { kind: "refused"; message: string };

/** What an expression has to give. */
export type Gives = "bool" | "string";

/** Why the tree of an expression is refused; undefined: it is not. */
export type TreeRule = (tree: unknown) => string | undefined;

export function celEnvironment(
  variables: Readonly<Record<string, "dyn" | "map">>,
  limits: Partial<typeof LIMITS> = {},
): Environment {
  const environment = new Environment({
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
    limits: { ...LIMITS, ...limits },
  });
  for (const [name, type] of Object.entries(variables)) environment.registerVariable(name, type);
  return environment;
}

const GIVES_WORDS: Record<Gives, string> = { bool: "true or false", string: "a text" };

/** Parses and checks the types: what cannot give what is wanted is refused. */
export function compileIn(
  environment: Environment,
  expression: string,
  gives: Gives = "bool",
  rule: TreeRule = () => undefined,
): Compiled {
  try {
    const evaluate = environment.parse(expression);
    const refusal = speaksOfBytes(evaluate.ast) ? NO_BYTES : rule(evaluate.ast);
    if (refusal !== undefined) return { kind: "refused", message: refusal };
    const checked = evaluate.check();
    if (!checked.valid) return refused(checked.error);
    if (checked.type !== gives && checked.type !== "dyn")
      return {
        kind: "refused",
        message: `gives ${checked.type ?? "nothing"}, must give ${GIVES_WORDS[gives]}`,
      };
    return { kind: "compiled", evaluate };
  } catch (error) {
    return refused(error);
  }
}

function refused(error: unknown): Compiled {
  return { kind: "refused", message: sentence(celMessage(error)) };
}

/** CEL's own words without its drawing of the place. */
export function celMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "summary" in error && typeof error.summary === "string" ? error.summary : error.message;
}

/** JSON as CEL takes it. Whole numbers become its `int`, as Kubernetes' schemas say of almost all of them; others stay `double`. */
export function celValue(json: string): unknown {
  return JSON.parse(json, (_, value: unknown) =>
    typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value,
  );
}

const NO_BYTES = "bytes are not spoken here: objects are JSON and hold none";

/** They live outside of the heap, where no limit of the evaluating process would count them. */
function speaksOfBytes(tree: ASTNode): boolean {
  return nodesOf(tree).some((node) => node instanceof Uint8Array || isCallOf(node, "bytes"));
}

function isCallOf(node: unknown, name: string): boolean {
  const { op, args } = partsOf(node);
  return op === "call" && args[0] === name;
}

/** Of what is no node, no parts. */
export function partsOf(node: unknown): { op: string; args: readonly unknown[] } {
  if (typeof node !== "object" || node === null || !("op" in node) || !("args" in node))
    return { op: "", args: [] };
  const { op, args } = node;
  return { op: typeof op === "string" ? op : "", args: Array.isArray(args) ? args : [args] };
}

/** All that stands in the tree, nodes and literals. */
function nodesOf(tree: unknown): unknown[] {
  const seen = new Set<unknown>();
  const left: unknown[] = [tree];
  while (left.length > 0) {
    const node = left.pop();
    if (node === null || typeof node !== "object" || seen.has(node)) continue;
    seen.add(node);
    left.push(...(Array.isArray(node) ? node : partsOf(node).args));
  }
  return [...seen];
}
