/** Rights as data: what no rule allows is refused, whoever asks for it and however it is put together. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  allows,
  asksOfChange,
  bindingSchema,
  covers,
  memberSchema,
  NOUNS,
  ROLES,
  rulesFor,
  rulesOf,
  ruleSchema,
  SOURCE_RULES,
  VERBS,
  type Ask,
  type Binding,
  type Rule,
} from "#core/access.ts";
import type { Actor } from "#core/actor.ts";
import { fitsGlob, fitsPattern } from "#core/glob.ts";
import type { Labels } from "#core/selector.ts";

const LABELS: (Labels | undefined)[] = [
  undefined,
  {},
  { env: "dev" },
  { env: "prod" },
  { env: "dev", ring: "0" },
  { ring: "0" },
];
/** Everything that can be asked for, over a small world of labels. */
const ASKS: Ask[] = VERBS.flatMap((verb) =>
  NOUNS.flatMap((noun) => LABELS.map((labels): Ask => ({ verb, noun, labels }))),
);

const selector = fc.oneof(
  fc.constant({}),
  fc.record({ matchLabels: fc.constantFrom({ env: "dev" }, { env: "prod" }, { ring: "0" }) }),
  fc.record({
    matchExpressions: fc.constantFrom(
      [{ key: "env", operator: "NotIn" as const, values: ["prod"] }],
      [{ key: "ring", operator: "Exists" as const }],
      [{ key: "ring", operator: "DoesNotExist" as const }],
    ),
  }),
);
const rule: fc.Arbitrary<Rule> = fc
  .record(
    {
      verbs: fc.uniqueArray(fc.constantFrom(...VERBS, "*" as const), { minLength: 1, maxLength: 3 }),
      nouns: fc.uniqueArray(fc.constantFrom(...NOUNS, "*" as const), { minLength: 1, maxLength: 3 }),
      labels: selector,
    },
    { requiredKeys: ["verbs", "nouns"] },
  )
  .map((one) => ruleSchema.parse(one));
const rules = fc.array(rule, { maxLength: 4 });
const allowed = (of: readonly Rule[]): Ask[] => ASKS.filter((ask) => allows(of, ask));

describe("allows", () => {
  it("allows nothing without a rule", () => {
    expect(allowed([])).toEqual([]);
  });

  it("is exactly the union of what each rule allows: another rule never takes a right away", () => {
    fc.assert(
      fc.property(rules, rule, (some, more) => {
        const both = new Set(allowed([...some, more]));
        expect(both).toEqual(new Set([...allowed(some), ...allowed([more])]));
      }),
    );
  });

  it("allows no verb and no noun that the rule does not name", () => {
    fc.assert(
      fc.property(rule, (one) => {
        for (const { verb, noun } of allowed([one])) {
          expect(one.verbs.includes("*") || one.verbs.includes(verb)).toBe(true);
          expect(one.nouns.includes("*") || one.nouns.includes(noun)).toBe(true);
        }
      }),
    );
  });

  it("with labels, allows only things that have them", () => {
    const dev: Rule[] = [{ verbs: ["*"], nouns: ["*"], labels: { matchLabels: { env: "dev" } } }];
    const labels = new Set(allowed(dev).map((ask) => JSON.stringify(ask.labels)));
    expect(labels).toEqual(new Set(['{"env":"dev"}', '{"env":"dev","ring":"0"}']));
  });
});

