/** What the hub answers, as tables: one function per noun, and no reading in any of them. */
import { appStanding, doneOf, errorPlace, placementStanding, rolloutStanding } from "#core/fleet.ts";
import type { Release } from "#core/release.ts";
import type { Rollout } from "#core/rollout.ts";
import type { AppView, ClusterView, FleetApp, PlacementView, SourceView } from "#core/view.ts";
import { ago, shortCommit, subject, type Cell, type Table } from "./print.ts";

export function sourceTable(list: readonly SourceView[], now: number): Table {
  const rows = list.map(({ resource, state }): Cell[] => {
    const { git } = resource.spec;
    const base = [resource.metadata.name, git.url, Object.values(git.ref)[0] ?? ""];
    if (state === undefined) return [...base, { word: "not read yet", tone: "busy" }, "-", "-"];
    if (state.kind === "failed")
      return [
        ...base,
        { word: "failed", tone: "bad" },
        `${state.code}: ${state.message}`,
        ago(state.at, now),
      ];
    return [
      ...base,
      { word: "read", tone: "good" },
      `${shortCommit(state.commit)} ${subject(state.message)} (${state.author})`,
      ago(state.committedAt, now),
    ];
  });
  return {
    columns: ["name", "repository", "ref", "state", "newest commit", "when"],
    rows,
    empty: "no Sources yet: fairlead apply -f source.yaml",
  };
}

export function appTable(list: readonly AppView[]): Table {
  const rows = list.map(({ resource, state, deleting }): Cell[] => {
    const { name } = resource.metadata;
    const { source, path } = resource.spec;
    const word = deleting
      ? "leaving"
      : state?.error !== undefined
        ? "failed"
        : state?.active === true
          ? "rolling out"
          : state === undefined || state.release === 0
            ? "no release yet"
            : "settled";
    const tone = word === "failed" ? "bad" : word === "settled" ? "good" : "busy";
    return [
      name,
      source,
      path,
      state?.release ?? 0,
      state?.commit === undefined ? "-" : shortCommit(state.commit),
      { word, tone },
      errorWords(state?.error),
    ];
  });
  return {
    columns: ["name", "source", "path", "release", "commit", "state", "error"],
    rows,
    empty: "no Apps yet: fairlead apply -f app.yaml",
  };
}

/** `apps/shop/web.yaml:12: the reason`, as people look for it. */
export function errorWords(error: NonNullable<AppView["state"]>["error"]): string {
  if (error === undefined) return "";
  const place = errorPlace(error);
  return place === "" ? error.message : `${place}: ${error.message}`;
}

export function clusterTable(list: readonly ClusterView[], now: number): Table {
  const rows = list.map((cluster): Cell[] => [
    cluster.resource.metadata.name,
    clusterState(cluster),
    labelWords(cluster),
    cluster.kubernetes ?? "-",
    cluster.agent ?? "-",
    ago(cluster.heardAt, now),
  ]);
  return {
    columns: ["name", "state", "labels", "kubernetes", "agent", "heard"],
    rows,
    empty: "no Clusters yet: fairlead cluster register NAME",
  };
}

function clusterState({ registered, silent, resource }: ClusterView): Cell {
  const mark = resource.spec.simulated ? " (simulated)" : "";
  if (!registered) return { word: "waiting for an agent", tone: "busy" };
  return silent ? { word: `silent${mark}`, tone: "bad" } : { word: `heard${mark}`, tone: "good" };
}

function labelWords({ resource }: ClusterView): string {
  return Object.entries(resource.metadata.labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .toSorted()
    .join(",");
}

export function releaseTable(list: readonly Release[], now: number): Table {
  const rows = list.map((one): Cell[] => [
    one.app,
    one.release,
    shortCommit(one.commit),
    subject(one.message),
    one.author,
    one.reason,
    one.targetCount,
    ago(one.at, now),
  ]);
  return {
    columns: ["app", "release", "commit", "subject", "author", "because of", "clusters", "when"],
    rows,
    empty: "no releases yet",
  };
}

export function rolloutTable(list: readonly Rollout[], now: number): Table {
  const rows = list.map((one): Cell[] => [
    one.app,
    one.release,
    shortCommit(one.commit),
    rolloutStanding(one),
    `${doneOf(one, [])} of ${one.total}`,
    one.state.kind === "halted" ? one.state.reason : "",
    ago(one.startedAt, now),
  ]);
  return {
    columns: ["app", "release", "commit", "state", "clusters", "why", "started"],
    rows,
    empty: "no rollouts yet",
  };
}

export function placementTable(list: readonly PlacementView[]): Table {
  const rows = list.map((one): Cell[] => {
    const has = one.observed?.release ?? 0;
    const wants = one.assigned?.release ?? has;
    return [
      one.app,
      one.cluster,
      placementStanding(one),
      has === wants ? has : `${has} -> ${wants}`,
      one.observed?.drift ?? 0,
      one.observed?.message ?? "nothing reported yet",
    ];
  });
  return {
    columns: ["app", "cluster", "state", "release", "drift", "says"],
    rows,
    empty: "no placements: no cluster has it yet",
  };
}

export function fleetAppTable(list: readonly FleetApp[]): Table {
  const rows = list.map((one): Cell[] => {
    const [newest] = one.releases;
    const { name } = one.app.resource.metadata;
    const done =
      one.rollout === undefined ? "-" : `${doneOf(one.rollout, one.placements)} of ${one.rollout.total}`;
    const drift = one.placements.reduce((sum, { observed }) => sum + (observed?.drift ?? 0), 0);
    const what =
      newest === undefined
        ? ""
        : `${shortCommit(newest.commit)} ${subject(newest.message)} (${newest.author})`;
    return [name, newest?.release ?? "-", appStanding(one), done, drift, what];
  });
  return {
    columns: ["app", "release", "state", "clusters", "drift", "commit"],
    rows,
    empty: "no Apps yet: fairlead apply -f app.yaml",
  };
}
