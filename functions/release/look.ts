/**
 * Looks at one App: when what it should be differs from its newest release, a new release and its rollout are made,
 * else nothing is. Level-triggered: any event may call it, twice or late. Whatever goes wrong with a commit ends as
 * the App's error; what runs keeps running.
 */
import type { App } from "#core/app.ts";
import type { Cluster } from "#core/cluster.ts";
import { digestOf } from "#core/digest.ts";
import { durationMs } from "#core/duration.ts";
import { RELEASES_KEPT, TARGETS_MAX } from "#core/limits.ts";
import type { Release, Target } from "#core/release.ts";
import { countOf, isOver, type Rollout } from "#core/rollout.ts";
import { matches } from "#core/selector.ts";
import { lastRead, type ReadSource } from "#core/source.ts";
import type { AppError } from "#core/view.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { Renderer } from "../render/render.ts";
import type { Db } from "../store/db.ts";
import { getHub, type Hub } from "../store/hub.ts";
import { getPlacements } from "../store/placement.ts";
import { deleteResource, getResource, listResources, type Stored } from "../store/resource.ts";
import { createRelease, getRelease, getRollout } from "../store/rollout.ts";
import { getAppRecord, getSourceState, putAppRecord, type AppRecord } from "../store/state.ts";
import { getTargets, getTree, putBundle, putTargets } from "./content.ts";
import { overBudget, planTargets, type Planned } from "./plan.ts";
import { renderTargets } from "./render-targets.ts";
import type { StatementSigner } from "./sign.ts";

export interface ReleaseDeps {
  db: Db;
  objects: ObjectStore;
  renderer: Renderer;
  signer: StatementSigner;
  now: () => number;
}

export type Looked =
  | { kind: "nothing" }
  | { kind: "failed"; error: AppError }
  | { kind: "released"; release: number }
  /** Somebody else moved the App meanwhile: look again. */
  | { kind: "lost" };

interface Situation {
  hub: Hub;
  app: Stored<App>;
  source: ReadSource;
  clusters: Cluster[];
  record: AppRecord | undefined;
  before: Map<string, Target>;
  /** Clusters that have the App, are still there, and shall not have it any more. */
  gone: string[];
  inputs: string;
}

export async function look(deps: ReleaseDeps, project: string, name: string): Promise<Looked> {
  const situation = await read(deps, project, name);
  if (situation === undefined || situation.inputs === situation.record?.inputs) return { kind: "nothing" };
  if (situation.app.deleting && situation.gone.length === 0) return leave(deps, situation);
  const { app, source, clusters } = situation;
  const files =
    clusters.length === 0 ? new Map<string, Uint8Array>() : await getTree(deps.objects, source.tree);
  const rendered = await renderTargets(deps.renderer, app.resource, files, clusters);
  if (rendered.kind === "failed") return fail(deps, situation, { commit: source.commit, ...rendered.error });
  const planned = planTargets(app.resource, rendered.bundles, situation.gone, situation.before);
  if (planned.length > TARGETS_MAX)
    return fail(deps, situation, {
      commit: source.commit,
      message: `spec.clusters matches ${planned.length} clusters, more than ${TARGETS_MAX}`,
    });
  const over = await overBudget(deps.objects, app.resource, planned, rendered.bundles, situation.before);
  if (over !== undefined)
    return fail(deps, situation, { commit: source.commit, message: budgetMessage(app.resource, over) });
  for (const bundle of new Set(rendered.bundles.values())) await putBundle(deps.objects, bundle);
  if (!changes(planned, situation)) return settle(deps, situation);
  return release(deps, situation, planned);
}

function budgetMessage(
  app: App,
  over: { clusters: string[]; worst: { count: number; examples: string[] } },
): string {
  const { clusters, worst } = over;
  const where = clusters.length === 1 ? `on ${clusters[0]}` : `on each of ${clusters.length} clusters`;
  return `withheld: it would delete ${worst.count} objects ${where} (${worst.examples.join(", ")} …), the budget is ${app.spec.rollout.budget.deletes}: raise spec.rollout.budget.deletes of App ${app.metadata.name} if that is meant`;
}

