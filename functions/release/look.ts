/**
 * Looks at one App: when what it should be differs from its newest release, a new release and its rollout are made,
 * else nothing is. Level-triggered: any event may call it, twice or late. Whatever goes wrong with a commit ends as
 * the App's error; what runs keeps running.
 */
import { NO_FINDINGS } from "#core/finding.ts";
import type { ClusterLoss, Losses } from "#core/losses.ts";
import type { AppError } from "#core/view.ts";
import { canonicalJson } from "#core/digest.ts";
import type { ChartDeps } from "../charts/find.ts";
import { lookAtChart } from "../charts/look.ts";
import { chartView } from "../charts/situation.ts";
import type { Renderer } from "../render/render.ts";
import { putRollout } from "../store/rollout.ts";
import { putAppRecord } from "../store/state.ts";
import { answersChanged } from "./capabilities.ts";
import type { Common } from "./common.ts";
import { getTree, putBundle, type Files } from "./content.ts";
import { leaveApp } from "./leave.ts";
import { makeRelease, nextRecord, type MakeDeps, type Noted } from "./make.ts";
import type { Planned } from "./plan.ts";
import { pinnedBy } from "./pin.ts";
import { readPrevious, type Previous } from "./previous.ts";
import { isUntouched, putReads } from "./reads.ts";
import { isNew, readSituation, type Situation } from "./situation.ts";
import {
  isApproved,
  isAsked,
  isCovered,
  isWaiting,
  readHeld,
  withhold,
  withLimits,
  type Held,
} from "./withhold.ts";
import { returnTo } from "./return.ts";
import { changesAnything, workOut } from "./work-out.ts";

export interface ReleaseDeps extends MakeDeps, ChartDeps {
  renderer: Renderer;
}

export type Looked =
  | { kind: "nothing" }
  | { kind: "failed"; error: AppError }
  | { kind: "released"; release: number }
  /** It waits for an approval of what it would delete. */
  | { kind: "withheld"; release: number }
  /** Somebody else moved the App meanwhile: look again. */
  | { kind: "lost" };

type Plan =
  | ({
      kind: "planned";
      planned: Planned[];
      losses: readonly ClusterLoss[];
      /** What needs an approval. */
      over: Losses | undefined;
    } & Noted)
  | { kind: "failed"; error: Omit<AppError, "commit">; questions: Noted["questions"] };

/** `shared` was read for many Apps, some time ago: it may say that nothing is new, nothing else. */
export async function look(
  deps: ReleaseDeps,
  project: string,
  name: string,
  shared?: Common,
): Promise<Looked> {
  const situation = await readSituation(deps.db, project, name, shared);
  if (situation === undefined) return { kind: "nothing" };
  if (await looksElsewhere(deps, situation)) return look(deps, project, name);
  const held = await readHeld(deps, situation);
  const isWished = isApproved(held) || situation.record?.returnTo !== undefined;
  const isStill = !isNew(situation, deps.now()) && !isWished;
  if (isStill && !(await answersChanged(deps.objects, situation))) return noteChart(deps, situation);
  return shared === undefined ? release(deps, situation, held) : look(deps, project, name);
}

/** Whether something new is known of the App's chart. */
async function looksElsewhere(deps: ReleaseDeps, { app, rules, chart }: Situation): Promise<boolean> {
  if (chart === undefined || rules.kind === "refused" || app.deleting) return false;
  return lookAtChart(deps, app.resource, rules.project, chart);
}

/** A repository that is away, or moved a version, changes nothing that runs; the App tells it all the same. */
async function noteChart(deps: ReleaseDeps, { chart: situation, record }: Situation): Promise<Looked> {
  const chart = chartView(situation);
  if (record === undefined || canonicalJson(chart ?? null) === canonicalJson(record.chart ?? null))
    return { kind: "nothing" };
  const { chart: _, ...rest } = record;
  const next = { ...rest, version: record.version + 1, ...(chart === undefined ? {} : { chart }) };
  const written = await putAppRecord(deps.db, next, record.version);
  return written === "lost" ? { kind: "lost" } : { kind: "nothing" };
}

async function release(deps: ReleaseDeps, situation: Situation, held: Held | undefined): Promise<Looked> {
  const wish = situation.record?.returnTo;
  if (wish !== undefined && !situation.app.deleting) return goBack(deps, situation, held, wish);
  let tree: Promise<Files> | undefined;
  const readFiles = (): Promise<Files> => (tree ??= getTree(deps.objects, situation.source.tree));
  if (!isApproved(held) && (await isUntouched(deps.objects, situation, readFiles)))
    return settle(deps, situation, asBefore(situation));
  const previous = await readPrevious(deps, situation);
  if (situation.app.deleting && previous.gone.length === 0) return leave(deps, situation, previous);
  const plan = await planOf(deps, situation, previous, readFiles);
  if (plan.kind === "failed") return fail(deps, situation, plan);
  const { returned = false, aborted = false } = previous;
  const pinned = await pinnedBy(deps, situation, plan.planned);
  if (pinned !== undefined)
    return fail(deps, situation, { kind: "failed", error: { message: pinned }, questions: plan.questions });
  if (!returned && !aborted && !changesAnything(plan.planned, situation.hub.epoch))
    return isWaiting(held) ? forget(deps, situation, plan, held) : settle(deps, situation, plan);
  if (plan.over !== undefined && !isCovered(held, plan.over)) {
    if (isAsked(held, situation, plan.over)) return settle(deps, situation, plan);
    const release = await withhold(deps, situation, plan.planned, plan, plan.over, held);
    return release === "lost" ? { kind: "lost" } : { kind: "withheld", release };
  }
  const isCoveredBy = plan.over === undefined ? undefined : held;
  const made = await makeRelease(
    deps,
    situation,
    isCoveredBy === undefined ? plan.planned : withLimits(plan.planned, plan.losses),
    plan,
    {
      returned,
      ...(isCoveredBy === undefined ? {} : { approved: isCoveredBy }),
      ends: isCoveredBy === undefined && isWaiting(held) ? [held.rollout] : [],
    },
  );
  return made === "lost" ? { kind: "lost" } : { kind: "released", release: made };
}

