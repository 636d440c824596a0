/**
 * Placements and assignments. Assigning is two ordered plain writes and a mark: the assignment (what the agent
 * reads), the line's counter (what its next poll sees), then the placement (what the engine reads). A crash in
 * between leaves the mark unwritten, and the next tick does it again.
 */
import {
  placementDetailSchema,
  placementSchema,
  type Assigned,
  type Placement,
  type PlacementDetail,
} from "#core/placement.ts";
import type { PlacementReport } from "#core/protocol.ts";
import type { Target } from "#core/release.ts";
import { readAll, type Db } from "./db.ts";
import { readPage, type Page, type PageAsked } from "./page.ts";
import { keys, lists } from "./table.ts";

/** Which rollout moves it, and its rank there. */
export interface MovedBy {
  rollout: number;
  rank: number;
  back?: true;
}

/** Each write only where the stored generation is lower: delivered twice, or late, it changes nothing. */
export async function assign(
  db: Db,
  project: string,
  app: string,
  target: Target,
  now: number,
  by?: MovedBy,
): Promise<"assigned" | "current"> {
  const { cluster, epoch, generation, statement, release, action } = target;
  const bundle = target.bundle?.digest;
  const values = { epoch, generation };
  const lower =
    "(attribute_not_exists(pk) OR #epoch < :epoch OR (#epoch = :epoch AND #generation < :generation))";
  const key = keys.assignment(project, cluster, app);
  const item = { ...key, app, statement, epoch, generation, ...(bundle === undefined ? {} : { bundle }) };
  const written = await db.put(item, {
    text: lower,
    names: { epoch: "epoch", generation: "generation" },
    values,
  });
  // A repeat cannot know whether the counter was raised before the crash; one poll too many is harmless.
  await db.update(
    keys.line(project, cluster),
    { text: "ADD #desired :one", names: { desired: "desired" }, values: { one: 1 } },
    "attribute_exists(pk)",
  );
  const assigned: Assigned = {
    action,
    epoch,
    generation,
    release,
    at: now,
    ...(bundle === undefined ? {} : { bundle }),
    ...by,
  };
  const marked = await db.update(
    keys.placement(project, app, cluster),
    {
      // What it was healthy on until now is where a rollback returns to.
      text: "SET #project = :project, #app = :app, #cluster = :cluster, #assigned = :assigned, #before = if_not_exists(#healthy, :none)",
      names: {
        before: "before",
        healthy: "healthy",
        project: "project",
        app: "app",
        cluster: "cluster",
        assigned: "assigned",
        epoch: "epoch",
        generation: "generation",
      },
      values: { ...values, project, app, cluster, assigned, none: null },
    },
    "attribute_not_exists(#assigned) OR #assigned.#epoch < :epoch OR (#assigned.#epoch = :epoch AND #assigned.#generation < :generation)",
  );
  return written === "written" || marked === "written" ? "assigned" : "current";
}

/** By cluster; clusters without a placement are absent. */
export async function getPlacements(
  db: Db,
  project: string,
  app: string,
  clusters: readonly string[],
): Promise<Map<string, Placement>> {
  const items = await db.getMany(clusters.map((cluster) => keys.placement(project, app, cluster)));
  return new Map(
    items.map((item) => placementSchema.parse(item)).map((placement) => [placement.cluster, placement]),
  );
}

export async function listPlacements(db: Db, project: string, app: string): Promise<Placement[]> {
  const items = await readAll(db, lists.placements(project, app));
  return items.map((item) => placementSchema.parse(item)).sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
}

/** By cluster. */
export async function pagePlacements(
  db: Db,
  project: string,
  app: string,
  asked: PageAsked,
): Promise<Page<Placement>> {
  const page = await readPage(db, lists.placements(project, app), asked);
  return { ...page, items: page.items.map((item) => placementSchema.parse(item)) };
}

