/**
 * What an apply would do, decided over plain data: each document held against what is stored, in the order in which
 * things depend on each other. People and fleet folders go through the same plan; nothing is read or written here.
 *
 * Who keeps a resource is `managedBy`: a fleet folder (`source:<project>/<name>`), or `people`, who took it from one.
 * Nobody's is taken by whoever applies it; a folder's is left alone by people unless they say `takeover`; what people
 * took over goes back to a folder once both say the same.
 */
import type { Stamp } from "./actor.ts";
import type { App } from "./app.ts";
import { dependenciesOf, dependencyCycle } from "./depends.ts";
import { canonicalJson } from "./digest.ts";
import { HUB_PROJECT, type Project } from "./project.ts";
import { accountRefusal, allowsSource, chartRefusal, sourceRefusal } from "./project-rules.ts";
import { diffResources, type ResourceDiff } from "./resource-diff.ts";
import type { Resource, ResourceKind } from "./resource.ts";

/** A stored resource, as the table has it. */
export interface Held<R extends Resource = Resource> {
  resource: R;
  version: number;
  deleting: boolean;
  stamp: Stamp | undefined;
  managedBy: string | undefined;
}

export interface Document {
  /** Opens what is said of it, such as `document 2`. */
  place: string;
  resource: Resource;
}

export interface World {
  /** By `idOf`: all that the documents name, and besides all that was listed. */
  held: ReadonlyMap<string, Held>;
  /** Sources with a fleet folder, as `managedBy` names them. */
  folders: ReadonlySet<string>;
}

export interface PutChange {
  kind: "put";
  place: string;
  resource: Resource;
  before: Held | undefined;
  outcome: "created" | "configured" | "unchanged";
  managedBy: string | undefined;
  diff: ResourceDiff;
}
export interface RemoveChange {
  kind: "remove";
  before: Held;
}
/** Would be pruned, and cannot be yet. */
export interface KeepChange {
  kind: "keep";
  before: Held;
  why: string;
}
export type Change = PutChange | RemoveChange | KeepChange;

export interface Refusal {
  code: "conflict" | "not-found" | "invalid-resource";
  message: string;
}

/** What a document would do, and why it may not. Rights are asked for in either case. */
export interface Put {
  change: PutChange;
  refusal: Refusal | undefined;
}

export interface Acting {
  /** The fleet folder that applies; undefined for people. */
  managedBy: string | undefined;
  /** People take what a fleet folder keeps. */
  takeover: boolean;
}

export const TAKEN_OVER = "people";
const ORDER: readonly ResourceKind[] = ["Project", "Policy", "Source", "Cluster", "App", "Promotion"];

export function idOf({ kind, metadata }: Resource): string {
  return `${kind}/${metadata.project}/${metadata.name}`;
}

/** `App shop`, as every message names it. */
export function titleOf({ kind, metadata }: Resource): string {
  return `${kind} ${metadata.name}`;
}

export function folderName(project: string, source: string): string {
  return `source:${project}/${source}`;
}

/** Things before what needs them. */
export function inOrder<T extends { kind: ResourceKind }>(a: T, b: T): number {
  return ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind);
}

/** Of each document, in the order of writing. */
export function planPuts(documents: readonly Document[], world: World, acting: Acting): Put[] {
  const seen = new Map<string, string>();
  const puts = documents.map((document): Put => {
    const id = idOf(document.resource);
    const first = seen.get(id);
    seen.set(id, first ?? document.place);
    const refusal =
      first === undefined
        ? refusalOf(document, documents, world, acting)
        : invalid(document, `stands already in ${first}: keep one`);
    return { change: changeOf(document, world, acting), refusal };
  });
  return puts.sort((a, b) => inOrder(a.change.resource, b.change.resource));
}

function refusalOf(
  document: Document,
  all: readonly Document[],
  world: World,
  acting: Acting,
): Refusal | undefined {
  const { resource } = document;
  const held = world.held.get(idOf(resource));
  return (
    versionRefusal(document, held) ??
    ownerRefusal(document, held, world, acting) ??
    (resource.kind === "Project" ? undefined : projectRefusal(document, all, world))
  );
}

function versionRefusal(document: Document, held: Held | undefined): Refusal | undefined {
  const sent = document.resource.metadata.resourceVersion;
  if (sent === undefined || sent === (held?.version ?? 0)) return undefined;
  if (held === undefined)
    return conflict(
      document,
      `is not there, you sent version ${sent}: leave resourceVersion out to create it`,
    );
  const by = held.stamp === undefined ? "" : `, last changed by ${held.stamp.by}`;
  return conflict(document, `has version ${held.version}, you sent ${sent}${by}: read it again, then apply`);
}

function ownerRefusal(
  document: Document,
  held: Held | undefined,
  { folders }: World,
  { managedBy, takeover }: Acting,
): Refusal | undefined {
  const owner = held?.managedBy;
  if (held === undefined || owner === undefined || owner === managedBy || takeover) return undefined;
  if (isSame(document.resource, held)) return undefined;
  if (owner === TAKEN_OVER)
    return managedBy === undefined
      ? undefined
      : conflict(
          document,
          `was taken over by ${held.stamp?.by ?? "people"} and differs: commit what runs, and the folder keeps it again`,
        );
  // A Source that is gone, or has no fleet folder any more, keeps nothing.
  if (!folders.has(owner)) return undefined;
  const way =
    managedBy === undefined
      ? "change it in Git, or take it over (--takeover)"
      : "one of the two must let it go";
  return conflict(document, `managed by ${owner}: ${way}`);
}

