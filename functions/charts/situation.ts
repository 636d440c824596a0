/** Of an App whose chart is not in its repository: what is asked for, and what the table knows of it. Read at each look at the App. */
import type { App } from "#core/app.ts";
import type { ChartRef } from "#core/chart.ts";
import {
  chartAsked,
  chartDemands,
  chartFacts,
  usableChart,
  type ChartFacts,
  type FoundChart,
} from "#core/chart-state.ts";
import type { Project } from "#core/project.ts";
import type { Demanded } from "#core/signers.ts";
import type { ChartView } from "#core/view.ts";
import { getChartRecord, type ChartRecord } from "../store/chart.ts";
import type { Db } from "../store/db.ts";

export interface ChartSituation {
  readonly chart: ChartRef;
  readonly rules: Demanded;
  readonly asked: string;
  readonly record: ChartRecord | undefined;
  /** What may be rendered; undefined while it was never found as it is asked for now. */
  readonly found: FoundChart | undefined;
}

/** Undefined for an App that names no chart. */
export async function readChartSituation(
  db: Db,
  app: App,
  project: Project | undefined,
): Promise<ChartSituation | undefined> {
  const { chart } = app.spec;
  if (chart === undefined) return undefined;
  const rules = chartDemands(app, project);
  const asked = chartAsked(chart, rules);
  const record = await getChartRecord(db, app.metadata.project, app.metadata.name);
  return { chart, rules, asked, record, found: usableChart(record?.state, asked) };
}

/** What a render depends on, or why there is none. */
export function chartInputs(situation: ChartSituation): unknown {
  const { found } = situation;
  return found === undefined
    ? { missing: chartMissing(situation) }
    : { version: found.version, digest: found.digest };
}

/** Why there is nothing to render. */
export function chartMissing({ record, asked }: ChartSituation): string {
  const { state } = record ?? {};
  return state?.kind === "failed" && state.asked === asked
    ? state.message
    : "the chart was not looked for yet; the next look does";
}

export function factsOf(situation: ChartSituation | undefined): ChartFacts | undefined {
  const { chart, found } = situation ?? {};
  return chart === undefined || found === undefined ? undefined : chartFacts(chart, found);
}

/** What the App's state says of it: what is rendered, and what went wrong since. Undefined before anything was found. */
export function chartView(situation: ChartSituation | undefined): ChartView | undefined {
  const facts = factsOf(situation);
  if (facts === undefined) return undefined;
  const { state } = situation?.record ?? {};
  if (state?.kind !== "failed") return facts;
  return { ...facts, failed: { code: state.code, message: state.message } };
}
