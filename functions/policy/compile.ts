/** CEL as Policies speak it. Compiling is safe in any process; evaluating is not (see `run.ts`). */
import { celEnvironment, compileIn, type Compiled as CompiledCel } from "#core/cel.ts";
import type { Policy } from "#core/policy.ts";

/** `object` is an object as it will be applied, `app` and `project` have `name` and `labels`, `app` also `namespace`. */
export interface Variables {
  object: unknown;
  app: { name: string; namespace: string; labels: Readonly<Record<string, string>> };
  project: { name: string; labels: Readonly<Record<string, string>> };
}

/** Throws what CEL throws; the answer is whatever the expression gives. */
export type Evaluate = (variables: Variables) => unknown;
export type Compiled = { kind: "compiled"; evaluate: Evaluate } | Extract<CompiledCel, { kind: "refused" }>;

const environment = celEnvironment({ object: "dyn", app: "map", project: "map" });

/** Parses and checks the types: what cannot be a yes or no is refused. */
export function compile(expression: string): Compiled {
  return compileIn(environment, expression);
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
