/**
 * What an edit takes off clusters: an App that goes or selects others, a cluster that goes or changes its labels, a
 * Project that reaches less. Told to whoever makes the edit; what is done about it the release decides, by the same budget.
 */
import * as z from "zod";
import type { App } from "./app.ts";
import { idOf } from "./apply-plan.ts";
import type { Cluster } from "./cluster.ts";
import type { Placement } from "./placement.ts";
import type { Resource } from "./resource.ts";
import { countOf } from "./rollout/state.ts";
import { matches } from "./selector.ts";

const CLUSTERS_NAMED_MAX = 3;

const vanishingSchema = z.object({
  project: z.string(),
  app: z.string(),
  clusters: z.object({ count: z.number().int(), first: z.array(z.string()) }),
  /** What becomes of its objects there; `forgotten`: the cluster itself goes, and nothing in it is touched. */
  objects: z.enum(["deleted", "orphaned", "forgotten"]),
  /** The limits of `spec.rollout.budget` that it is above: it waits for an approval. */
  over: z.array(z.string()),
});
export type Vanishing = z.infer<typeof vanishingSchema>;

/** `more` Apps are touched too: not looked at, or not the caller's to read. */
export const vanishSchema = z.object({ apps: z.array(vanishingSchema), more: z.number().int() });
export type Vanish = z.infer<typeof vanishSchema>;

/** Resources by `idOf`: of an App in question its Project, and the clusters that may be lost. */
export type Scene = ReadonlyMap<string, Resource>;

/** Of one App, as it will be. By labels alone: whether it is there the placements say. */
export interface Leaving {
  app: App;
  clusters: readonly string[] | "all";
  forgotten: readonly string[];
}

/** Apps for which an edit changes something, and what it takes from each. An object that is the same is not looked at. */
export function leavingOf(before: Scene, after: Scene): Leaving[] {
  const clusters = [...before.values()].filter((one): one is Cluster => one.kind === "Cluster");
  const moved = clusters.filter((one) => after.get(idOf(one)) !== one);
  return [...before.values()].flatMap((app): Leaving[] => {
    if (app.kind !== "App") return [];
    const { project } = app.metadata;
    const next = after.get(idOf(app));
    if (next?.kind !== "App") return [{ app, clusters: "all", forgotten: [] }];
    const reach = `Project/${project}/${project}`;
    const some = next !== app || after.get(reach) !== before.get(reach) ? clusters : moved;
    const lost = some.filter((one) => isFor(before, app, one) && !isFor(after, next, after.get(idOf(one))));
    if (lost.length === 0) return [];
    const isGone = (one: Cluster): boolean => !after.has(idOf(one));
    return [
      {
        app: next,
        clusters: namesOf(lost.filter((one) => !isGone(one))),
        forgotten: namesOf(lost.filter(isGone)),
      },
    ];
  });
}

function namesOf(clusters: readonly Cluster[]): string[] {
  return clusters.map(({ metadata }) => metadata.name).sort();
}

function isFor(scene: Scene, app: App, cluster: Resource | undefined): boolean {
  const { project } = app.metadata;
  if (cluster?.kind !== "Cluster" || cluster.metadata.project !== project) return false;
  const { labels = {} } = cluster.metadata;
  const found = scene.get(`Project/${project}/${project}`);
  const reach = found?.kind === "Project" ? found.spec.clusters : {};
  return matches(reach, labels) && matches(app.spec.clusters, labels);
}

/** `placements` hold those in question; all of the App's where its budget is a percentage. */
export function vanishingOf(
  { app, clusters, forgotten }: Leaving,
  placements: readonly Placement[],
): Vanishing[] {
  const there = placements.filter(
    ({ assigned, observed }) => assigned?.action === "apply" && observed?.phase !== "removed",
  );
  const lost = there.filter(({ cluster }) => clusters === "all" || clusters.includes(cluster));
  const gone = there.filter(({ cluster }) => forgotten.includes(cluster));
  const stays = app.spec.sync.deletion === "orphan";
  return [
    ...told(app, lost, stays ? "orphaned" : "deleted", stays ? [] : overOf(app, lost, there.length)),
    ...told(app, gone, "forgotten", []),
  ];
}

function told(
  { metadata: { project, name } }: App,
  placements: readonly Placement[],
  objects: Vanishing["objects"],
  over: string[],
): Vanishing[] {
  if (placements.length === 0) return [];
  const first = placements.slice(0, CLUSTERS_NAMED_MAX).map(({ cluster }) => cluster);
  return [{ project, app: name, clusters: { count: placements.length, first }, objects, over }];
}

/** As far as placements say it: what is a Namespace among the objects only the release knows. */
function overOf(app: App, lost: readonly Placement[], placed: number): string[] {
  const { clusters, deletes } = app.spec.rollout.budget;
  const limit = clusters === 0 ? 0 : countOf(clusters, placed);
  const most = Math.max(0, ...lost.map(({ observed }) => observed?.objects ?? 0));
  return [
    ...(lost.length > limit ? [`${lost.length} clusters, the budget is clusters: ${clusters}`] : []),
    ...(most > deletes ? [`${most} objects on one cluster, the budget is deletes: ${deletes}`] : []),
  ];
}

/** Whether all placements of the App are needed. */
export function needsAll({ app, clusters }: Leaving): boolean {
  return clusters === "all" || typeof app.spec.rollout.budget.clusters === "string";
}

const ENDS = {
  deleted: "its objects there are deleted",
  orphaned: "its objects there stay, and nobody keeps them (sync.deletion: orphan)",
  forgotten: "nothing there is touched, and nobody keeps it: the Cluster itself goes",
} as const;

/** `App shop leaves 7 clusters (a, b, c …): its objects there are deleted, once somebody approves: 7 clusters, the budget is clusters: 5`. */
export function vanishWords({ app, clusters, objects, over }: Vanishing): string {
  const { count, first } = clusters;
  const names = `${first.join(", ")}${count > first.length ? " …" : ""}`;
  const asks = over.length === 0 ? "" : `, once somebody approves: ${over.join("; ")}`;
  return `App ${app} leaves ${count} ${count === 1 ? "cluster" : "clusters"} (${names}): ${ENDS[objects]}${asks}`;
}

/** All of it, line by line. */
export function vanishLines({ apps, more }: Vanish): string[] {
  const others = more === 0 ? [] : [`${more} more Apps are touched: not looked at, or not yours to read`];
  return [...apps.map(vanishWords), ...others];
}
