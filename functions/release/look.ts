/**
 * Looks at one App: when what it should be differs from its newest release, a new release and its rollout are made,
 * else nothing is. Level-triggered: any event may call it, twice or late. Whatever goes wrong with a commit ends as
 * the App's error; what runs keeps running.
 */
import type { App } from "#core/app.ts";
import { TARGETS_MAX } from "#core/limits.ts";
import type { AppError } from "#core/view.ts";
import type { Renderer } from "../render/render.ts";
import { putAppRecord } from "../store/state.ts";
import { getTree, putBundle } from "./content.ts";
import { leaveApp } from "./leave.ts";
import { makeRelease, nextRecord, type MakeDeps } from "./make.ts";
import { overBudget, planTargets, type OverBudget, type Planned } from "./plan.ts";
import { readPrevious, type Previous } from "./previous.ts";
import { renderTargets } from "./render-targets.ts";
import { isNew, readSituation, type Situation } from "./situation.ts";

export interface ReleaseDeps extends MakeDeps {
  renderer: Renderer;
}

export type Looked =
  | { kind: "nothing" }
  | { kind: "failed"; error: AppError }
  | { kind: "released"; release: number }
  /** Somebody else moved the App meanwhile: look again. */
  | { kind: "lost" };

type Plan = { kind: "planned"; planned: Planned[] } | { kind: "failed"; error: Omit<AppError, "commit"> };

export async function look(deps: ReleaseDeps, project: string, name: string): Promise<Looked> {
  const situation = await readSituation(deps.db, project, name);
  if (situation === undefined || !isNew(situation, deps.now())) return { kind: "nothing" };
  const previous = await readPrevious(deps, situation);
  if (situation.app.deleting && previous.gone.length === 0) return leave(deps, situation);
  const plan = await planOf(deps, situation, previous);
  if (plan.kind === "failed") return fail(deps, situation, plan.error);
  if (!changes(plan.planned, situation)) return settle(deps, situation);
  const release = await makeRelease(deps, situation, plan.planned);
  return release === "lost" ? { kind: "lost" } : { kind: "released", release };
}

/** Renders, plans and checks; bundles are kept, nothing of the App is written. */
async function planOf(deps: ReleaseDeps, situation: Situation, previous: Previous): Promise<Plan> {
  const { app, source, clusters } = situation;
  const none = new Map<string, Uint8Array>();
  const files = clusters.length === 0 ? none : await getTree(deps.objects, source.tree);
  const rendered = await renderTargets(deps.renderer, app.resource, files, clusters);
  if (rendered.kind === "failed") return rendered;
  const { bundles } = rendered;
  const planned = planTargets(app.resource, bundles, previous.gone, previous.targets);
  if (planned.length > TARGETS_MAX)
    return failed(`spec.clusters matches ${planned.length} clusters, more than ${TARGETS_MAX}`);
  const over = await overBudget(deps.objects, app.resource, planned, bundles, previous.targets);
  if (over !== undefined) return failed(budgetMessage(app.resource, over));
  for (const bundle of new Set(bundles.values())) await putBundle(deps.objects, bundle);
  return { kind: "planned", planned };
}

function failed(message: string): Plan {
  return { kind: "failed", error: { message } };
}

function budgetMessage(app: App, { clusters, worst }: OverBudget): string {
  const where = clusters.length === 1 ? `on ${clusters[0]}` : `on each of ${clusters.length} clusters`;
  const { budget } = app.spec.rollout;
  return `withheld: it would delete ${worst.count} objects ${where} (${worst.examples.join(", ")} …), the budget is ${budget.deletes}: raise spec.rollout.budget.deletes of App ${app.metadata.name} if that is meant`;
}

function changes(planned: readonly Planned[], { hub }: Situation): boolean {
  return planned.some(({ carried }) => carried === undefined || carried.epoch !== hub.epoch);
}

/** The App's error names its commit; what was looked at is remembered, so the same failure is not made again at once. */
async function fail(
  deps: ReleaseDeps,
  situation: Situation,
  found: Omit<AppError, "commit">,
): Promise<Looked> {
  const error = { commit: situation.source.commit, ...found };
  const record = { ...nextRecord(situation, deps.now()), error };
  const written = await putAppRecord(deps.db, record, situation.record?.version);
  return written === "lost" ? { kind: "lost" } : { kind: "failed", error };
}

/** Same targets as the newest release: the commit is noted, an old error is gone. Looking again writes nothing. */
async function settle(deps: ReleaseDeps, situation: Situation): Promise<Looked> {
  const { record, inputs } = situation;
  if (record?.inputs === inputs && record.error === undefined) return { kind: "nothing" };
  const written = await putAppRecord(deps.db, nextRecord(situation, deps.now()), record?.version);
  return written === "lost" ? { kind: "lost" } : { kind: "nothing" };
}

/** A deleted App that is on no cluster has nothing to leave. */
async function leave(deps: ReleaseDeps, { app }: Situation): Promise<Looked> {
  return (await leaveApp(deps.db, app)) === "lost" ? { kind: "lost" } : { kind: "nothing" };
}
