/**
 * What the table knows of one App: enough to tell, without a render and without the object store, whether anything has
 * changed since it was last looked at.
 */
import type { App } from "#core/app.ts";
import type { Cluster } from "#core/cluster.ts";
import { digestOf } from "#core/digest.ts";
import { matches } from "#core/selector.ts";
import { lastRead, type ReadSource } from "#core/source.ts";
import type { Db } from "../store/db.ts";
import { getHub, type Hub } from "../store/hub.ts";
import { getResource, listResources, type Stored } from "../store/resource.ts";
import { getAppRecord, getSourceState, type AppRecord } from "../store/state.ts";

/** A commit that failed is tried again after this long: what failed may have been a passing trouble. */
const RETRY_MS = 5 * 60_000;

export interface Situation {
  hub: Hub;
  app: Stored<App>;
  source: ReadSource;
  /** That the App shall be on; none while it is being deleted. */
  clusters: Cluster[];
  /** Names of all clusters of the project. */
  known: ReadonlySet<string>;
  record: AppRecord | undefined;
  /** Digest of everything that a render or a statement depends on. */
  inputs: string;
}

/** Undefined when there is no such App, or its source was never read. */
export async function readSituation(db: Db, project: string, name: string): Promise<Situation | undefined> {
  const app = await getResource(db, "App", project, name);
  if (app === undefined) return undefined;
  const source = lastRead(await getSourceState(db, project, app.resource.spec.source));
  if (source === undefined) return undefined;
  const hub = await getHub(db);
  const record = await getAppRecord(db, project, name);
  const all = (await listResources(db, "Cluster", project)).map(({ resource }) => resource);
  const { spec } = app.resource;
  const wanted = (cluster: Cluster): boolean => matches(spec.clusters, cluster.metadata.labels ?? {});
  const clusters = app.deleting ? [] : all.filter(wanted);
  const facts = clusters.map(({ metadata, spec: { values } }) => [
    metadata.name,
    metadata.labels ?? {},
    values,
  ]);
  const { tree, commit } = source;
  const inputs = digestOf({ tree, commit, spec, facts, epoch: hub.epoch });
  const known = new Set(all.map(({ metadata }) => metadata.name));
  return { hub, app, source, clusters, known, record, inputs };
}

/** Whether there is anything to do; an App that is being deleted is always looked at, until it is gone. */
export function isNew({ app, record, inputs }: Situation, now: number): boolean {
  if (app.deleting || record?.inputs !== inputs) return true;
  return record.error !== undefined && now - record.lookedAt >= RETRY_MS;
}