/** Whatever is assigned. */
export async function deletePlacement(
  db: Db,
  { project, app, cluster }: Pick<Placement, "project" | "app" | "cluster">,
): Promise<void> {
  await db.delete(keys.assignment(project, cluster, app));
  await db.delete(keys.detail(project, cluster, app));
  await db.delete(keys.placement(project, app, cluster));
}

/** Lost where something was assigned since it was read: that stays. In the order in which it is assigned. */
export async function endPlacement(db: Db, placement: Placement): Promise<"written" | "lost"> {
  const { project, app, cluster, assigned } = placement;
  const values = { epoch: assigned?.epoch ?? 0, generation: assigned?.generation ?? 0 };
  const names = { epoch: "epoch", generation: "generation" };
  const unchanged = {
    text: "attribute_not_exists(pk) OR (#epoch = :epoch AND #generation = :generation)",
    names,
    values,
  };
  if ((await db.delete(keys.assignment(project, cluster, app), unchanged)) === "lost") return "lost";
  await db.delete(keys.detail(project, cluster, app));
  return db.delete(keys.placement(project, app, cluster), {
    text: "attribute_not_exists(#assigned) OR (#assigned.#epoch = :epoch AND #assigned.#generation = :generation)",
    names: { ...names, assigned: "assigned" },
    values,
  });
}

/**
 * Takes one report unless a newer one is stored; `stale` carries the stored number. Only a placement that was
 * assigned once can be reported on: an agent cannot make rows.
 */
export async function putReport(
  db: Db,
  project: string,
  cluster: string,
  report: PlacementReport,
  now: number,
): Promise<{ kind: "written" } | { kind: "unknown" } | { kind: "stale"; seq: number }> {
  const { app, failures, drift, driftTotal, ...rest } = report;
  const key = keys.placement(project, app, cluster);
  const isHealthy = report.phase === "healthy";
  const { epoch, generation, release } = report;
  const written = await db.update(
    key,
    {
      text: `SET #observed = :observed${isHealthy ? ", #healthy = :healthy" : ""}`,
      names: {
        observed: "observed",
        assigned: "assigned",
        seq: "seq",
        ...(isHealthy ? { healthy: "healthy" } : {}),
      },
      values: {
        observed: { ...rest, drift: driftTotal, at: now },
        seq: report.seq,
        ...(isHealthy ? { healthy: { epoch, generation, release } } : {}),
      },
    },
    "attribute_exists(#assigned) AND (attribute_not_exists(#observed) OR #observed.#seq < :seq)",
  );
  if (written === "lost") return whyLost(await db.get(key, { consistent: true }));
  await putDetail(db, project, cluster, app, report.seq, { failures, drift });
  return { kind: "written" };
}

function whyLost(
  item: Record<string, unknown> | undefined,
): { kind: "unknown" } | { kind: "stale"; seq: number } {
  const placement = placementSchema.safeParse(item);
  const seq = placement.success ? placement.data.observed?.seq : undefined;
  return seq === undefined ? { kind: "unknown" } : { kind: "stale", seq };
}

async function putDetail(
  db: Db,
  project: string,
  cluster: string,
  app: string,
  seq: number,
  detail: PlacementDetail,
): Promise<void> {
  if (detail.failures.length === 0 && detail.drift.length === 0) return;
  await db.put(
    { ...keys.detail(project, cluster, app), seq, detail },
    { text: "attribute_not_exists(pk) OR #seq < :seq", names: { seq: "seq" }, values: { seq } },
  );
}

/** Failures and drift, while the placement says that there are any: an old detail is not told as news. */
export async function withDetail(
  db: Db,
  placement: Placement,
): Promise<Placement & { detail?: PlacementDetail }> {
  const { project, app, cluster, observed } = placement;
  if (observed === undefined) return placement;
  const tells = observed.drift > 0 || observed.phase === "failed" || observed.phase === "refused";
  const item = tells ? await db.get(keys.detail(project, cluster, app)) : undefined;
  return item === undefined
    ? placement
    : { ...placement, detail: placementDetailSchema.parse(item["detail"]) };
}
