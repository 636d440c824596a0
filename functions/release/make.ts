/**
 * Makes a release of a plan: signs a statement for each target that changed, keeps the frozen list, and writes release,
 * rollout and App record in one transaction.
 */
import { durationMs } from "#core/duration.ts";
import { firstFindings, type Findings } from "#core/finding.ts";
import { RELEASES_KEPT } from "#core/limits.ts";
import type { Release, Target } from "#core/release.ts";
import {
  calendarWindows,
  countOf,
  isOver,
  stagesOf,
  UNMOVED,
  withoutGates,
  type Rollout,
  type RolloutState,
} from "#core/rollout.ts";
import { archiveKey } from "../charts/find.ts";
import { chartView, factsOf } from "../charts/situation.ts";
import { renewObject } from "../objects/keep.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { Db } from "../store/db.ts";
import { createRelease, getRelease, getRollout } from "../store/rollout.ts";
import { inForce, type AppRecord } from "../store/state.ts";
import type { Questions } from "./capabilities.ts";
import { putTargets } from "./content.ts";
import { treeKey } from "./content-key.ts";
import type { Planned } from "./plan.ts";
import { SIGNED_AT_ONCE, type StatementSigner } from "./sign.ts";
import type { Situation } from "./situation.ts";
import { inSlices } from "./slices.ts";

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
    ...(record?.rolling === undefined ? {} : { rolling: record.rolling }),
    ...(record?.withheld === undefined ? {} : { withheld: record.withheld }),
    ...(record?.pinned === undefined ? {} : { pinned: record.pinned }),
    ...(chart === undefined ? {} : { chart }),
    ...questions,
    ...(warnings.total === 0 ? {} : { warnings: firstFindings(warnings, WARNINGS_IN_RECORD_MAX) }),
  };
}

export interface Making {
  /** Clusters went back from the release before. */
  returned?: boolean;
  /** It was withheld, and keeps its number. */
  approved?: { release: Release; rollout: Rollout };
  /** Rollouts that it takes the place of besides those under way. */
  ends?: readonly Rollout[];
  /** Why it is made, and who asked for it, where that was a person. */
  reason?: string;
  by?: string;
  /** Until these clusters would get something else than release `against` gave them, nothing newer is released. */
  pins?: { against: number; clusters: string[] };
}

/** The release's number, or `lost` when somebody else moved the App meanwhile. */
export async function makeRelease(
  deps: MakeDeps,
  situation: Situation,
  planned: readonly Planned[],
  noted: Noted,
  making: Making = {},
): Promise<number | "lost"> {
  const { returned = false, approved, ends = [] } = making;
  const { record } = situation;
  // The number after each release's is kept for its way back.
  const numbers = {
    release: approved?.release.release ?? numberOf(record),
    generation: (record?.generation ?? 0) + 2,
  };
  const place = await placeOf(deps, situation, making.pins !== undefined);
  // Where clusters went back, or may yet, none is sure to be where the targets of before say.
  const carries = !returned && place.after === undefined;
  const targets = await inSlices(planned, SIGNED_AT_ONCE, (plan) =>
    targetOf(deps, situation, carries ? plan : { ...plan, carried: undefined }, numbers),
  );
  const index = await putTargets(deps.objects, targets);
  const made: Release = {
    ...(await releaseFacts(deps, situation, noted, numbers.release)),
    ...(making.reason === undefined ? {} : { reason: making.reason }),
    targets: index,
    targetCount: targets.length,
    changed: targets.filter(({ carried }) => !carried).length,
    removed: targets.filter(({ action }) => action === "remove").length,
    ...(approved?.release.losses === undefined ? {} : { losses: approved.release.losses }),
  };
  const { rolling: _, pinned: __, withheld: ___, ...kept } = nextRecord(situation, made.at, noted);
  // A release that starts at once was let through by the pin.
  const isHeld = place.after !== undefined && record?.pinned !== undefined;
  const pinned = pinOf(making, numbers.release) ?? (isHeld ? { pinned: record.pinned } : {});
  const rolling = place.after === undefined ? {} : { rolling: place.after };
  const next: AppRecord = { ...kept, ...numbers, ...pinned, ...rolling, active: true };
  const told = {
    ...(making.by === undefined ? {} : { by: making.by }),
    ...(making.pins === undefined ? {} : { pinned: true }),
  };
  const rollout = { ...rolloutOf(situation, made, planned, numbers.generation, place), ...told };
  const written = await createRelease(
    deps.db,
    made,
    approved === undefined ? rollout : overWithheld(rollout, approved.rollout),
    next,
    record?.version,
    ...place.ends,
    ...ends,
  );
  return written === "lost" ? "lost" : numbers.release;
}

function pinOf({ pins }: Making, release: number): Pick<AppRecord, "pinned"> | undefined {
  return pins === undefined ? undefined : { pinned: { release, ...pins } };
}

/** The approval stays the last thing that a person did to it. */
function overWithheld(rollout: Rollout, { version, stamp }: Rollout): Rollout {
  return { ...rollout, version: version + 1, ...(stamp === undefined ? {} : { stamp }) };
}

/** One that was withheld has a number of its own, whether or not it is ever signed. */
export function numberOf(record: AppRecord | undefined): number {
  return Math.max(record?.release ?? 0, record?.withheld ?? 0) + 1;
}

