/**
 * What an agent answers to a check of a gate. `fail` is asked before `pass`; an object that goes, or whose controller has
 * not seen it as it is, is asked nothing. What is not there, or cannot be evaluated, is neither yes nor no.
 */
import { unseen } from "../health.ts";
import { refOf, refText, type KubeObject } from "../object.ts";
import { isJob, type CheckAnswer, type OrderedCheck } from "../object-check.ts";
import {
  askable,
  compileBounded,
  TOO_LARGE,
  variablesOf,
  type RuleIssue,
  type Timed,
} from "./expressions.ts";

const condition = (type: string): string =>
  `status.?conditions.orValue([]).exists(c, c.type == "${type}" && c.status == "True")`;
const JOB = { pass: condition("Complete"), fail: condition("Failed") };

type Expressions = Pick<OrderedCheck, "apiVersion" | "kind" | "pass" | "fail">;

/** What does not compile, as in zod's issues; `path` is below the check. */
export function checkIssues(check: Expressions): RuleIssue[] {
  return (["pass", "fail"] as const).flatMap((name): RuleIssue[] => {
    const expression = check[name];
    const compiled = expression === undefined ? undefined : compileBounded(expression, "bool");
    return compiled?.kind === "refused" ? [{ path: [name], message: compiled.message }] : [];
  });
}

/** Undefined: the object is not there. */
export type CheckJudge = (object: KubeObject | undefined, timed: Timed) => CheckAnswer;

export function compileCheck(check: OrderedCheck): CheckJudge {
  const { gate, name, namespace } = check;
  const { pass, fail } = isJob(check) ? { ...JOB, ...check } : check;
  const asked = [
    { verdict: "fail", expression: fail } as const,
    { verdict: "pass", expression: pass } as const,
  ];
  const asks = asked.flatMap(({ verdict, expression }) =>
    expression === undefined ? [] : [{ verdict, ask: askable(expression, "bool") }],
  );
  const place = refText(refOf({ ...check, metadata: { name, namespace } }));
  const say = (verdict: CheckAnswer["verdict"], text: string): CheckAnswer => ({
    gate,
    verdict,
    message: `${place} ${text}`,
  });
  return (object, timed) => {
    if (object === undefined) return say("inconclusive", "is not there");
    const early = unseen(object);
    if (early !== undefined) return say("wait", early.sentence);
    const variables = variablesOf(object);
    if (variables === undefined) return say("inconclusive", `cannot be checked: ${TOO_LARGE}`);
    for (const { verdict, ask } of asks) {
      const answer = ask(variables, timed);
      if (answer.kind === "none") return say("inconclusive", `cannot be checked (${verdict}): ${answer.why}`);
      if (answer.value === true) return say(verdict, verdict === "pass" ? "passes" : "fails");
    }
    return say("wait", fail === undefined ? "does not pass yet" : "neither passes nor fails yet");
  };
}