function projectRefusal(document: Document, all: readonly Document[], world: World): Refusal | undefined {
  const { resource } = document;
  const { project } = resource.metadata;
  if (project === HUB_PROJECT && resource.kind !== "Policy")
    return invalid(
      document,
      `project ${HUB_PROJECT} is the hub's own and holds no ${resource.kind}s: name another`,
    );
  const found = projectFor(project, all, world);
  if (found === undefined)
    return {
      code: "not-found",
      message: `${document.place}: ${titleOf(resource)}: there is no project ${project}: apply a Project of that name first, or beside it`,
    };
  return resource.kind === "App"
    ? (accountFault(document, resource, found) ??
        chartFault(document, resource, found) ??
        cycleFault(document, resource, all, world))
    : sourceFault(document, found);
}

/** Apps that wait for each other would never move. */
function cycleFault(
  document: Document,
  app: App,
  all: readonly Document[],
  { held }: World,
): Refusal | undefined {
  if (app.spec.dependsOn === undefined) return undefined;
  const stored = [...held.values()].map(({ resource }) => resource);
  const apps = [...stored, ...all.map(({ resource }) => resource)].flatMap((one) =>
    one.kind === "App" && one.metadata.project === app.metadata.project ? [one] : [],
  );
  const cycle = dependencyCycle(app.metadata.name, dependenciesOf(apps));
  return cycle === undefined
    ? undefined
    : invalid(
        document,
        `spec.dependsOn: ${cycle.join(" waits for ")}: none of them would ever move, take one of these away`,
      );
}

function accountFault(document: Document, app: App, project: Project): Refusal | undefined {
  const refusal = accountRefusal(project, app);
  return refusal === undefined ? undefined : invalid(document, `spec.sync.serviceAccount: ${refusal}`);
}

function chartFault(document: Document, app: App, project: Project): Refusal | undefined {
  const { chart } = app.spec;
  if (chart === undefined) return undefined;
  const refusal = chartRefusal(project, app.metadata.name, chart);
  if (refusal !== undefined) return invalid(document, `spec.chart.repository: ${refusal}`);
  return signersFault(document, "spec.chart.verify.signers", chart.verify?.signers, project);
}

function sourceFault(document: Document, project: Project): Refusal | undefined {
  const { resource } = document;
  if (resource.kind !== "Source") return undefined;
  const { git, verify } = resource.spec;
  if (!allowsSource(project, git.url))
    return invalid(document, `spec.git.url: ${sourceRefusal(project, resource.metadata.name, git.url)}`);
  return signersFault(document, "spec.verify.signers", verify?.signers, project);
}

function signersFault(
  document: Document,
  field: string,
  signers: readonly string[] | undefined,
  project: Project,
): Refusal | undefined {
  const known = project.spec.signers.map(({ name }) => name);
  const unknown = signers?.find((name) => !known.includes(name));
  if (unknown === undefined) return undefined;
  return invalid(
    document,
    `${field}: ${unknown} is no signer of Project ${project.metadata.name} (${known.join(", ") || "it has none"}): add it to its spec.signers`,
  );
}

/** As it will be after this apply. */
export function projectFor(name: string, all: readonly Document[], { held }: World): Project | undefined {
  for (const { resource } of all)
    if (resource.kind === "Project" && resource.metadata.name === name) return resource;
  const stored = held.get(`Project/${name}/${name}`)?.resource;
  return stored?.kind === "Project" ? stored : undefined;
}

function changeOf({ place, resource }: Document, { held, folders }: World, acting: Acting): PutChange {
  const { resourceVersion: _, ...metadata } = resource.metadata;
  const wanted = { ...resource, metadata } as Resource;
  const before = held.get(idOf(resource));
  const managedBy = ownerAfter(wanted, before, folders, acting);
  const same = before !== undefined && !before.deleting && isSame(wanted, before);
  const outcome =
    before === undefined ? "created" : same && before.managedBy === managedBy ? "unchanged" : "configured";
  return {
    kind: "put",
    place,
    resource: wanted,
    before,
    outcome,
    managedBy,
    diff: diffResources(before?.resource, wanted),
  };
}

function ownerAfter(
  wanted: Resource,
  before: Held | undefined,
  folders: ReadonlySet<string>,
  { managedBy, takeover }: Acting,
): string | undefined {
  const owner = before?.managedBy;
  if (before === undefined || owner === undefined || owner === managedBy) return managedBy;
  if (managedBy !== undefined) return folders.has(owner) ? owner : managedBy;
  if (owner === TAKEN_OVER) return owner;
  if (!folders.has(owner)) return undefined;
  return takeover || !isSame(wanted, before) ? TAKEN_OVER : owner;
}

function isSame(resource: Resource, held: Held): boolean {
  const { resourceVersion: _, ...metadata } = resource.metadata;
  return canonicalJson({ ...resource, metadata }) === canonicalJson(held.resource);
}

function conflict({ place, resource }: Document, words: string): Refusal {
  return { code: "conflict", message: `${place}: ${titleOf(resource)}: ${words}` };
}

function invalid({ place, resource }: Document, words: string): Refusal {
  return { code: "invalid-resource", message: `${place}: ${titleOf(resource)}: ${words}` };
}
