/**
 * What the table knows of one App: enough to tell, without a render and without the object store, whether anything has
 * changed since it was last looked at.
 */
import type { App } from "#core/app.ts";
import { LOOK_RETRY_MS } from "#core/app-due.ts";
import { chartDemands } from "#core/chart-state.ts";
import type { Cluster } from "#core/cluster.ts";
import { digestOf } from "#core/digest.ts";
import type { Policy } from "#core/policy.ts";
import type { Project } from "#core/project.ts";
import { accountRefusal, allowsSource, chartRefusal, sourceRefusal } from "#core/project-rules.ts";
import { matches } from "#core/selector.ts";
import { demanded, isVerified } from "#core/signers.ts";
import { lastRead, type ReadSource, type Source } from "#core/source.ts";
import { chartInputs, readChartSituation, type ChartSituation } from "../charts/situation.ts";
import type { Db } from "../store/db.ts";
import type { Hub } from "../store/hub.ts";
import { getResource, type Stored } from "../store/resource.ts";
import type { Served } from "../store/served.ts";
import { getAppRecord, getSourceState, type AppRecord } from "../store/state.ts";
import { aboveAll } from "./above-all.ts";
import { readCommon, type Common } from "./common.ts";

/** What the App has to keep to, or why it may have nothing new at all. */
export type Rules =
  | { kind: "refused"; message: string }
  /** `policies` are those that mean this App. */
  | { kind: "ruled"; project: Project; policies: Policy[] };

export interface Situation {
  hub: Hub;
  app: Stored<App>;
  source: ReadSource;
  rules: Rules;
  /** That the App shall be on; none while it is being deleted. */
  clusters: Cluster[];
  /** What the API servers of the project's clusters serve, by cluster. */
  served: ReadonlyMap<string, Served>;
  /** Names of all clusters of the project. */
  known: ReadonlySet<string>;
  /** Who changed each of them last. */
  changedBy: ReadonlyMap<string, string>;
  record: AppRecord | undefined;
  /** Of an App whose chart is not in its repository. */
  chart: ChartSituation | undefined;
  /** Digest of everything that a render, a rule or a statement depends on. */
  inputs: string;
  /** The same without the commit and its tree. */
  fixed: string;
}

/** Undefined when there is no such App, or its source was never read. */
export async function readSituation(
  db: Db,
  project: string,
  name: string,
  shared?: Common,
): Promise<Situation | undefined> {
  const app = await getResource(db, "App", project, name);
  if (app === undefined) return undefined;
  const source = lastRead(await getSourceState(db, project, app.resource.spec.source));
  return source === undefined ? undefined : situationOf(db, app, source, shared);
}

/** As it is, or as it would be if `source` were what was read. */
export async function situationOf(
  db: Db,
  app: Stored<App>,
  source: ReadSource,
  shared?: Common,
): Promise<Situation> {
  const { project, name } = app.resource.metadata;
  const stored = await getAppRecord(db, project, name);
  const common = shared ?? (await readCommon(db, project));
  const { hub, served, changedBy } = common;
  const record = await aboveAll(db, stored, hub.epoch);
  const rules = rulesFor(app.resource, common, await common.sourceOf(app.resource.spec.source), source);
  const clusters = app.deleting ? [] : clustersOf(app.resource, common);
  const chart = await readChartSituation(db, app.resource, common.project);
  const fixed = fixedOf(app.resource, rules, clusters, hub.epoch, chart);
  const inputs = digestOf({ fixed, tree: source.tree, commit: source.commit });
  const known = new Set(common.clusters.map(({ metadata }) => metadata.name));
  return { hub, app, source, rules, clusters, served, known, changedBy, record, chart, inputs, fixed };
}

function rulesFor(
  app: App,
  { project, policies }: Common,
  from: Source | undefined,
  read: ReadSource,
): Rules {
  const { source } = app.spec;
  const name = app.metadata.project;
  if (project === undefined)
    return {
      kind: "refused",
      message: `there is no Project ${name}: apply one, then this App is looked at again`,
    };
  if (from === undefined)
    return { kind: "refused", message: `there is no Source ${source} in project ${name}: apply it` };
  const { url } = from.spec.git;
  // It may have been read before signatures were demanded, or under a signer who counts no more.
  if (!isVerified(read, demanded(from, project)))
    return {
      kind: "refused",
      message: `Source ${source} demands a signature that commit ${read.commit.slice(0, 7)} is not verified by: see the Source, then this App is looked at again`,
    };
  if (!allowsSource(project, url)) return { kind: "refused", message: sourceRefusal(project, source, url) };
  const account = accountRefusal(project, app);
  if (account !== undefined) return { kind: "refused", message: account };
  const chart = chartRuleRefusal(app, project);
  if (chart !== undefined) return { kind: "refused", message: chart };
  const meant = policies.filter(({ spec }) => matches(spec.apps, app.metadata.labels ?? {}));
  return { kind: "ruled", project, policies: meant };
}

function chartRuleRefusal(app: App, project: Project): string | undefined {
  if (app.spec.chart === undefined) return undefined;
  const demands = chartDemands(app, project);
  if (demands.kind === "unknown") return demands.message;
  return chartRefusal(project, app.metadata.name, app.spec.chart);
}

/** Of the project, as far as the Project lets its Apps reach, as far as the App asks. */
function clustersOf({ spec }: App, { project, clusters }: Common): Cluster[] {
  // Without a Project nothing is assigned, and nothing is taken away either: the look ends as an error.
  const reach = project?.spec.clusters ?? {};
  return clusters.filter(
    ({ metadata: { labels = {} } }) => matches(reach, labels) && matches(spec.clusters, labels),
  );
}

function fixedOf(
  { spec, metadata }: App,
  rules: Rules,
  clusters: readonly Cluster[],
  epoch: number,
  chart: ChartSituation | undefined,
): string {
  const facts = clusters.map(({ metadata: { name, labels = {} }, spec: { values } }) => [
    name,
    labels,
    values,
  ]);
  const pulled = chart === undefined ? undefined : chartInputs(chart);
  const ruled = ruleFacts(rules, metadata.labels);
  return digestOf({ spec, facts, epoch, rules: ruled, chart: pulled });
}

/** Of the Project only what is decided by: a new role in it renders nothing again. */
function ruleFacts(rules: Rules, labels: App["metadata"]["labels"]): unknown {
  if (rules.kind === "refused") return rules.message;
  const { project, policies } = rules;
  const { namespaces, kinds, secrets, health } = project.spec;
  const own = { namespaces, kinds, secrets, ...(health === undefined ? {} : { health }) };
  if (policies.length === 0) return own;
  const read = policies.map(({ metadata, spec: { mode, match, validations, rego } }) => [
    metadata.project,
    metadata.name,
    { mode, match, validations, rego },
  ]);
  return { ...own, policies: read, labels, projectLabels: project.metadata.labels };
}

/** Whether there is anything to do; an App that is being deleted is always looked at, until it is gone. */
export function isNew({ app, record, inputs }: Situation, now: number): boolean {
  if (app.deleting || record?.inputs !== inputs) return true;
  return record.error !== undefined && now - record.lookedAt >= LOOK_RETRY_MS;
}
