/**
 * Who may do what: roles as data, evaluated in one pure function. A role is a list of rules (verbs × nouns, and labels
 * that the thing must have); a Project binds roles to members. Nothing is allowed that no rule allows.
 */
import * as z from "zod";
import type { Actor } from "./actor.ts";
import { assertNever } from "./assert.ts";
import { canonicalJson } from "./digest.ts";
import { fitsPattern } from "./glob.ts";
import { matches, selectorSchema, type Labels } from "./selector.ts";

/**
 * `deploy` is what moves clusters: setting a label or value that selectors and templates read, pausing and aborting a
 * rollout. `register` hands out registration tokens and revokes keys. `sync` asks to look at a source now.
 */
export const VERBS = ["read", "write", "delete", "sync", "deploy", "approve", "register"] as const;
export const NOUNS = [
  "projects",
  "sources",
  "apps",
  "clusters",
  "policies",
  "promotions",
  "rollouts",
  "scans",
  "credentials",
  "tokens",
  "audit",
  "hub",
] as const;
export type Verb = (typeof VERBS)[number];
export type Noun = (typeof NOUNS)[number];

export const ruleSchema = z.strictObject({
  verbs: z.array(z.enum([...VERBS, "*"])).min(1),
  nouns: z.array(z.enum([...NOUNS, "*"])).min(1),
  /** Only things with these labels; absent: all. */
  labels: selectorSchema.optional(),
});
export type Rule = z.infer<typeof ruleSchema>;

const text = z.string().min(1).max(300);
const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);
/** As tokens say it in `iss`. Whoever could change its keys on the way would be every one of its jobs. */
const issuerSchema = z
  .url()
  .max(300)
  .refine(
    (issuer) => {
      const { protocol, hostname } = new URL(issuer);
      return protocol === "https:" || (protocol === "http:" && LOOPBACK.has(hostname));
    },
    { message: "must be an https URL" },
  );
const CLAIMS_MAX = 20;
const claimsSchema = z
  .record(text, text)
  .refine((claims) => Object.keys(claims).length > 0 && Object.keys(claims).length <= CLAIMS_MAX, {
    message: `names 1 to ${CLAIMS_MAX} claims: without one, every job of that CI system would be let in`,
  });
/** Values of `claims` match whole, `*` standing for any run of characters. */
export const memberSchema = z.union([
  z.strictObject({ user: text }),
  z.strictObject({ group: text }),
  z.strictObject({ ci: z.strictObject({ issuer: issuerSchema, claims: claimsSchema }) }),
  z.strictObject({ source: text }),
]);
export type Member = z.infer<typeof memberSchema>;

const READ_NOUNS = ["projects", "sources", "apps", "clusters", "policies", "promotions", "rollouts"] as const;

/** Ready-made roles; a Project may add its own under other names. */
export const ROLES = {
  viewer: [{ verbs: ["read"], nouns: [...READ_NOUNS] }],
  deployer: [
    { verbs: ["read"], nouns: [...READ_NOUNS, "audit"] },
    { verbs: ["write", "delete", "sync", "deploy"], nouns: ["sources", "apps", "clusters", "rollouts"] },
  ],
  approver: [
    { verbs: ["read"], nouns: [...READ_NOUNS, "audit"] },
    { verbs: ["approve"], nouns: ["rollouts"] },
  ],
  admin: [{ verbs: ["*"], nouns: ["*"] }],
} as const satisfies Record<string, readonly Rule[]>;
export type RoleName = keyof typeof ROLES;

/** What a fleet folder may without being granted anything: the same as a deployer, never credentials, Policies, Promotions, Projects. */
export const SOURCE_RULES: readonly Rule[] = ROLES.deployer;

export const bindingSchema = z
  .strictObject({
    role: z.string().min(1).max(63),
    /** Makes a role of its own; absent: `role` is one of the ready-made. */
    rules: z.array(ruleSchema).min(1).max(50).optional(),
    members: z.array(memberSchema).min(1).max(200),
  })
  .superRefine(({ role, rules }, context) => {
    if ((rules === undefined) === Object.hasOwn(ROLES, role)) return;
    const names = Object.keys(ROLES).join(", ");
    const message =
      rules === undefined
        ? `is none of ${names}: give it rules of its own`
        : `is a ready-made role (${names}): give yours another name`;
    context.addIssue({ code: "custom", path: ["role"], message });
  });
export type Binding = z.infer<typeof bindingSchema>;

