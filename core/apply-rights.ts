/**
 * What an apply asks of who applies, change by change. A right is asked for as the thing is and as it will be, so nobody
 * moves a thing into their reach; and nobody hands out, through roles or through a fleet folder, more than they have.
 */
import {
  allows,
  asksOfChange,
  covers,
  nounOf,
  rulesFor,
  rulesOf,
  SOURCE_RULES,
  type Ask,
  type Rule,
} from "./access.ts";
import type { App } from "./app.ts";
import type { Change } from "./apply-plan.ts";
import { httpAddress } from "./chart.ts";
import { canonicalJson } from "./digest.ts";
import { HUB_PROJECT, type Project } from "./project.ts";
import type { Promotion } from "./promotion.ts";
import type { Resource } from "./resource.ts";
import type { Source } from "./source.ts";

export type Need =
  | { kind: "ask"; project: string; ask: Ask }
  /** The caller's rules in `project` must cover these. */
  | { kind: "cover"; project: string; rules: readonly Rule[]; what: string };

/** `projectOf` is a Project as it will be after the apply. */
export function needsOf(change: Change, projectOf: (name: string) => Project | undefined): Need[] {
  const after = change.kind === "put" ? change.resource : undefined;
  const before = change.kind === "put" ? change.before?.resource : change.before.resource;
  const thing = after ?? before;
  if (thing === undefined) return [];
  const { project } = thing.metadata;
  const asks = asksOfChange(
    nounOf(thing.kind),
    before?.metadata,
    after?.metadata,
    movesSelectors(before, after),
  );
  // Nobody has rights in a project that is not there yet: who makes it needs them in the hub's.
  const where = thing.kind === "Project" && before === undefined ? HUB_PROJECT : project;
  const needs = asks.map((ask): Need => ({ kind: "ask", project: where, ask }));
  if (after?.kind === "Project")
    needs.push(...projectNeeds(before?.kind === "Project" ? before : undefined, after));
  if (after?.kind === "Source")
    needs.push(...sourceNeeds(before?.kind === "Source" ? before : undefined, after, projectOf(project)));
  if (after?.kind === "App") needs.push(...appNeeds(before?.kind === "App" ? before : undefined, after));
  if (after?.kind === "Promotion")
    needs.push(...hostNeeds(before?.kind === "Promotion" ? before : undefined, after));
  return needs;
}

/** Labels and values are what selectors and paths read: setting one moves clusters. */
function movesSelectors(before: Resource | undefined, after: Resource | undefined): boolean {
  if (after?.kind !== "Cluster" || (before !== undefined && before.kind !== "Cluster")) return false;
  const facts = (cluster: typeof before) =>
    canonicalJson([cluster?.metadata.labels ?? {}, cluster?.spec.values ?? {}]);
  return facts(before) !== facts(after);
}

/** Limits of a tenant are the hub's to set; its roles and signers are its own. */
function projectNeeds(before: Project | undefined, after: Project): Need[] {
  const { name } = after.metadata;
  const needs: Need[] = [];
  const limits = ({ roles: _roles, signers: _signers, ...rest }: Project["spec"]): string =>
    canonicalJson(rest);
  if (before !== undefined && limits(before.spec) !== limits(after.spec))
    needs.push({
      kind: "ask",
      project: HUB_PROJECT,
      ask: { verb: "write", noun: "projects", labels: after.metadata.labels },
    });
  const known = new Set((before?.spec.roles ?? []).map(canonicalJson));
  const fresh = after.spec.roles.filter((binding) => !known.has(canonicalJson(binding)));
  if (fresh.length > 0)
    needs.push({
      kind: "cover",
      project: before === undefined ? HUB_PROJECT : name,
      rules: fresh.flatMap((binding) => [...rulesOf(binding)]),
      what: `the roles of Project ${name}`,
    });
  return needs;
}

/**
 * Who can say what is in a fleet folder acts as its Source, and who can point a credential at an address can read it
 * there.
 */
function sourceNeeds(before: Source | undefined, after: Source, project: Project | undefined): Need[] {
  const { name, project: where } = after.metadata;
  const needs: Need[] = [];
  const changed = canonicalJson(before?.spec ?? null) !== canonicalJson(after.spec);
  if (changed && after.spec.apps !== undefined) {
    const granted = rulesFor({ kind: "source", project: where, name }, project?.spec.roles ?? []);
    const rules = [...SOURCE_RULES, ...granted];
    needs.push({ kind: "cover", project: where, rules, what: `the fleet folder of Source ${name}` });
  }
  if (usesSecrets(after) && secretsAt(before) !== secretsAt(after))
    needs.push({ kind: "ask", project: where, ask: { verb: "write", noun: "credentials" } });
  return needs;
}

/** The same for the credentials of a chart's repository and of gates. */
function appNeeds(before: App | undefined, after: App): Need[] {
  const isSameChart =
    after.spec.chart?.credentials === undefined || secretOfChart(before) === secretOfChart(after);
  const held = new Set(secretsOfGates(before));
  if (isSameChart && secretsOfGates(after).every((one) => held.has(one))) return [];
  return [{ kind: "ask", project: after.metadata.project, ask: { verb: "write", noun: "credentials" } }];
}

/** The same for the credential that a Promotion writes with: with what, where, and what it writes there. */
function hostNeeds(before: Promotion | undefined, after: Promotion): Need[] {
  const { project } = after.metadata;
  const used = (one: Promotion | undefined) =>
    canonicalJson(one === undefined ? "" : [one.spec.host, one.spec.to]);
  if (after.spec.host.credentials === undefined || used(before) === used(after)) return [];
  return [{ kind: "ask", project, ask: { verb: "write", noun: "credentials" } }];
}

function secretOfChart(app: App | undefined): string {
  const chart = app?.spec.chart;
  if (chart === undefined) return "";
  return canonicalJson([chart.credentials ?? "", httpAddress(chart.repository)?.origin ?? ""]);
}

/** Each credential with the place that it is used at. */
function secretsOfGates(app: App | undefined): string[] {
  const gates = (app?.spec.rollout.stages ?? []).flatMap((stage) => stage.gates ?? []);
  return gates.flatMap(({ prometheus, webhook }) => {
    const { credentials, url } = prometheus ?? webhook ?? {};
    return credentials === undefined || url === undefined ? [] : [`${credentials} ${new URL(url).origin}`];
  });
}

function usesSecrets({ spec }: Source): boolean {
  return spec.credentials !== undefined || spec.webhook !== undefined;
}

function secretsAt(source: Source | undefined): string {
  if (source === undefined) return "";
  const { credentials, webhook, git } = source.spec;
  return canonicalJson([credentials ?? "", webhook ?? "", new URL(git.url).origin]);
}

/** In words what `rules`, held in the need's project, do not allow; undefined when they do. */
export function unmet(need: Need, rules: readonly Rule[]): string | undefined {
  if (need.kind === "cover")
    return covers(rules, need.rules)
      ? undefined
      : `give more than it has in project ${need.project} (${need.what})`;
  const { verb, noun } = need.ask;
  return allows(rules, need.ask) ? undefined : `${verb} ${noun} in project ${need.project}`;
}
