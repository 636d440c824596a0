/**
 * What a Project allows its Apps, decided over plain data: where their Sources may come from, which objects they may
 * bring. What is not clearly allowed is refused. Whoever assigns something asks here first.
 *
 * `spec.namespaces` with `**` among them limits nothing. Any other list is a fence: each object stands in one of these
 * namespaces, a Namespace counts by its name, and what is not known to live in a namespace (cluster-scoped kinds, and
 * custom kinds without a definition in the bundle) must be named in `spec.kinds.allow`, where `*` names no kind.
 */
import type { App } from "./app.ts";
import { chartAddress, type ChartRef } from "./chart.ts";
import { groupOf, refOf, refText, type KubeObject } from "./object.ts";
import { findingsOf, type Finding, type Findings } from "./finding.ts";
import { fitsGlob } from "./glob.ts";
import type { Project } from "./project.ts";
import { namespaceOf, scopesIn, type Scope } from "./scope.ts";
import { accountOf, accountText } from "./service-account.ts";

type KindRule = Project["spec"]["kinds"]["allow"][number];

/** What `sources` is held against: no user, query or fragment, dots resolved, default ports left out; else undefined. */
export function sourceAddress(url: string): string | undefined {
  // A registry's address is resolved as the https one that is spoken to, and keeps its own scheme.
  if (url.startsWith("oci://")) return sourceAddress(`https${url.slice(3)}`)?.replace(/^https/, "oci");
  if (!URL.canParse(url)) return undefined;
  const { origin, pathname, username, password } = new URL(url);
  // Servers differ in what an encoded slash means: it could climb out of an allowed folder.
  if (origin === "null" || username !== "" || password !== "" || /%(2f|5c)/i.test(pathname)) return undefined;
  return `${origin}${pathname}`;
}

/** A glob is held against the address as a client would ask for it, never against the text as written. */
export function allowsSource(project: Project, url: string): boolean {
  const { sources } = project.spec;
  if (sources.includes("**")) return true;
  const address = sourceAddress(url);
  return address !== undefined && sources.some((glob) => fitsGlob(glob, address));
}

export function sourceRefusal(project: Project, source: string, url: string): string {
  const { name } = project.metadata;
  return `the repository of Source ${source} (${url}) is not among spec.sources of Project ${name} (${project.spec.sources.join(", ") || "none"}): allow it there, or use another Source`;
}

/** A glob may name the repository, and so all charts in it, or one chart (`oci://host/path/name`). */
export function chartRefusal(project: Project, app: string, chart: ChartRef): string | undefined {
  const address = chartAddress(chart);
  if (allowsSource(project, chart.repository) || allowsSource(project, address)) return undefined;
  const { sources } = project.spec;
  return `the chart of App ${app} (${address}) is not among spec.sources of Project ${project.metadata.name} (${sources.join(", ") || "none"}): allow it there, or use another`;
}

/** An App that named none would act with all that the agent may: where a list stands, none is no way around it. */
export function accountRefusal(project: Project, { metadata, spec }: App): string | undefined {
  const { serviceAccounts } = project.spec;
  if (serviceAccounts.length === 0) return undefined;
  const { serviceAccount } = spec.sync;
  const among = `spec.serviceAccounts of Project ${project.metadata.name} (${serviceAccounts.slice(0, 5).join(", ")})`;
  if (serviceAccount === undefined)
    return `App ${metadata.name} names no service account: set its spec.sync.serviceAccount to one that is among ${among}`;
  const account = accountText(accountOf(serviceAccount, spec.namespace));
  if (serviceAccounts.some((glob) => fitsGlob(glob, account))) return undefined;
  return `the service account of App ${metadata.name} (${account}) is not among ${among}: allow it there, or use another`;
}

/** Every object of a bundle that the Project does not allow; `namespace` is the App's. */
export function projectFindings(
  project: Project,
  namespace: string,
  objects: readonly KubeObject[],
): Findings {
  const scopeOf = scopesIn(objects);
  const fits = globTest(project.spec.namespaces);
  const found: Finding[] = [];
  for (const object of objects) {
    const scope = scopeOf(object);
    const stands = namespaceOf(object, scope, namespace);
    const message = kindRefusal(project, object) ?? placeRefusal(project, object, scope, stands, fits);
    if (message === undefined) continue;
    const ref = { ...refOf(object), namespace: stands ?? "" };
    found.push({ by: `Project ${project.metadata.name}`, object: refText(ref), message });
  }
  return findingsOf(found);
}

function kindRefusal(project: Project, object: KubeObject): string | undefined {
  const { allow, deny } = project.spec.kinds;
  const { name } = project.metadata;
  const kind = kindText(object);
  if (deny.some((rule) => isMeant(rule, object)))
    return `${kind} is denied by spec.kinds.deny of Project ${name}: take the object out`;
  if (allow.length > 0 && !allow.some((rule) => isMeant(rule, object)))
    return `${kind} is not among spec.kinds.allow of Project ${name}: take the object out, or allow its kind there`;
  return undefined;
}

function placeRefusal(
  project: Project,
  object: KubeObject,
  scope: Scope,
  stands: string | undefined,
  fits: (namespace: string) => boolean,
): string | undefined {
  const { namespaces, kinds } = project.spec;
  if (namespaces.includes("**")) return undefined;
  const { name } = project.metadata;
  const allowed = `spec.namespaces of Project ${name} (${namespaces.slice(0, 5).join(", ") || "none"})`;
  const isNamespace = groupOf(object.apiVersion) === "" && object.kind === "Namespace";
  const place = isNamespace ? object.metadata.name : stands;
  if (place !== undefined && !fits(place))
    return `namespace ${place} is not among ${allowed}: move it, or allow the namespace there`;
  if (isNamespace || scope === "namespaced" || kinds.allow.some((rule) => isNamed(rule, object)))
    return undefined;
  const rule = `{ group: "${groupOf(object.apiVersion)}", kind: ${object.kind} }`;
  const why = scope === "cluster" ? "is cluster-scoped" : "may be cluster-scoped, no definition says";
  return `${kindText(object)} ${why}, and Project ${name} limits namespaces: take it out, or name ${rule} in its spec.kinds.allow`;
}

function isMeant({ group, kind }: KindRule, object: KubeObject): boolean {
  return (kind === "*" || kind === object.kind) && (group === "*" || group === groupOf(object.apiVersion));
}

function isNamed(rule: KindRule, object: KubeObject): boolean {
  return rule.kind !== "*" && isMeant(rule, object);
}

function kindText(object: KubeObject): string {
  const group = groupOf(object.apiVersion);
  return group === "" ? object.kind : `${object.kind}.${group}`;
}

/** Remembers each answer: thousands of objects stand in few namespaces. */
function globTest(globs: readonly string[]): (text: string) => boolean {
  const known = new Map<string, boolean>();
  return (text) => {
    const answer = known.get(text) ?? globs.some((glob) => fitsGlob(glob, text));
    known.set(text, answer);
    return answer;
  };
}
