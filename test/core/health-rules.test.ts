/** Rules of health in CEL: what they may say, in which order they are asked, and that no doubt is ever healthy. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { healthRulesSchema, rulesInForce, type HealthRule } from "#core/health-rule.ts";
import {
  checkHealthRules,
  compileBounded,
  compileHealthRules,
  type Timed,
} from "#core/health/expressions.ts";
import type { KubeObject } from "#core/object.ts";

const now: Timed = (work) => work();
const BOAT = { apiVersion: "example.com/v1", kind: "Boat" };
const boat = (status?: unknown, more: object = {}): KubeObject => ({
  ...BOAT,
  metadata: { name: "b", generation: 2, ...more },
  spec: { sails: 3 },
  ...(status === undefined ? {} : { status }),
});
const rule = (expressions: Partial<HealthRule>): HealthRule => ({ ...BOAT, current: "true", ...expressions });
const judged = (expressions: Partial<HealthRule>, object: KubeObject, timed = now): string => {
  const health = compileHealthRules([rule(expressions)])(object, timed);
  return health === undefined ? "nothing" : `${health.status}: ${health.sentence}`;
};
/** From the documentation of Flux, as it stands there. */
const READY = "status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'True')";
const NOT_READY = "status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'False')";

describe("healthRulesSchema", () => {
  const refusal = (rules: unknown): string =>
    healthRulesSchema.safeParse(rules).error?.issues[0]?.message ?? "taken";

  it("takes Flux's healthCheckExprs as they are", () => {
    const flux = [
      { apiVersion: "cert-manager.io/v1", kind: "ClusterIssuer", current: READY, failed: NOT_READY },
    ];
    expect(refusal(flux)).toBe("taken");
  });

  it("refuses two for a kind, Secrets, and what would not fit into statements", () => {
    expect(refusal([rule({}), { ...rule({}), apiVersion: "example.com/v2" }])).toContain(
      "one group and kind",
    );
    expect(refusal([{ apiVersion: "v1", kind: "Secret", current: "true" }])).toContain("about Secrets");
    const long = Array.from({ length: 6 }, (_, at) => rule({ kind: `K${at}`, current: "x".repeat(900) }));
    expect(refusal(long)).toContain("more than 4096 characters");
    expect(refusal([rule({ current: "x".repeat(1001) })])).toContain("1000");
    expect(refusal([{ ...rule({}), healthy: "true" }])).toContain("healthy");
  });
});

describe(checkHealthRules.name, () => {
  it("names the place of what does not compile", () => {
    const rules = [rule({}), rule({ kind: "Other", current: "status.phase ==", message: "1 + 1" })];
    expect(checkHealthRules(rules)).toEqual([
      { path: [1, "current"], message: "Unexpected token: EOF" },
      { path: [1, "message"], message: "gives int, must give a text" },
    ]);
  });

  it.each([
    ["status.list.map(x, x) == []", "map() is not spoken here"],
    ["status.text.split(',').size() > 1", "split() is not spoken here"],
    ["bytes('a') == b'a'", "bytes are not spoken here"],
    ["cel.bind(a, status.x + status.x, a == a)", "adds within what cel.bind names"],
    [`${"1 + ".repeat(11)}1 > 0`, "adds 11 times, at most 10"],
    [Array(200).fill("true").join(" && "), "Exceeded max"],
    ["foo.bar", "Unknown variable: foo"],
  ])("refuses %s, which could grow or means nothing", (expression, words) => {
    const compiled = compileBounded(expression, "bool");
    expect(compiled.kind === "refused" ? compiled.message : "compiled").toContain(words);
  });
});

describe(compileHealthRules.name, () => {
  it("asks inProgress, failed and current in this order, and the first that is true says it", () => {
    const all = { inProgress: "status.a", failed: "status.b", current: "status.c" };
    expect(judged(all, boat({ a: true, b: true, c: true }))).toMatch(/^progressing: in progress/);
    expect(judged(all, boat({ a: false, b: true, c: true }))).toMatch(/^failed: /);
    expect(judged(all, boat({ a: false, b: false, c: true }))).toMatch(/^current: /);
    expect(judged(all, boat({ a: false, b: false, c: false }))).toMatch(/^progressing: .*neither current/);
  });

  it("reads the fields of the object, and all of it as `object`", () => {
    const ready = boat({ conditions: [{ type: "Ready", status: "True" }] });
    expect(judged({ current: READY, failed: NOT_READY }, ready)).toMatch(/^current/);
    const words = "kind + ' ' + metadata.name + ' has ' + string(spec.sails) + ' sails'";
    expect(judged({ current: "object.spec.sails == 3", message: words }, boat())).toBe(
      "current: Boat b has 3 sails",
    );
  });

  it("knows of its kind alone, in any version", () => {
    expect(compileHealthRules([rule({})])({ ...boat(), kind: "Ship" }, now)).toBeUndefined();
    expect(judged({}, { ...boat(), apiVersion: "example.com/v1beta1" })).toMatch(/^current/);
  });

  it("asks nothing of an object that goes, or whose controller has not seen its generation", () => {
    expect(judged({}, boat({ observedGeneration: 1 }))).toMatch(/^progressing: generation 2 is not observed/);
    expect(judged({}, boat({ observedGeneration: "1" }))).toMatch(
      /^progressing: generation 2 is not observed/,
    );
    expect(judged({}, boat({ observedGeneration: 2 }))).toMatch(/^current/);
    expect(judged({}, boat(undefined, { deletionTimestamp: "2026-01-01T00:00:00Z" }))).toMatch(
      /^terminating/,
    );
  });

  it("is progressing with the reason where a rule cannot be evaluated, takes too long, or is about too much", () => {
    expect(judged({ current: "status.phase == 'Up'" }, boat())).toBe(
      "progressing: its rule of health (current) cannot be evaluated: No such key: phase",
    );
    expect(judged({ current: "status.phase" }, boat({ phase: "Up" }))).toContain(
      "gives neither true nor false",
    );
    expect(judged({}, boat(), () => ({ kind: "none", why: "too long" }))).toMatch(
      /^progressing: .*too long$/,
    );
    expect(judged({}, boat({ text: "x".repeat(300_000) }))).toMatch(/^progressing: it is larger than/);
  });

  it("goes on without a message that cannot be had, and tells no token in one", () => {
    expect(judged({ message: "status.words" }, boat())).toBe("current: current by its rule of health");
    const token = `ghp_${"a1".repeat(12)}`;
    expect(judged({ message: "status.words" }, boat({ words: `token: ${token}` }))).not.toContain(token);
  });

  it("is never healthy on anything but a plain true of `current`, whatever stands in the object", () => {
    const paths = fc.constantFrom("status.a", "status.b", "status.a.b", "has(status.a)", "!status.a");
    const anything = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.boolean());
    fc.assert(
      fc.property(paths, paths, anything, anything, (current, failed, a, b) => {
        const object = boat({ a, b });
        const said = judged({ current, failed }, object);
        const holds = (expression: string) => judged({ current: expression }, object).startsWith("current");
        expect(said.startsWith("current")).toBe(holds(current) && holds(`!(${failed})`));
      }),
    );
  });
});

describe(rulesInForce.name, () => {
  it("adds the Project's of kinds that the App brings and says nothing of", () => {
    const own = rule({ current: "status.own" });
    const others = ["Boat", "Ship", "Raft"].map((kind) => rule({ kind, current: "status.project" }));
    const objects = [{ ...BOAT }, { ...BOAT, kind: "Ship" }];
    expect(rulesInForce([own], others, objects)).toEqual([own, others[1]]);
  });
});