/** The App's error names its commit; looked-at inputs are remembered, so that the same failure is not made again. */
async function fail(deps: ReleaseDeps, situation: Situation, error: AppError): Promise<Looked> {
  const written = await putAppRecord(deps.db, { ...nextRecord(situation), error }, situation.record?.version);
  return written === "lost" ? { kind: "lost" } : { kind: "failed", error };
}

/** Same targets as the newest release: the commit is noted, an old error is gone. */
async function settle(deps: ReleaseDeps, situation: Situation): Promise<Looked> {
  const written = await putAppRecord(deps.db, nextRecord(situation), situation.record?.version);
  return written === "lost" ? { kind: "lost" } : { kind: "nothing" };
}

/** A deleted App that is on no cluster has nothing to leave. */
async function leave(deps: ReleaseDeps, { app }: Situation): Promise<Looked> {
  return (await deleteResource(deps.db, app)) === "lost" ? { kind: "lost" } : { kind: "nothing" };
}

function nextRecord({ app, hub, source, record, inputs }: Situation): AppRecord {
  const { project, name } = app.resource.metadata;
  return {
    project,
    app: name,
    version: (record?.version ?? 0) + 1,
    epoch: hub.epoch,
    generation: record?.generation ?? 0,
    release: record?.release ?? 0,
    active: record?.active ?? false,
    commit: source.commit,
    inputs,
    ...(record?.targets === undefined ? {} : { targets: record.targets }),
  };
}

function changes(planned: readonly Planned[], { hub }: Situation): boolean {
  return planned.some(({ carried }) => carried === undefined || carried.epoch !== hub.epoch);
}

async function read(deps: ReleaseDeps, project: string, name: string): Promise<Situation | undefined> {
  const app = await getResource(deps.db, "App", project, name);
  if (app === undefined) return undefined;
  const source = lastRead(await getSourceState(deps.db, project, app.resource.spec.source));
  if (source === undefined) return undefined;
  const hub = await getHub(deps.db);
  const record = await getAppRecord(deps.db, project, name);
  const all = (await listResources(deps.db, "Cluster", project)).map(({ resource }) => resource);
  const clusters = app.deleting
    ? []
    : all.filter((cluster) => matches(app.resource.spec.clusters, cluster.metadata.labels ?? {}));
  const before = await targetsBefore(deps, project, name, record);
  const gone = await goneClusters(
    deps,
    app,
    clusters,
    before,
    new Set(all.map(({ metadata }) => metadata.name)),
  );
  const facts = clusters.map(({ metadata, spec }) => [metadata.name, metadata.labels ?? {}, spec.values]);
  const inputs = digestOf({
    tree: source.tree,
    commit: source.commit,
    spec: app.resource.spec,
    facts,
    gone,
    epoch: hub.epoch,
  });
  return { hub, app, source, clusters, record, before, gone, inputs };
}

async function targetsBefore(
  deps: ReleaseDeps,
  project: string,
  name: string,
  record: AppRecord | undefined,
): Promise<Map<string, Target>> {
  if (record === undefined || record.release === 0) return new Map();
  const last = await getRelease(deps.db, project, name, record.release);
  if (last === undefined)
    throw new Error(`App ${name} names release ${record.release}, which is not in the table`);
  const targets = await getTargets(deps.objects, last.targets, 0, last.targetCount);
  return new Map(targets.map((target) => [target.cluster, target]));
}