/** What was committed last counts as looked at: it does not come by itself. */
async function goBack(
  deps: ReleaseDeps,
  situation: Situation,
  held: Held | undefined,
  wish: { release: number; by: string },
): Promise<Looked> {
  const noted = asBefore(situation);
  const found = await returnTo(deps, situation, await readPrevious(deps, situation), wish);
  if (found.kind === "refused")
    return fail(deps, situation, { kind: "failed", error: found, questions: noted.questions });
  const { planned, making } = found;
  if (!making.returned && !changesAnything(planned, situation.hub.epoch))
    return write(deps, situation, noted);
  const ends = isWaiting(held) ? [held.rollout] : [];
  const made = await makeRelease(deps, situation, planned, noted, { ...making, ends });
  return made === "lost" ? { kind: "lost" } : { kind: "released", release: made };
}

/** What runs is what was committed last: what was withheld in between is wanted no more. Its number stays its own. */
async function forget(
  deps: ReleaseDeps,
  situation: Situation,
  noted: Noted,
  { rollout }: Held,
): Promise<Looked> {
  const state = { kind: "superseded", at: deps.now(), by: situation.record?.release ?? 0 } as const;
  const ended = await putRollout(deps.db, { ...rollout, state });
  return ended === "lost" ? { kind: "lost" } : settle(deps, situation, noted);
}

/** Nothing was rendered, so everything that was found then is still so. */
function asBefore({ record }: Situation): Noted {
  const { warnings = NO_FINDINGS, asked, answers, reads } = record ?? {};
  const questions = asked === undefined || answers === undefined ? undefined : { asked, answers };
  return { warnings, questions, reads };
}

/** Bundles are kept, nothing of the App is written. */
async function planOf(
  deps: ReleaseDeps,
  situation: Situation,
  previous: Previous,
  readFiles: () => Promise<Files>,
): Promise<Plan> {
  const worked = await workOut(deps, situation, previous, readFiles);
  if (worked.kind === "failed") return { ...worked, questions: worked.questions };
  const { planned, bundles, warnings, withheld, questions, losses = [], over } = worked;
  if (withheld !== undefined) return { kind: "failed", error: withheld, questions };
  for (const bundle of new Set(bundles.values())) await putBundle(deps.objects, bundle);
  const reads = await putReads(deps.objects, worked.reads);
  return { kind: "planned", planned, losses, over, warnings, questions, reads };
}

/** The App's error names its commit; what was looked at is remembered, so the same failure is not made again at once. */
async function fail(
  deps: ReleaseDeps,
  situation: Situation,
  { error: found, questions }: Extract<Plan, { kind: "failed" }>,
): Promise<Looked> {
  const error = { commit: situation.source.commit, ...found };
  const record = { ...nextRecord(situation, deps.now(), { warnings: NO_FINDINGS, questions }), error };
  const written = await putAppRecord(deps.db, record, situation.record?.version);
  return written === "lost" ? { kind: "lost" } : { kind: "failed", error };
}

/** Same targets as the newest release: the commit is noted, an old error is gone. Looking again writes nothing. */
async function settle(deps: ReleaseDeps, situation: Situation, noted: Noted): Promise<Looked> {
  const { record, inputs } = situation;
  const { answers } = noted.questions ?? {};
  if (record?.inputs === inputs && record.answers === answers && record.error === undefined)
    return { kind: "nothing" };
  return write(deps, situation, noted);
}

async function write(deps: ReleaseDeps, situation: Situation, noted: Noted): Promise<Looked> {
  const next = nextRecord(situation, deps.now(), noted);
  const written = await putAppRecord(deps.db, next, situation.record?.version);
  return written === "lost" ? { kind: "lost" } : { kind: "nothing" };
}

/**
 * A deleted App that is on no cluster has nothing to leave. A rollout that does not know yet that it is through would give
 * again what it finds no placement of: its own end takes the App away.
 */
async function leave(deps: ReleaseDeps, { app }: Situation, { moving }: Previous): Promise<Looked> {
  if (moving === true) return { kind: "nothing" };
  return (await leaveApp(deps.db, app)) === "lost" ? { kind: "lost" } : { kind: "nothing" };
}