export function rulesOf({ role, rules }: Pick<Binding, "role" | "rules">): readonly Rule[] {
  return rules ?? (Object.hasOwn(ROLES, role) ? ROLES[role as RoleName] : []);
}

/** The rules that `bindings` of one Project give to `actor`. Names of Sources count in their own project alone: its caller sees to that. */
export function rulesFor(actor: Actor, bindings: readonly Binding[]): Rule[] {
  return bindings
    .filter(({ members }) => members.some((member) => isMember(member, actor)))
    .flatMap((binding) => [...rulesOf(binding)]);
}

/** Whether a role's member, or an approver, is who acts. */
export function isMember(member: Member, actor: Actor): boolean {
  if ("user" in member) return actor.kind === "user" && actor.user === member.user;
  if ("group" in member) return actor.kind === "user" && actor.groups.includes(member.group);
  if ("source" in member) return actor.kind === "source" && actor.name === member.source;
  const { issuer, claims } = member.ci;
  if (actor.kind !== "ci" || actor.issuer !== issuer) return false;
  const wanted = Object.entries(claims);
  return wanted.length > 0 && wanted.every(([name, pattern]) => fits(pattern, own(actor.claims, name)));
}

/** A claim named `constructor` is not there just because every object has one. */
function own(claims: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

function fits(pattern: string, value: string | undefined): boolean {
  return value !== undefined && fitsPattern(pattern, value);
}

/** One thing that is asked for: labels of the thing as it is, absent where it has none or is not there yet. */
export interface Ask {
  verb: Verb;
  noun: Noun;
  labels?: Labels | undefined;
}

/** True when some rule allows it. Rules with labels allow only things whose labels they match. */
export function allows(rules: readonly Rule[], { verb, noun, labels }: Ask): boolean {
  return rules.some(
    (rule) =>
      (rule.verbs.includes("*") || rule.verbs.includes(verb)) &&
      (rule.nouns.includes("*") || rule.nouns.includes(noun)) &&
      (rule.labels === undefined || matches(rule.labels, labels ?? {})),
  );
}

/**
 * Whether who has `rules` may hand out `wanted`: nobody gives more than they have. On the safe side: labels are equal, or
 * absent in what is had; a narrower selector is not looked for.
 */
export function covers(rules: readonly Rule[], wanted: readonly Rule[]): boolean {
  return wanted.every((want) =>
    expand(want.verbs, VERBS).every((verb) =>
      expand(want.nouns, NOUNS).every((noun) =>
        rules.some(
          (rule) =>
            (rule.verbs.includes("*") || rule.verbs.includes(verb)) &&
            (rule.nouns.includes("*") || rule.nouns.includes(noun)) &&
            (isEverything(rule.labels) || sameLabels(rule.labels, want.labels)),
        ),
      ),
    ),
  );
}

function isEverything(labels: Rule["labels"]): boolean {
  return (labels?.matchLabels ?? labels?.matchExpressions) === undefined;
}

function sameLabels(a: Rule["labels"], b: Rule["labels"]): boolean {
  return canonicalJson(a ?? {}) === canonicalJson(b ?? {});
}

function expand<T extends string>(named: readonly (T | "*")[], all: readonly T[]): readonly T[] {
  return named.includes("*") ? all : named.filter((one): one is T => one !== "*");
}

interface Thing {
  labels?: Labels | undefined;
}

/**
 * What a change of one thing asks for. A rule with labels must allow it before and after the change, so nobody moves a
 * thing into or out of their reach; a Cluster's labels, which selectors read, ask for `deploy` besides.
 */
export function asksOfChange(
  noun: Noun,
  before: Thing | undefined,
  after: Thing | undefined,
  movesSelectors: boolean,
): Ask[] {
  const verb: Verb = after === undefined ? "delete" : "write";
  const sides = [before, after].filter((side) => side !== undefined);
  const verbs: Verb[] = movesSelectors ? [verb, "deploy"] : [verb];
  return sides.flatMap(({ labels }) => verbs.map((one): Ask => ({ verb: one, noun, labels })));
}

export function nounOf(kind: "Project" | "Source" | "App" | "Cluster" | "Policy" | "Promotion"): Noun {
  switch (kind) {
    case "Project":
      return "projects";
    case "Source":
      return "sources";
    case "App":
      return "apps";
    case "Cluster":
      return "clusters";
    case "Policy":
      return "policies";
    case "Promotion":
      return "promotions";
    default:
      return assertNever(kind);
  }
}
