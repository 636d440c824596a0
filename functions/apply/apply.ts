/**
 * Applies what people send: everything is valid and everything is allowed, or nothing is written. Rights are checked
 * before a word is said of what is stored.
 */
import type { Stamp } from "#core/actor.ts";
import {
  idOf,
  planPuts,
  projectFor,
  titleOf,
  type Change,
  type Document,
  type Put,
  type Refusal,
  type World,
} from "#core/apply-plan.ts";
import { warningsFor } from "#core/apply-warnings.ts";
import { APPLY_DOCUMENTS_MAX } from "#core/limits.ts";
import { Problem } from "#core/problem.ts";
import { planPrune, PRUNED_KINDS, type PrunableKind } from "#core/prune.ts";
import { matches, type Labels, type Selector } from "#core/selector.ts";
import type { Resource, ResourceKind } from "#core/resource.ts";
import type { ApplyAnswer } from "#core/view.ts";
import { refuseExpressions } from "../policy/refuse.ts";
import type { Db } from "../store/db.ts";
import { answerOf } from "./answer.ts";
import { refuseWindows } from "./refuse-windows.ts";
import { rightsCheck, type RulesIn } from "./rights.ts";
import { vanishFrom } from "./vanish.ts";
import { readWorld } from "./world.ts";
import { isWrite, resourceOf, writeChanges, type Writing } from "./write.ts";

export interface Applying {
  documents: readonly Document[];
  dryRun: boolean;
  takeover: boolean;
  prune: { selector: Selector; kinds: readonly PrunableKind[] } | undefined;
}

/** Who applies: the name for refusals, the rules it has in a project, and the stamp of what it writes. */
export interface Applier {
  name: string;
  rulesIn: RulesIn;
  stamp: Stamp;
}

const ERRORS_MAX = 50;

/** Throws `forbidden`, or why the documents cannot be applied; then nothing was written. */
export async function applyDocuments(db: Db, applier: Applier, asked: Applying): Promise<ApplyAnswer> {
  const { documents, dryRun, takeover } = asked;
  const projects = new Set(documents.map(({ resource }) => resource.metadata.project));
  const listed = listedKinds(asked);
  const world = await readWorld(db, documents, { projects, listed });
  const planned = planPuts(documents, world, { managedBy: undefined, takeover });
  const puts = refuseWindows(await refuseExpressions(planned));
  const changes = [...puts.map(({ change }) => change), ...pruned(asked, world)];
  await authorizeAll(applier, changes, (name) => projectFor(name, documents, world));
  refuse(puts);
  const after = afterOf(changes, world);
  const warnings = warningsOf(changes, after);
  const vanish = await vanishFrom(db, applier.rulesIn, world.held.values(), after);
  const told = { warnings, ...(vanish === undefined ? {} : { vanish }) };
  if (dryRun) return answerOf(changes, new Map(), told);
  const writing = await writeChanges(db, changes, applier.stamp);
  if (writing.lost !== undefined) throw lostRace(changes, writing, writing.lost);
  return answerOf(changes, writing.versions, told);
}

/** Only what a decision needs is read as a whole. */
function listedKinds({ documents, prune }: Applying): ResourceKind[] {
  const kinds = new Set<ResourceKind>(prune === undefined ? [] : [...PRUNED_KINDS, ...prune.kinds]);
  const apps = documents.flatMap(({ resource }) => (resource.kind === "App" ? [resource] : []));
  if (apps.length > 0) kinds.add("Cluster").add("Source");
  // A circle may close over Apps that nobody sent, and labels that change may take any App off a cluster.
  const isWide = documents.some(({ resource }) => narrows(resource));
  if (isWide) kinds.add("Cluster");
  const moves = isWide || documents.some(({ resource }) => resource.kind === "Cluster");
  if (moves || apps.some(({ spec }) => spec.dependsOn !== undefined)) kinds.add("App");
  return [...kinds];
}

/** A Project that reaches some clusters only may have reached more. */
function narrows(resource: Resource): boolean {
  return resource.kind === "Project" && Object.keys(resource.spec.clusters).length > 0;
}