describe("covers", () => {
  it("implies that everything that is handed out is allowed to the giver", () => {
    fc.assert(
      fc.property(rules, rules, (have, wanted) => {
        fc.pre(covers(have, wanted));
        for (const ask of allowed(wanted)) expect(allows(have, ask)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it("lets everybody hand out what they have, and an admin everything", () => {
    fc.assert(
      fc.property(rules, (have) => {
        expect(covers(have, have)).toBe(true);
        expect(covers(ROLES.admin, have)).toBe(true);
      }),
    );
  });

  it("refuses one right too many, and a selector that is not the giver's own", () => {
    expect(covers(ROLES.deployer, ROLES.viewer)).toBe(true);
    expect(covers(ROLES.viewer, ROLES.deployer)).toBe(false);
    expect(covers(ROLES.deployer, ROLES.admin)).toBe(false);
    const read = (labels?: Rule["labels"]): Rule[] => [
      { verbs: ["read"], nouns: ["apps"], ...(labels === undefined ? {} : { labels }) },
    ];
    expect(covers(read({ matchLabels: { env: "dev" } }), read())).toBe(false);
    expect(covers(read({ matchLabels: { env: "dev" } }), read({ matchLabels: { env: "prod" } }))).toBe(false);
    expect(covers(read({}), read({ matchLabels: { env: "prod" } }))).toBe(true);
    const twice = { matchLabels: { env: "dev", ring: "0" } };
    expect(covers(read(twice), read({ matchLabels: { ring: "0", env: "dev" } }))).toBe(true);
  });
});

describe("asksOfChange", () => {
  const thing = fc.record({ labels: fc.constantFrom(...LABELS.filter((one) => one !== undefined)) });

  it("lets nobody move a thing into or out of what their labels reach", () => {
    fc.assert(
      fc.property(rules, fc.constantFrom(...NOUNS), thing, thing, (have, noun, before, after) => {
        const may = asksOfChange(noun, before, after, false).every((ask) => allows(have, ask));
        const reaches = (labels: Labels): boolean => allows(have, { verb: "write", noun, labels });
        expect(may).toBe(reaches(before.labels) && reaches(after.labels));
      }),
    );
  });

  it("asks for the thing as it will be when it is made, as it is when it is deleted", () => {
    const labels = { env: "dev" };
    expect(asksOfChange("apps", undefined, { labels }, false)).toEqual([
      { verb: "write", noun: "apps", labels },
    ]);
    expect(asksOfChange("apps", { labels }, undefined, false)).toEqual([
      { verb: "delete", noun: "apps", labels },
    ]);
  });

  it("asks for deploy besides, on both sides, when selectors move", () => {
    const [before, after] = [{ labels: { env: "dev" } }, { labels: { env: "prod" } }];
    const asks = asksOfChange("clusters", before, after, true);
    expect(asks.filter(({ verb }) => verb === "deploy").map(({ labels }) => labels)).toEqual([
      before.labels,
      after.labels,
    ]);
    const writer: Rule[] = [{ verbs: ["write"], nouns: ["*"] }];
    expect(asks.every((ask) => allows(writer, ask))).toBe(false);
    expect(asks.every((ask) => allows(ROLES.deployer, ask))).toBe(true);
  });
});

describe("the ready-made roles", () => {
  it("grow from viewer to admin, and only an admin reaches tokens, credentials, Policies, Projects and the hub", () => {
    const [viewer, deployer, approver, admin] = (["viewer", "deployer", "approver", "admin"] as const).map(
      (role) => allowed(rulesOf({ role })),
    );
    for (const more of [deployer, approver, admin])
      expect(new Set(more)).toEqual(new Set([...(viewer ?? []), ...(more ?? [])]));
    expect(admin).toEqual(ASKS);
    const guarded = new Set(["tokens", "credentials", "policies", "promotions", "projects", "hub"]);
    for (const ask of [...(viewer ?? []), ...(deployer ?? []), ...(approver ?? [])])
      expect(ask.verb === "read" || !guarded.has(ask.noun)).toBe(true);
  });

  it("are not found by names that every object has", () => {
    for (const role of ["constructor", "toString", "__proto__", "owner"])
      expect(rulesOf({ role })).toEqual([]);
  });

  it("cannot be given other rules, nor another name be used without", () => {
    const members = [{ user: "ada@example.com" }];
    expect(
      bindingSchema.safeParse({ role: "admin", rules: [{ verbs: ["read"], nouns: ["apps"] }], members })
        .success,
    ).toBe(false);
    expect(bindingSchema.safeParse({ role: "owner", members }).success).toBe(false);
    expect(bindingSchema.safeParse({ role: "constructor", members }).success).toBe(false);
  });
});

describe("a Source", () => {
  const source: Actor = { kind: "source", project: "web", name: "fleet" };
  const guarded = ASKS.filter(
    ({ verb, noun }) =>
      verb !== "read" &&
      ["projects", "credentials", "policies", "promotions", "tokens", "hub"].includes(noun),
  );

  it("never writes Projects, credentials, Policies or tokens unless a role names it", () => {
    fc.assert(
      fc.property(fc.array(rules, { maxLength: 3 }), (others) => {
        const bindings = others
          .filter((one) => one.length > 0)
          .map((own, index): Binding => ({
            role: `own-${index}`,
            rules: own,
            members: [{ user: "fleet" }, { group: "fleet" }, { source: "other" }],
          }));
        const granted = [...SOURCE_RULES, ...rulesFor(source, bindings)];
        expect(guarded.filter((ask) => allows(granted, ask))).toEqual([]);
      }),
    );
    const named: Binding = { role: "admin", members: [{ source: "fleet" }] };
    expect(guarded.every((ask) => allows(rulesFor(source, [named]), ask))).toBe(true);
  });
});

describe("members", () => {
  const user: Actor = { kind: "user", issuer: "https://id", subject: "1", user: "ada", groups: ["ops"] };
  const job = (claims: Record<string, string>, issuer = "https://ci"): Actor => ({
    kind: "ci",
    issuer,
    subject: "s",
    claims,
  });
  const is = (member: object, actor: Actor): boolean =>
    rulesFor(actor, [{ role: "viewer", members: [memberSchema.parse(member)] }]).length > 0;
  const ci = (claims: Record<string, string>) => ({ ci: { issuer: "https://ci", claims } });

  it("are one kind of actor each, by the whole text", () => {
    expect([is({ user: "ada" }, user), is({ group: "ops" }, user)]).toEqual([true, true]);
    expect([is({ user: "Ada" }, user), is({ user: "ad" }, user), is({ user: "ops" }, user)]).toEqual([
      false,
      false,
      false,
    ]);
    expect(is({ group: "ada" }, user)).toBe(false);
    expect(is({ user: "ada" }, { kind: "token", id: "1", name: "ada", project: "web" })).toBe(false);
    expect(is({ user: "ada" }, job({ user: "ada" }))).toBe(false);
  });

  it("of CI match issuer and every claim, `*` standing for any run", () => {
    const main = { repository: "acme/shop", ref: "refs/heads/main" };
    expect(is(ci({ repository: "acme/*", ref: "refs/heads/main" }), job(main))).toBe(true);
    expect(is(ci({ repository: "acme/*" }), job(main, "https://other"))).toBe(false);
    expect(is(ci({ repository: "acme/*", actor: "*" }), job(main))).toBe(false);
    expect(is(ci({ ref: "refs/heads" }), job(main))).toBe(false);
    expect(is(ci({ ref: "*/heads/*" }), job(main))).toBe(true);
    expect(is(ci({ repository: "acme.shop" }), job(main))).toBe(false);
    expect(is(ci({ constructor: "*" }), job(main))).toBe(false);
  });

  it("of CI name at least one claim, and an issuer whose keys nobody can change on the way", () => {
    const parse = (issuer: string, claims: object) =>
      memberSchema.safeParse({ ci: { issuer, claims } }).success;
    expect(parse("https://ci", {})).toBe(false);
    expect(parse("http://ci.example.com", { sub: "a" })).toBe(false);
    expect(parse("http://127.0.0.1:80", { sub: "a" })).toBe(true);
    expect(parse("https://ci", { sub: "a" })).toBe(true);
  });
});

describe("fitsPattern and fitsGlob", () => {
  const pattern = fc.stringMatching(/^[ab/*]{0,12}$/);
  const text = fc.stringMatching(/^[ab/]{0,12}$/);

  it("say what the regular expression says", () => {
    fc.assert(
      fc.property(pattern, text, (glob, value) => {
        expect(fitsPattern(glob, value)).toBe(new RegExp(`^${glob.replaceAll(/\*+/g, ".*")}$`).test(value));
        const parts = glob.replaceAll("**", "A").replaceAll("*", "[^/]*").replaceAll("A", ".*");
        expect(fitsGlob(glob, value)).toBe(new RegExp(`^${parts}$`).test(value));
      }),
      { numRuns: 2000 },
    );
  });

  it("end soon over a pattern that is made to take for ever", () => {
    expect(fitsPattern("*a".repeat(150), `${"a".repeat(300)}b`)).toBe(false);
  });
});
