/**
 * The fleet in few words, for every printer alike: where a placement, an App and a cluster stand. Plain functions of
 * what the hub answers, so the page and the CLI can never count differently.
 */
import { assertNever } from "./assert.ts";
import type { Phase } from "./protocol.ts";
import type { Rollout } from "./rollout.ts";
import type { ClusterView, FleetApp, FleetView, PlacementView } from "./view.ts";

/** `good` is done, `busy` moves by itself, `bad` wants a person, `quiet` says nothing about health. */
export type Tone = "good" | "busy" | "bad" | "quiet";
export interface Standing {
  word: string;
  tone: Tone;
}

const PHASE_TONES: Record<Phase, Tone> = {
  received: "busy",
  applying: "busy",
  progressing: "busy",
  healthy: "good",
  failed: "bad",
  refused: "bad",
  removed: "good",
  orphaned: "bad",
};

/** A report counts only for the very generation that is assigned: an older one says nothing of it. */
export function placementStanding({ assigned, observed }: PlacementView): Standing {
  if (assigned === undefined)
    return observed === undefined
      ? { word: "not assigned", tone: "quiet" }
      : { word: observed.phase, tone: PHASE_TONES[observed.phase] };
  const same = observed?.epoch === assigned.epoch && observed.generation === assigned.generation;
  if (!same) return { word: assigned.action === "remove" ? "leaving" : "assigned", tone: "busy" };
  return { word: observed.phase, tone: PHASE_TONES[observed.phase] };
}

const RUNNING_WORDS = {
  moving: "running",
  soaking: "soaking",
  approval: "waiting for approval",
  gates: "waiting for gates",
  window: "waiting for its window",
  dependency: "waiting for another App",
} as const;

export function rolloutStanding({ state }: Pick<Rollout, "state">): Standing {
  switch (state.kind) {
    case "running":
      return { word: RUNNING_WORDS[state.step?.kind ?? "moving"], tone: "busy" };
    case "halted":
      return { word: "halted", tone: "bad" };
    case "succeeded":
      return { word: "succeeded", tone: "good" };
    case "superseded":
      return { word: `superseded by ${state.by}`, tone: "quiet" };
    case "withheld":
      return { word: "waiting for approval", tone: "busy" };
    case "pending":
      return { word: `waiting for release ${state.after}`, tone: "quiet" };
    case "paused":
      return { word: "paused", tone: "quiet" };
    case "rolling-back":
      return { word: "rolling back", tone: "bad" };
    case "rolled-back":
      return { word: "rolled back", tone: "bad" };
    case "aborted":
      return { word: "aborted", tone: "bad" };
    default:
      return assertNever(state);
  }
}

/** An error of the newest commit outweighs the rollout of the release before it: that is what a person must see. */
export function appStanding({ app, rollout, releases }: FleetApp): Standing {
  if (app.deleting) return { word: "leaving", tone: "busy" };
  if (app.state?.error !== undefined) return { word: "failed", tone: "bad" };
  const [newest] = releases;
  if (newest === undefined) return { word: "no release yet", tone: "quiet" };
  if (rollout?.release !== newest.release) return { word: "pending", tone: "busy" };
  return rolloutStanding(rollout);
}

/** How many clusters of the rollout are done with it: as its record knows, or as more of them have reported since. */
export function doneOf(rollout: Rollout, placements: readonly PlacementView[]): number {
  const { state } = rollout;
  if (state.kind === "succeeded") return rollout.total - state.silent - (state.failed ?? 0);
  const healthy = placements.filter(
    (one) => one.assigned?.release === rollout.release && placementStanding(one).tone === "good",
  ).length;
  const { out, later, released, settled } = rollout;
  const known = (out.length === 0 ? settled : released - out.length) - later.length;
  return Math.min(rollout.total, Math.max(known, healthy));
}

export type ClusterCondition = "unregistered" | "silent" | "failing" | "moving" | "healthy";

/** The first that holds, worst first: a cluster counts once. `placements` are all of this cluster's. */
export function clusterCondition(
  { registered, silent }: ClusterView,
  placements: readonly PlacementView[],
): ClusterCondition {
  if (!registered) return "unregistered";
  if (silent) return "silent";
  const tones = new Set(placements.map((one) => placementStanding(one).tone));
  if (tones.has("bad")) return "failing";
  return tones.has("busy") ? "moving" : "healthy";
}

export type ClusterCounts = Record<ClusterCondition, number>;

export function countClusters({ clusters, apps }: FleetView): ClusterCounts {
  const counts: ClusterCounts = { unregistered: 0, silent: 0, failing: 0, moving: 0, healthy: 0 };
  const byCluster = Map.groupBy(
    apps.flatMap(({ placements }) => placements),
    ({ cluster }) => cluster,
  );
  for (const cluster of clusters)
    counts[clusterCondition(cluster, byCluster.get(cluster.resource.metadata.name) ?? [])] += 1;
  return counts;
}

const CONDITION_WORDS: Record<ClusterCondition, string> = {
  healthy: "healthy",
  moving: "on the way to a release",
  failing: "failing",
  silent: "silent",
  unregistered: "waiting for an agent",
};

/** `8 clusters: 6 healthy, 1 failing, 1 silent.` Zeros are left out. */
export function fleetSentence(fleet: FleetView): string {
  const total = fleet.clusters.length;
  if (total === 0) return "No clusters yet.";
  const counts = countClusters(fleet);
  const parts = (Object.keys(CONDITION_WORDS) as ClusterCondition[])
    .filter((condition) => counts[condition] > 0)
    .map((condition) => `${counts[condition]} ${CONDITION_WORDS[condition]}`);
  return `${total} ${total === 1 ? "cluster" : "clusters"}: ${parts.join(", ")}.`;
}

/** `apps/shop/deployment.yaml:12`, the object, or nothing: the place that an error names. */
export function errorPlace(error: {
  file?: string | undefined;
  line?: number | undefined;
  object?: string | undefined;
}): string {
  const file =
    error.file === undefined ? undefined : `${error.file}${error.line === undefined ? "" : `:${error.line}`}`;
  return [file, error.object].filter((part) => part !== undefined).join(", ");
}