function pruned({ documents, prune, takeover }: Applying, { held, folders }: World): Change[] {
  if (prune === undefined) return [];
  const { selector, kinds } = prune;
  const resources = documents.map(({ resource }) => resource);
  const found = planPrune({
    held: [...held.values()],
    named: new Set(resources.map(idOf)),
    isMeant: ({ resource: { kind, metadata } }) =>
      (kinds as readonly string[]).includes(kind) && matches(selector, metadata.labels ?? {}),
    staysFor: ({ managedBy }) =>
      managedBy !== undefined && folders.has(managedBy) && !takeover
        ? `managed by ${managedBy}: remove it in Git`
        : undefined,
    apps: resources.filter((resource) => resource.kind === "App"),
  });
  if (found.length <= APPLY_DOCUMENTS_MAX) return found;
  throw new Problem(
    "too-large",
    `${found.length} resources would be pruned, the limit is ${APPLY_DOCUMENTS_MAX}: narrow the selector`,
  );
}

async function authorizeAll(
  { name, rulesIn }: Applier,
  changes: readonly Change[],
  projectOf: Parameters<typeof rightsCheck>[1],
): Promise<void> {
  const refusalOf = rightsCheck(rulesIn, projectOf);
  for (const change of changes) {
    const words = await refusalOf(change);
    if (words !== undefined) throw new Problem("forbidden", `${name} may not ${words}`);
  }
}

function refuse(puts: readonly Put[]): void {
  const found = puts.flatMap(({ refusal }) => (refusal === undefined ? [] : [refusal]));
  const [first] = found;
  if (first === undefined) return;
  const same = found.filter(({ code }) => code === first.code);
  throw refusal(
    first.code,
    same.map(({ message }) => message),
  );
}

/** The first error is the detail; the list of all is bounded. */
export function refusal(code: Refusal["code"] | "too-large", errors: readonly string[]): Problem {
  const more = errors.length > ERRORS_MAX ? [`and ${errors.length - ERRORS_MAX} more`] : [];
  return new Problem(code, errors[0] ?? "", [...errors.slice(0, ERRORS_MAX), ...more]);
}

function afterOf(changes: readonly Change[], { held }: World): Map<string, Resource> {
  const after = new Map<string, Resource>([...held].map(([id, { resource }]) => [id, resource]));
  for (const change of changes) {
    const resource = resourceOf(change);
    if (change.kind === "remove") after.delete(idOf(resource));
    else if (isWrite(change)) after.set(idOf(resource), resource);
  }
  return after;
}

function warningsOf(changes: readonly Change[], after: ReadonlyMap<string, Resource>): string[] {
  const all = [...after.values()];
  return changes.flatMap((change) => {
    const app = resourceOf(change);
    if (app.kind !== "App" || change.kind !== "put" || change.outcome === "unchanged") return [];
    const near = all.filter(({ metadata }) => metadata.project === app.metadata.project);
    const clusters = near.flatMap(({ kind, metadata }): Labels[] =>
      kind === "Cluster" ? [metadata.labels ?? {}] : [],
    );
    const sources = new Set(near.flatMap(({ kind, metadata }) => (kind === "Source" ? [metadata.name] : [])));
    const apps = new Set(near.flatMap(({ kind, metadata }) => (kind === "App" ? [metadata.name] : [])));
    return warningsFor(app, { clusters, sources, apps });
  });
}

/** Which were written, which not: exactly, because somebody has to decide on it. */
function lostRace(changes: readonly Change[], { written }: Writing, lost: Change): Problem {
  const done = new Set(written);
  const title = (change: Change): string => titleOf(resourceOf(change));
  const left = changes.filter((change) => isWrite(change) && !done.has(change));
  const list = (some: readonly Change[]): string => some.map(title).join(", ") || "nothing";
  return new Problem(
    "conflict",
    `${title(lost)} was changed by somebody else at this moment; written before that: ${list(written)}: look at it, then apply again (what is written stays as it is)`,
    [`written: ${list(written)}`, `not written: ${list(left)}`],
  );
}
