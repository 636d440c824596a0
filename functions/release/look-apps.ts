/** Which Apps an event means, each looked at, and its new rollout's first step taken at once. */
import type { App } from "#core/app.ts";
import { dependenciesOf, dependencyOrder } from "#core/depends.ts";
import type { HubEvent } from "#core/event.ts";
import { HUB_PROJECT } from "#core/project.ts";
import { syncFleetFolder, syncFleetFolders } from "../fleet-folder/sync.ts";
import { tick } from "../rollout/tick.ts";
import { listProjects, listResources, type Stored } from "../store/resource.ts";
import { makeBack } from "./back.ts";
import { readCommon, type Common } from "./common.ts";
import { inTurn } from "./in-turn.ts";
import { look, type Looked, type ReleaseDeps } from "./look.ts";

const RACES_MAX = 3;

export async function lookFor(deps: ReleaseDeps, event: HubEvent): Promise<void> {
  if (event.type === "app.changed") await lookAndTick(deps, event.detail.project, event.detail.app);
  if (event.type === "source.changed") await lookAtSource(deps, event.detail.project, event.detail.source);
  if (event.type === "cluster.changed") await lookAtAll(deps, event.detail.project);
  if (event.type === "cluster.served") await lookAtAll(deps, event.detail.project);
  if (event.type === "project.changed") await lookAtAll(deps, event.detail.project);
  if (event.type === "policy.changed") await lookUnder(deps, event.detail.project);
  if (event.type === "rollout.rolling-back") await goBack(deps, event.detail);
}

/** Its way back is signed here; its first step is taken at once. */
async function goBack(
  deps: ReleaseDeps,
  { project, app, release }: { project: string; app: string; release: number },
): Promise<void> {
  for (let race = 0; race <= RACES_MAX; race++) {
    const made = await makeBack(deps, project, app, release);
    if (made === "made") await tick(deps, project, app, release);
    if (made !== "lost") return;
  }
}

/** Its fleet folder first: the commit may bring Apps that follow it. */
async function lookAtSource(deps: ReleaseDeps, project: string, source: string): Promise<void> {
  await syncFleetFolder(deps, project, source);
  await lookAtAll(deps, project, source);
}

/** The hub's own Policies hold everywhere. */
async function lookUnder(deps: ReleaseDeps, project: string): Promise<void> {
  await (project === HUB_PROJECT ? sweepApps(deps) : lookAtAll(deps, project));
}

/** Every App and every fleet folder of all projects. */
export async function sweepApps(deps: ReleaseDeps): Promise<void> {
  await inEachProject(deps, (project) => sweepProject(deps, project));
}

/** The net under all events: whatever was lost is found here. */
export async function sweepProject(deps: ReleaseDeps, project: string): Promise<void> {
  await syncFleetFolders(deps, project);
  await lookAtAll(deps, project);
}

/** Trouble of one project stays its own. */
export async function inEachProject(
  { db }: Pick<ReleaseDeps, "db">,
  act: (project: string) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  for (const project of await listProjects(db)) {
    try {
      await act(project);
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw new AggregateError(errors, `${errors.length} projects: ${String(errors[0])}`);
}

async function lookAtAll(deps: ReleaseDeps, project: string, source?: string): Promise<void> {
  const apps = await listResources(deps.db, "App", project);
  const follow = apps.filter(({ resource }) => source === undefined || resource.spec.source === source);
  await lookAt(deps, project, follow);
}

/** At these Apps of a project, with what they share read once. */
export async function lookAt(
  deps: ReleaseDeps,
  project: string,
  apps: readonly Stored<App>[],
): Promise<void> {
  if (apps.length === 0) return;
  const shared = await readCommon(deps.db, project);
  // What others wait for has its new release first: they find it, and wait for that one.
  const inOrder = dependencyOrder(
    apps,
    ({ resource }) => resource.metadata.name,
    dependenciesOf(apps.map(({ resource }) => resource)),
  );
  for (const { resource } of inOrder) await lookAndTick(deps, project, resource.metadata.name, shared);
}

function lookAndTick(deps: ReleaseDeps, project: string, app: string, shared?: Common): Promise<Looked> {
  return inTurn(deps.db, `${project}/${app}`, () => lookNow(deps, project, app, shared));
}

async function lookNow(deps: ReleaseDeps, project: string, app: string, shared?: Common): Promise<Looked> {
  for (let race = 0; ; race++) {
    const looked = await look(deps, project, app, shared);
    if (looked.kind === "released") await tick(deps, project, app, looked.release);
    if (looked.kind !== "lost" || race === RACES_MAX) return looked;
  }
}
