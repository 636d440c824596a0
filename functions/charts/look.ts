/**
 * Looks where an App's chart is, when that is due, and writes what was found or why nothing was. What was found before stays
 * in force when a look fails. Nothing new costs one or two small requests and no write.
 */
import type { App } from "#core/app.ts";
import { chartDueAt, type ChartState } from "#core/chart-state.ts";
import type { Project } from "#core/project.ts";
import { getCredential } from "../store/credential.ts";
import { putChartState } from "../store/chart.ts";
import type { Db } from "../store/db.ts";
import { ChartFailure } from "./failure.ts";
import { findChart, type ChartDeps, type Found } from "./find.ts";
import type { ChartSituation } from "./situation.ts";

/** When this process looked last, by App; may be lost without harm. */
const looked = new WeakMap<Db, Map<string, number>>();
const running = new WeakMap<Db, Map<string, Promise<boolean>>>();

/** Whether something was written that the App must be looked at with. */
export async function lookAtChart(
  deps: ChartDeps,
  app: App,
  project: Project,
  situation: ChartSituation,
): Promise<boolean> {
  if (!(await isChartDue(deps, app, situation))) return false;
  const id = idOf(app);
  // Two events of one App at once ask one time.
  const looks = mapIn(running, deps.db);
  const wish = `${id} ${situation.asked}`;
  const look = looks.get(wish) ?? act(deps, app, project, situation).finally(() => looks.delete(wish));
  looks.set(wish, look);
  const changed = await look;
  mapIn(looked, deps.db).set(id, deps.now());
  return changed;
}

const idOf = ({ metadata }: App): string => `${metadata.project}/${metadata.name}`;

/** Whether the next look at the App would ask where its chart is. */
export async function isChartDue(
  deps: Pick<ChartDeps, "db" | "now">,
  app: App,
  situation: ChartSituation,
): Promise<boolean> {
  const { chart, asked, record } = situation;
  const state = record?.state;
  const name = state?.kind === "failed" ? chart.credentials : undefined;
  const credential =
    name === undefined ? undefined : await getCredential(deps.db, app.metadata.project, name);
  const lookedAt = looked.get(deps.db)?.get(idOf(app));
  return chartDueAt({ app, chart, asked, state, lookedAt, credentialAt: credential?.at }) <= deps.now();
}

async function act(deps: ChartDeps, app: App, project: Project, situation: ChartSituation): Promise<boolean> {
  const { chart, rules, asked, record, found: before } = situation;
  const { metadata } = app;
  const found = await outcome(() => findChart(deps, { project, chart, rules, before }));
  const state = stateOf(deps.now(), asked, situation, found);
  if (state === record?.state) return false;
  await putChartState(deps.db, metadata.project, metadata.name, state, record);
  // Lost: somebody else wrote what counts, which the caller reads again either way.
  return true;
}

async function outcome(find: () => Promise<Found>): Promise<Found | ChartFailure> {
  try {
    return await find();
  } catch (error) {
    // Anything else is no fault of a repository: the table or the object store does not answer.
    if (error instanceof ChartFailure) return error;
    throw error;
  }
}

function stateOf(
  at: number,
  asked: string,
  { record, found: last }: ChartSituation,
  found: Found | ChartFailure,
): ChartState {
  const before = record?.state;
  if (found instanceof ChartFailure) {
    const attempts = (before?.kind === "failed" && before.asked === asked ? before.attempts : 0) + 1;
    const held = last === undefined ? {} : { last };
    return { kind: "failed", asked, code: found.code, message: found.message, at, attempts, ...held };
  }
  if (last !== undefined && found.version === last.version && found.digest === last.digest)
    return before?.kind === "found" ? before : last;
  const { version, digest, signer, signedWith } = found;
  const by = signer === undefined ? {} : { signer };
  const key = signedWith === undefined ? {} : { signedWith };
  return { kind: "found", asked, version, digest, ...by, ...key, at };
}

function mapIn<V>(maps: WeakMap<Db, Map<string, V>>, db: Db): Map<string, V> {
  const map = maps.get(db) ?? new Map<string, V>();
  maps.set(db, map);
  return map;
}