type ReleaseFacts = Omit<Release, "targets" | "targetCount" | "changed" | "removed" | "losses">;

/** What the release is made of, which is kept from here on. */
export async function releaseFacts(
  deps: MakeDeps,
  situation: Situation,
  { warnings }: Noted,
  release: number,
): Promise<ReleaseFacts> {
  const { app, source, hub } = situation;
  const { project, name } = app.resource.metadata;
  const chart = factsOf(situation.chart);
  await renewInputs(deps.objects, situation, source.tree, chart);
  return {
    project,
    app: name,
    release,
    epoch: hub.epoch,
    reason: await reasonOf(deps, situation),
    commit: source.commit,
    author: source.author,
    message: source.message,
    tree: source.tree,
    ...(chart === undefined ? {} : { chart }),
    appVersion: app.version,
    inputs: situation.inputs,
    at: deps.now(),
    ...(warnings.total === 0 ? {} : { warnings }),
  };
}

/** What was rendered was kept when it was found, perhaps long ago; from here on the release names it. */
async function renewInputs(
  objects: ObjectStore,
  { clusters }: Situation,
  tree: string,
  chart: Release["chart"],
): Promise<void> {
  if (clusters.length === 0) return;
  await renewObject(objects, treeKey(tree));
  if (chart !== undefined) await renewObject(objects, archiveKey(chart.digest));
}

interface Place {
  /** The release that has to be over first; absent: it starts at once. */
  after?: number;
  /** Rollouts that it takes the place of. */
  ends: Rollout[];
  /** One of them was paused by a person, and stays so. */
  paused?: RolloutState;
}

/**
 * A rollout that a person paused, or that is going back, is waited for in any case; one that is halted never: the newer
 * release may be its cure. A deletion, and a person's way back, wait only for one that is going back itself. Of those that wait only the newest does.
 */
async function placeOf({ db }: MakeDeps, { app, record, hub }: Situation, isUrgent: boolean): Promise<Place> {
  if (record === undefined || record.release === 0) return { ends: [] };
  const { project, name } = app.resource.metadata;
  const current = inForce(record);
  const first = await getRollout(db, project, name, current);
  const newest = record.release === current ? undefined : await getRollout(db, project, name, record.release);
  const waiting = newest?.state.kind === "pending" ? [newest] : [];
  // It was started when the one before ended, and the record does not say so yet.
  const isStarted =
    newest !== undefined && waiting.length === 0 && (first === undefined || isOver(first.state));
  const under = isStarted ? newest : first;
  if (under === undefined || isOver(under.state)) return { ends: waiting };
  const { kind } = under.state;
  // What it has left to give was signed for an epoch that is over: agents refuse it, so there is nothing to wait for.
  if (under.epoch !== undefined && under.epoch < hub.epoch)
    return { ends: [under, ...waiting], ...(kind === "paused" ? { paused: under.state } : {}) };
  const cuts = app.deleting || isUrgent;
  const holds = kind === "rolling-back" || (kind === "paused" && !cuts);
  const queues = app.resource.spec.rollout.supersede === "queue" && kind !== "halted" && !cuts;
  return holds || queues ? { after: under.release, ends: waiting } : { ends: [under, ...waiting] };
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
  { app, hub, source: { commit } }: Situation,
  { wanted, order, carried, pruneLimit = wanted.pruneLimit, earlier }: Planned,
  numbers: { release: number; generation: number },
): Promise<Target> {
  if (carried !== undefined && carried.epoch === hub.epoch) return { ...carried, carried: true };
  const { project, name } = app.resource.metadata;
  const { cluster, ...body } = wanted;
  const floor = Math.max(1, numbers.release - RELEASES_KEPT);
  const { source } = earlier ?? (commit === "" ? {} : { source: { commit } });
  const statement = await deps.signer.sign({
    hub: hub.hub,
    epoch: hub.epoch,
    project,
    cluster,
    app: name,
    ...numbers,
    floor,
    ...(source === undefined ? {} : { source }),
    order: { ...body, pruneLimit },
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

function rolloutOf(
  { app: { resource, stamp, deleting }, record }: Situation,
  made: Release,
  planned: readonly Planned[],
  generation: number,
  { after, paused }: Pick<Place, "after" | "paused">,
): Rollout {
  const { rollout, dependsOn } = resource.spec;
  const total = made.targetCount;
  const edited = made.reason === "App edited" || record === undefined || record.release === 0;
  return {
    ...UNMOVED,
    project: made.project,
    app: made.app,
    release: made.release,
    commit: made.commit,
    targets: made.targets,
    total,
    stages: stagesOf(
      // What gates ask about is on its way out.
      deleting ? withoutGates(rollout) : rollout,
      planned.map(({ stage }) => stage),
    ),
    ...(rollout.windows === undefined ? {} : { windows: calendarWindows(rollout.windows) }),
    ...(dependsOn === undefined ? {} : { dependsOn }),
    epoch: made.epoch,
    generation,
    maxFailures: countOf(rollout.maxFailures, total),
    onFailure: rollout.onFailure,
    deadlineMs: durationMs(rollout.progressDeadline),
    state: after === undefined ? (paused ?? { kind: "running" }) : { kind: "pending", after },
    startedAt: made.at,
    version: 1,
    ...(edited && stamp !== undefined ? { by: stamp.by } : {}),
  };
}
