/**
 * Makes a release of a plan: signs a statement for each target that changed, keeps the frozen list, and writes release,
 * rollout and App record in one transaction.
 */
import type { App } from "#core/app.ts";
import { durationMs } from "#core/duration.ts";
import { firstFindings, type Findings } from "#core/finding.ts";
import { RELEASES_KEPT } from "#core/limits.ts";
import type { Release, Target } from "#core/release.ts";
import { countOf, isOver, type Rollout } from "#core/rollout.ts";
import { archiveKey } from "../charts/find.ts";
import { chartView, factsOf } from "../charts/situation.ts";
import { renewObject } from "../objects/keep.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { Db } from "../store/db.ts";
import { createRelease, getRelease, getRollout } from "../store/rollout.ts";
import type { AppRecord } from "../store/state.ts";
import type { Questions } from "./capabilities.ts";
import { putTargets, treeKey } from "./content.ts";
import type { Planned } from "./plan.ts";
import type { StatementSigner } from "./sign.ts";
import type { Situation } from "./situation.ts";

export interface MakeDeps {
  db: Db;
  objects: ObjectStore;
  signer: StatementSigner;
  now: () => number;
}

/** Of the warnings, the App's record holds this many: it is read at each look, the release holds more. */
const WARNINGS_IN_RECORD_MAX = 5;

/** What a look found beside the targets. */
export interface Noted {
  warnings: Findings;
  /** Undefined where nothing was rendered. */
  questions: Questions | undefined;
  /** Digest of what the renders took of the tree. */
  reads?: string | undefined;
}

/** The App's record once this situation was looked at; an error of before is gone. */
export function nextRecord(
  { app, hub, source, record, inputs, fixed, chart: situation }: Situation,
  now: number,
  { warnings, questions, reads }: Noted,
): AppRecord {
  const { project, name } = app.resource.metadata;
  const chart = chartView(situation);
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
    ...(reads === undefined ? {} : { fixed, reads }),
    lookedAt: now,
    ...(chart === undefined ? {} : { chart }),
    ...questions,
    ...(warnings.total === 0 ? {} : { warnings: firstFindings(warnings, WARNINGS_IN_RECORD_MAX) }),
  };
}

/** The release's number, or `lost` when somebody else moved the App meanwhile. */
export async function makeRelease(
  deps: MakeDeps,
  situation: Situation,
  planned: readonly Planned[],
  noted: Noted,
): Promise<number | "lost"> {
  const { warnings } = noted;
  const { app, source, record, hub } = situation;
  const { project, name } = app.resource.metadata;
  const numbers = { release: (record?.release ?? 0) + 1, generation: (record?.generation ?? 0) + 1 };
  const targets = await Promise.all(planned.map((plan) => targetOf(deps, situation, plan, numbers)));
  const index = await putTargets(deps.objects, targets);
  const now = deps.now();
  const chart = factsOf(situation.chart);
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
    ...(chart === undefined ? {} : { chart }),
    appVersion: app.version,
    inputs: situation.inputs,
    targets: index,
    targetCount: targets.length,
    changed: targets.filter(({ carried }) => !carried).length,
    removed: targets.filter(({ action }) => action === "remove").length,
    at: now,
    ...(warnings.total === 0 ? {} : { warnings }),
  };
  const next = { ...nextRecord(situation, now, noted), ...numbers, active: true };
  const last =
    record === undefined || record.release === 0
      ? undefined
      : await getRollout(deps.db, project, name, record.release);
  const running = last !== undefined && !isOver(last.state) ? last : undefined;
  await renewInputs(deps.objects, situation, made);
  const written = await createRelease(
    deps.db,
    made,
    rolloutOf(app.resource, made),
    next,
    record?.version,
    running,
  );
  return written === "lost" ? "lost" : numbers.release;
}

/** What was rendered was kept when it was found, perhaps long ago; from here on the release names it. */
async function renewInputs(
  objects: ObjectStore,
  { clusters }: Situation,
  { tree, chart }: Release,
): Promise<void> {
  if (clusters.length === 0) return;
  await renewObject(objects, treeKey(tree));
  if (chart !== undefined) await renewObject(objects, archiveKey(chart.digest));
}

async function reasonOf(deps: MakeDeps, { app, record, source, chart }: Situation): Promise<string> {
  const { project, name } = app.resource.metadata;
  if (app.deleting) return "App deleted";
  if (record === undefined || record.release === 0) return "first release";
  const last = await getRelease(deps.db, project, name, record.release);
  if (last?.commit !== source.commit) return "commit";
  if (last.appVersion !== app.version) return "App edited";
  return chart?.found?.digest === last.chart?.digest ? "clusters changed" : "chart moved";
}

async function targetOf(
  deps: MakeDeps,
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
