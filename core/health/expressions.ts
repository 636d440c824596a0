/**
 * Health by an App's own rules in CEL, as Flux evaluates them: `inProgress`, `failed`, `current`, and the first that is
 * true says it. What cannot be evaluated is progressing with the reason, never healthy and never failed: it may be a field
 * that is not there yet. An object's own generation has to be observed before a rule is asked.
 */
import { bounded, BOUNDED_LIMITS } from "../cel-bounds.ts";
import {
  celEnvironment,
  celMessage,
  celValue,
  compileIn,
  type Compiled,
  type Evaluate,
  type Gives,
} from "../cel.ts";
import { kindKey, RULE_EXPRESSIONS, type HealthRule } from "../health-rule.ts";
import { unseen } from "../health.ts";
import type { KubeObject } from "../object.ts";
import { scrubbed } from "../scrub.ts";
import { current, failed, progressing, statusOf, textOf, type Health } from "./verdict.ts";

/** Of an object as JSON: whatever an expression makes is a small multiple of it. */
const OBJECT_CHARS_MAX = 256 * 1024;

/** Fields of the object as Flux has them, and all of it. */
const environment = celEnvironment(
  {
    object: "dyn",
    apiVersion: "dyn",
    kind: "dyn",
    metadata: "dyn",
    spec: "dyn",
    status: "dyn",
    data: "dyn",
  },
  BOUNDED_LIMITS,
);

export function compileBounded(expression: string, gives: Gives): Compiled {
  return compileIn(environment, expression, gives, bounded);
}

/** Where in a list of rules something does not compile, as in zod's issues. */
export interface RuleIssue {
  path: (string | number)[];
  message: string;
}

export function checkHealthRules(rules: readonly HealthRule[]): RuleIssue[] {
  return rules.flatMap((rule, index) =>
    [...RULE_EXPRESSIONS, "message" as const].flatMap((name): RuleIssue[] => {
      const expression = rule[name];
      if (expression === undefined) return [];
      const compiled = compileBounded(expression, name === "message" ? "string" : "bool");
      return compiled.kind === "compiled" ? [] : [{ path: [index, name], message: compiled.message }];
    }),
  );
}

/** What an expression gave, or in words why it gave nothing. */
export type Answer = { kind: "value"; value: unknown } | { kind: "none"; why: string };

/** Ends what takes too long, of work that runs in one go; what `work` throws it throws. */
export type Timed = (work: () => Answer) => Answer;

/** Undefined for a kind that no rule is about. */
export type RuleJudge = (object: KubeObject, timed: Timed) => Health | undefined;

export function compileHealthRules(rules: readonly HealthRule[]): RuleJudge {
  const byKind = new Map(rules.map((rule) => [kindKey(rule), compileRule(rule)]));
  return (object, timed) => {
    const judge = byKind.get(kindKey(object));
    return judge === undefined ? undefined : (unseen(object) ?? behind(object) ?? judge(object, timed));
  };
}

/** Some controllers, as that of Argo Rollouts, write the generation as a text. */
function behind(object: KubeObject): Health | undefined {
  const { generation } = object.metadata;
  const observed = textOf(statusOf(object), "observedGeneration");
  if (typeof generation !== "number" || !/^\d{1,15}$/.test(observed) || Number(observed) >= generation)
    return undefined;
  return progressing(`generation ${generation} is not observed yet, the last one seen is ${observed}`);
}

const VERDICTS = { inProgress: progressing, failed, current } as const;
const WORDS = {
  inProgress: "in progress by its rule of health",
  failed: "failed by its rule of health",
  current: "current by its rule of health",
} as const;

function compileRule(rule: HealthRule): (object: KubeObject, timed: Timed) => Health {
  const message = rule.message === undefined ? undefined : askable(rule.message, "string");
  const expressions = RULE_EXPRESSIONS.flatMap((name) => {
    const expression = rule[name];
    return expression === undefined ? [] : [{ name, ask: askable(expression, "bool") }];
  });
  return (object, timed) => {
    const variables = variablesOf(object);
    if (variables === undefined) return progressing(TOO_LARGE);
    const told = (otherwise: string): string => wordsIn(message?.(variables, timed)) ?? otherwise;
    for (const { name, ask } of expressions) {
      const answer = ask(variables, timed);
      if (answer.kind === "none")
        return progressing(`its rule of health (${name}) cannot be evaluated: ${answer.why}`);
      if (answer.value === true) return VERDICTS[name](told(WORDS[name]));
    }
    return progressing(told("its rule of health says neither current nor failed"));
  };
}

/** A message is a help: where it cannot be had, the verdict stands without. */
function wordsIn(answer: Answer | undefined): string | undefined {
  const text = answer?.kind === "value" ? answer.value : undefined;
  return typeof text === "string" && text !== "" ? scrubbed(text, []) : undefined;
}

export const TOO_LARGE = `it is larger than the ${OBJECT_CHARS_MAX} characters that an expression may look at`;

/** Undefined where the object is too large. Who manages which field is none of an expression's business. */
export function variablesOf(object: KubeObject): object | undefined {
  const { managedFields: _, ...metadata } = object.metadata;
  const json = JSON.stringify({ ...object, metadata });
  if (json.length > OBJECT_CHARS_MAX) return undefined;
  const whole = celValue(json);
  const absent = { metadata: {}, spec: {}, status: {}, data: {} };
  return { ...absent, ...(typeof whole === "object" ? whole : {}), object: whole };
}

/** An expression that can be asked again and again. */
export type Ask = (variables: object, timed: Timed) => Answer;

/** What does not compile gives no value, ever. */
export function askable(expression: string, gives: Gives): Ask {
  const compiled = compileBounded(expression, gives);
  if (compiled.kind === "refused") return () => ({ kind: "none", why: compiled.message });
  return (variables, timed) => timed(() => valueOf(compiled.evaluate, gives, variables));
}

function valueOf(evaluate: Evaluate, gives: Gives, variables: object): Answer {
  try {
    const value = evaluate(variables);
    if (typeof value === (gives === "bool" ? "boolean" : "string")) return { kind: "value", value };
    return { kind: "none", why: gives === "bool" ? "it gives neither true nor false" : "it gives no text" };
  } catch (error) {
    return { kind: "none", why: celMessage(error) };
  }
}