/** A removal stays a target until its cluster has told that it is done. */
async function goneClusters(
  deps: ReleaseDeps,
  app: Stored<App>,
  matching: readonly Cluster[],
  before: ReadonlyMap<string, Target>,
  known: ReadonlySet<string>,
): Promise<string[]> {
  const kept = new Set(matching.map(({ metadata }) => metadata.name));
  const leaving = [...before.keys()].filter((cluster) => !kept.has(cluster) && known.has(cluster));
  const { project, name } = app.resource.metadata;
  const placements = await getPlacements(deps.db, project, name, leaving);
  const isGone = (cluster: string): boolean =>
    before.get(cluster)?.action === "remove" && placements.get(cluster)?.observed?.phase === "removed";
  return leaving.filter((cluster) => !isGone(cluster)).sort();
}

async function release(
  deps: ReleaseDeps,
  situation: Situation,
  planned: readonly Planned[],
): Promise<Looked> {
  const { app, source, record, hub } = situation;
  const { project, name } = app.resource.metadata;
  const numbers = { release: (record?.release ?? 0) + 1, generation: (record?.generation ?? 0) + 1 };
  const targets = await Promise.all(planned.map((plan) => targetOf(deps, situation, plan, numbers)));
  const index = await putTargets(deps.objects, targets);
  const now = deps.now();
  const made: Release = {
    project,
    app: name,
    release: numbers.release,
    epoch: hub.epoch,
    reason: await reasonOf(deps, situation),
    commit: source.commit,
    author: source.author,
    message: source.message,
    tree: source.tree,
    appVersion: app.version,
    inputs: situation.inputs,
    targets: index,
    targetCount: targets.length,
    changed: targets.filter(({ carried }) => !carried).length,
    removed: targets.filter(({ action }) => action === "remove").length,
    at: now,
  };
  const next = { ...nextRecord(situation), ...numbers, active: true, targets: index };
  const last =
    record === undefined || record.release === 0
      ? undefined
      : await getRollout(deps.db, project, name, record.release);
  const running = last !== undefined && !isOver(last.state) ? last : undefined;
  const written = await createRelease(
    deps.db,
    made,
    rolloutOf(app.resource, made),
    next,
    record?.version,
    running,
  );
  return written === "lost" ? { kind: "lost" } : { kind: "released", release: numbers.release };
}

async function reasonOf(deps: ReleaseDeps, { app, record, source }: Situation): Promise<string> {
  const { project, name } = app.resource.metadata;
  if (app.deleting) return "App deleted";
  if (record === undefined || record.release === 0) return "first release";
  const last = await getRelease(deps.db, project, name, record.release);
  if (last?.commit !== source.commit) return "commit";
  return last.appVersion === app.version ? "clusters changed" : "App edited";
}

async function targetOf(
  deps: ReleaseDeps,
  { app, hub }: Situation,
  { wanted, order, carried }: Planned,
  numbers: { release: number; generation: number },
): Promise<Target> {
  if (carried !== undefined && carried.epoch === hub.epoch) return { ...carried, carried: true };
  const { project, name } = app.resource.metadata;
  const { cluster, ...body } = wanted;
  const floor = Math.max(1, numbers.release - RELEASES_KEPT);
  const statement = await deps.signer.sign({
    hub: hub.hub,
    epoch: hub.epoch,
    project,
    cluster,
    app: name,
    ...numbers,
    floor,
    order: body,
  });
  const bundle = wanted.action === "apply" ? { bundle: wanted.bundle } : {};
  return {
    cluster,
    action: wanted.action,
    order,
    ...bundle,
    epoch: hub.epoch,
    ...numbers,
    carried: false,
    statement,
  };
}

function rolloutOf(app: App, made: Release): Rollout {
  const total = made.targetCount;
  const maxUnavailable = countOf(app.spec.rollout.maxUnavailable, total);
  return {
    project: made.project,
    app: made.app,
    release: made.release,
    commit: made.commit,
    targets: made.targets,
    total,
    stages: total === 0 ? [] : [{ name: "rest", from: 0, to: total, maxUnavailable }],
    released: 0,
    settled: 0,
    fence: 1,
    deadlineMs: durationMs(app.spec.rollout.progressDeadline),
    state: { kind: "running" },
    startedAt: made.at,
    version: 1,
  };
}
