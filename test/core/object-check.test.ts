/** Checks of gates: what may be asked, what one object answers, and what the answers of a stage come to. */
import { array, assert, constantFrom, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { checkIssues, compileCheck } from "#core/health/checks.ts";
import {
  objectCheckSchema,
  orderedChecks,
  stageVerdict,
  type CheckAnswer,
  type OrderedCheck,
} from "#core/object-check.ts";

const JOB = { apiVersion: "batch/v1", kind: "Job", name: "smoke" };
const CONFIG = { apiVersion: "v1", kind: "ConfigMap", name: "report" };
const object = (of: { apiVersion: string; kind: string; name: string }, rest: object = {}) => ({
  apiVersion: of.apiVersion,
  kind: of.kind,
  metadata: { name: of.name, namespace: "shop" },
  ...rest,
});
const answer = (check: Partial<OrderedCheck>, live?: ReturnType<typeof object>): string => {
  const whole = { ...CONFIG, gate: "smoke", namespace: "shop", ...check };
  const { gate, verdict, message } = compileCheck(whole)(live, (work) => work());
  expect(gate).toBe("smoke");
  return `${verdict}: ${message}`;
};

describe("objectCheckSchema", () => {
  const refusal = (check: object): string =>
    objectCheckSchema.safeParse(check).error?.issues[0]?.message ?? "taken";

  it("asks for an expression but of Jobs, and lets nobody look into Secrets", () => {
    expect(refusal(JOB)).toBe("taken");
    expect(refusal(CONFIG)).toContain("is needed for everything but a Job");
    expect(refusal({ ...CONFIG, pass: "true" })).toBe("taken");
    expect(refusal({ ...CONFIG, kind: "Secret", pass: "true" })).toContain("may not be Secret");
  });
});

describe(compileCheck.name, () => {
  it("follows a Job without any expression", () => {
    const job = (type: string) => object(JOB, { status: { conditions: [{ type, status: "True" }] } });
    expect(answer(JOB, object(JOB))).toBe("wait: Job shop/smoke neither passes nor fails yet");
    expect(answer(JOB, job("Complete"))).toBe("pass: Job shop/smoke passes");
    expect(answer(JOB, job("Failed"))).toBe("fail: Job shop/smoke fails");
  });

  it("asks fail before pass, and waits where neither holds", () => {
    const check = { pass: 'data.errors == "0"', fail: 'data.errors == "9"' };
    expect(answer(check, object(CONFIG, { data: { errors: "0" } }))).toMatch(/^pass/);
    expect(answer(check, object(CONFIG, { data: { errors: "9" } }))).toMatch(/^fail/);
    expect(answer({ ...check, pass: "true" }, object(CONFIG, { data: { errors: "9" } }))).toMatch(/^fail/);
    expect(answer(check, object(CONFIG, { data: { errors: "1" } }))).toMatch(/^wait/);
  });

  it("learns nothing from what is not there or cannot be evaluated, and waits for what was not seen", () => {
    expect(answer({ pass: "true" })).toBe("inconclusive: ConfigMap shop/report is not there");
    expect(answer({ pass: "data.errors == '0'" }, object(CONFIG))).toBe(
      "inconclusive: ConfigMap shop/report cannot be checked (pass): No such key: errors",
    );
    const old = object(CONFIG, { status: { observedGeneration: 1 } });
    const live = { ...old, metadata: { ...old.metadata, generation: 2 } };
    expect(answer({ pass: "true" }, live)).toMatch(/^wait: .*generation 2 is not observed yet/);
  });

  it("names the place of what does not compile", () => {
    expect(checkIssues({ ...CONFIG, pass: "data ==", fail: "size(data)" })).toEqual([
      { path: ["pass"], message: "Unexpected token: EOF" },
      { path: ["fail"], message: "gives int, must give true or false" },
    ]);
  });
});

describe(orderedChecks.name, () => {
  it("takes the gates that are checks, in the App's namespace where they name none", () => {
    const gates = [
      { name: "scan" },
      { name: "a", check: JOB },
      { name: "b", check: { ...JOB, namespace: "x" } },
    ];
    expect(orderedChecks(gates, "shop")).toEqual([
      { ...JOB, gate: "a", namespace: "shop" },
      { ...JOB, gate: "b", namespace: "x" },
    ]);
  });
});

describe(stageVerdict.name, () => {
  const told = (verdict: CheckAnswer["verdict"] | undefined, cluster: string) => ({
    cluster,
    answer: verdict === undefined ? undefined : { gate: "smoke", verdict, message: `says ${verdict}` },
  });
  const of = (...verdicts: (CheckAnswer["verdict"] | undefined)[]) => {
    const { verdict, message } = stageVerdict(verdicts.map((one, at) => told(one, `c${at}`)));
    return `${verdict}: ${message}`;
  };

  it("says who says what", () => {
    expect(of("pass", "pass")).toBe("pass: all 2 clusters, cluster c0: says pass");
    expect(of("pass", "fail", "fail")).toBe("fail: cluster c1: says fail (and 1 more)");
    expect(of("pass", undefined)).toBe("wait: cluster c1: has not answered yet");
    expect(of()).toContain("wait: no cluster of the stage");
  });

  it("passes only where all say so, and fails where one does", () => {
    const one = constantFrom("pass", "fail", "wait", "inconclusive", undefined);
    assert(
      property(array(one, { maxLength: 6 }), (verdicts) => {
        const said = of(...verdicts).split(":")[0];
        expect(said === "pass").toBe(verdicts.length > 0 && verdicts.every((v) => v === "pass"));
        expect(said === "fail").toBe(verdicts.includes("fail"));
      }),
    );
  });
});
