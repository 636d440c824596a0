/**
 * The sweep of each minute over Apps and fleet folders. What is known to wait is looked at each time, told by a few small
 * items of each project; everything, which reads the whole fleet, every ten minutes. So a lost event costs ten minutes at most,
 * and a fleet at rest next to nothing. What a process remembers may be lost without harm: it looks at everything first.
 */
import type { App } from "#core/app.ts";
import { isAppDue, isFolderDue } from "#core/app-due.ts";
import type { FleetFolder } from "#core/fleet-folder.ts";
import { lastRead, type Source, type SourceState } from "#core/source.ts";
import { isChartDue } from "../charts/look.ts";
import { readChartSituation } from "../charts/situation.ts";
import { syncFleetFolder } from "../fleet-folder/sync.ts";
import { listFleetStates } from "../store/fleet-state.ts";
import { getHub } from "../store/hub.ts";
import { getProject, listResources, type Stored } from "../store/resource.ts";
import { listAppRecords, listSourceStates, type AppRecord } from "../store/state.ts";
import { inEachProject, lookAt, sweepProject } from "./look-apps.ts";
import type { ReleaseDeps } from "./look.ts";
import { isApproved, readHeld } from "./withhold.ts";

/** Between two looks at everything of a project. */
export const SWEEP_ALL_MS = 10 * 60_000;

export class AppSweeper {
  readonly #allMs: number;
  /** When all of a project was looked at last, by this process. */
  readonly #lookedAt = new Map<string, number>();

  constructor({ allMs = SWEEP_ALL_MS }: { allMs?: number } = {}) {
    this.#allMs = allMs;
  }

  async sweep(deps: ReleaseDeps): Promise<void> {
    await inEachProject(deps, async (project) => {
      const now = deps.now();
      const last = this.#lookedAt.get(project) ?? Number.NEGATIVE_INFINITY;
      if (now - last < this.#allMs) return sweepDue(deps, project);
      await sweepProject(deps, project);
      this.#lookedAt.set(project, now);
    });
  }
}

async function sweepDue(deps: ReleaseDeps, project: string): Promise<void> {
  const states = await listSourceStates(deps.db, project);
  const sources = await listResources(deps.db, "Source", project);
  const folders = await listFleetStates(deps.db, project);
  for (const name of dueFolders(sources, states, folders, deps.now()))
    await syncFleetFolder(deps, project, name);
  await lookAt(deps, project, await dueApps(deps, project, states));
}

/** Also what is left of a folder whose Source is gone, or names none any more. */
function dueFolders(
  sources: readonly Stored<Source>[],
  states: ReadonlyMap<string, SourceState>,
  folders: ReadonlyMap<string, FleetFolder>,
  now: number,
): string[] {
  const named = sources.flatMap(({ resource }) =>
    resource.spec.apps === undefined ? [] : [resource.metadata.name],
  );
  const left = [...folders.keys()].filter((name) => !named.includes(name));
  const due = named.filter((name) =>
    isFolderDue({ commit: lastRead(states.get(name))?.commit, state: folders.get(name) }, now),
  );
  return [...due, ...left];
}

async function dueApps(
  deps: ReleaseDeps,
  project: string,
  states: ReadonlyMap<string, SourceState>,
): Promise<Stored<App>[]> {
  const apps = await listResources(deps.db, "App", project);
  if (apps.length === 0) return [];
  const records = await listAppRecords(deps.db, project);
  const { epoch } = await getHub(deps.db);
  const due: Stored<App>[] = [];
  for (const app of apps) {
    const record = records.get(app.resource.metadata.name);
    const commit = lastRead(states.get(app.resource.spec.source))?.commit;
    const isDue =
      isAppDue({ deleting: app.deleting, commit, epoch, record }, deps.now()) ||
      (await isAnswered(deps, app, record)) ||
      (await asksForChart(deps, app));
    if (isDue) due.push(app);
  }
  return due;
}

/** What it would delete was approved, and nobody has acted on that. */
async function isAnswered(
  deps: ReleaseDeps,
  app: Stored<App>,
  record: AppRecord | undefined,
): Promise<boolean> {
  return isApproved(await readHeld(deps, { app, record }));
}

async function asksForChart(deps: ReleaseDeps, { resource, deleting }: Stored<App>): Promise<boolean> {
  if (resource.spec.chart === undefined || deleting) return false;
  const project = await getProject(deps.db, resource.metadata.project);
  const situation = await readChartSituation(deps.db, resource, project);
  return situation !== undefined && isChartDue(deps, resource, situation);
}
