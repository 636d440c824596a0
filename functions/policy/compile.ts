/**
 * CEL as Policies speak it: one environment, no function that reaches anything, expressions bounded in size and depth.
 * Compiling runs nothing of an expression, so it is safe in any process; evaluating is not (see `run.ts`).
 */
import { Environment, type ASTNode } from "@marcbachmann/cel-js";
import type { Policy } from "#core/policy.ts";
import { sentence } from "#core/text.ts";

const LIMITS = {
  maxAstNodes: 1_000,
  maxDepth: 100,
  maxListElements: 200,
  maxMapEntries: 100,
  maxCallArguments: 16,
};

/** `object` is an object as it will be applied, `app` and `project` have `name` and `labels`, `app` also `namespace`. */
export interface Variables {
  object: unknown;
  app: { name: string; namespace: string; labels: Readonly<Record<string, string>> };
  project: { name: string; labels: Readonly<Record<string, string>> };
}

/** Throws what CEL throws; the answer is whatever the expression gives. */
export type Evaluate = (variables: Variables) => unknown;
export type Compiled = { kind: "compiled"; evaluate: Evaluate } | { kind: "refused"; message: string };

const environment = new Environment({
  enableOptionalTypes: true,
  homogeneousAggregateLiterals: false,
  limits: LIMITS,
})
  .registerVariable("object", "dyn")
  .registerVariable("app", "map")
  .registerVariable("project", "map");

/** Parses and checks the types: what cannot be a yes or no is refused. */
export function compile(expression: string): Compiled {
  try {
    const evaluate = environment.parse(expression);
    const checked = evaluate.check();
    if (!checked.valid) return refused(checked.error);
    if (checked.type !== "bool" && checked.type !== "dyn")
      return { kind: "refused", message: `gives ${checked.type ?? "nothing"}, must give true or false` };
    if (speaksOfBytes(evaluate.ast))
      return { kind: "refused", message: "bytes are not spoken here: objects are JSON and hold none" };
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

/** They live outside of the heap, where no limit of the evaluating process would count them. */
function speaksOfBytes(ast: ASTNode): boolean {
  const seen = new Set<unknown>();
  const left: unknown[] = [ast];
  while (left.length > 0) {
    const node = left.pop();
    if (node === null || typeof node !== "object" || seen.has(node)) continue;
    if (node instanceof Uint8Array) return true;
    const { op, args } = node as { op?: unknown; args?: unknown };
    if (op === "call" && Array.isArray(args) && args[0] === "bytes") return true;
    seen.add(node);
    left.push(...(Array.isArray(node) ? node : [args]));
  }
  return false;
}

export interface PolicyIssue {
  /** `["spec", "validations", 2, "expression"]`, as in zod's issues. */
  path: (string | number)[];
  message: string;
}

/** What must be refused before a Policy is stored: its expressions that do not compile. Empty: nothing. */
export function checkPolicy(policy: Policy): PolicyIssue[] {
  return policy.spec.validations.flatMap(({ expression }, index) => {
    const compiled = compile(expression);
    if (compiled.kind === "compiled") return [];
    return [{ path: ["spec", "validations", index, "expression"], message: compiled.message }];
  });
}
