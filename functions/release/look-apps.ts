/** Which Apps an event means, each looked at, and its new rollout's first step taken at once. */
import type { HubEvent } from "#core/event.ts";
import { tick } from "../rollout/tick.ts";
import { listProjects, listResources } from "../store/resource.ts";
import { look, type Looked, type ReleaseDeps } from "./look.ts";

const RACES_MAX = 3;

export async function lookFor(deps: ReleaseDeps, event: HubEvent): Promise<void> {
  if (event.type === "app.changed") await lookAndTick(deps, event.detail.project, event.detail.app);
  if (event.type === "source.changed") await lookAtAll(deps, event.detail.project, event.detail.source);
  if (event.type === "cluster.changed") await lookAtAll(deps, event.detail.project);
}

/** The sweep's net: an App whose event was lost is looked at all the same. */
export async function sweepApps(deps: ReleaseDeps): Promise<void> {
  for (const project of await listProjects(deps.db)) await lookAtAll(deps, project);
}

async function lookAtAll(deps: ReleaseDeps, project: string, source?: string): Promise<void> {
  for (const { resource } of await listResources(deps.db, "App", project))
    if (source === undefined || resource.spec.source === source)
      await lookAndTick(deps, project, resource.metadata.name);
}

async function lookAndTick(deps: ReleaseDeps, project: string, app: string): Promise<Looked> {
  for (let race = 0; ; race++) {
    const looked = await look(deps, project, app);
    if (looked.kind === "released") await tick(deps, project, app, looked.release);
    if (looked.kind !== "lost" || race === RACES_MAX) return looked;
  }
}
