/** The whole fleet in one answer, for the page and for `fairlead get`. */
import type { FleetView, PlacementView } from "#core/view.ts";
import { newestAudit } from "../audit/drift-audit.ts";
import type { ObjectStore } from "../objects/port.ts";
import type { Db } from "../store/db.ts";
import { listPlacements, withDetail } from "../store/placement.ts";
import { listReleases, listRollouts } from "../store/rollout.ts";
import { listApps } from "./apps.ts";
import { listClusters } from "./clusters.ts";
import { listSources } from "./sources.ts";

const RELEASES_SHOWN = 5;

interface Deps {
  db: Db;
  objects: ObjectStore;
  now: () => number;
}

export async function readFleet(deps: Deps, project: string): Promise<FleetView> {
  const { db } = deps;
  const apps = await Promise.all(
    (await listApps(db, project)).map(async (app) => {
      const { name } = app.resource.metadata;
      const releases = await listReleases(db, project, name, RELEASES_SHOWN);
      const [rollout] = await listRollouts(db, project, name, 1);
      return {
        app,
        releases,
        ...(rollout === undefined ? {} : { rollout }),
        placements: await placementsOf(db, project, name),
      };
    }),
  );
  const audit = await newestAudit(deps, project);
  const [clusters, sources] = [await listClusters(deps, project), await listSources(db, project)];
  return { at: deps.now(), clusters, sources, apps, ...(audit === undefined ? {} : { audit }) };
}

async function placementsOf(db: Db, project: string, app: string): Promise<PlacementView[]> {
  const placements = await listPlacements(db, project, app);
  return Promise.all(placements.map((placement) => withDetail(db, placement)));
}
