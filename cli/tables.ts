/** What the hub answers, as tables: one function per noun, and no reading in any of them. */
import { assertNever } from "#core/assert.ts";
import { appStanding, doneOf, errorPlace, placementStanding, rolloutStanding } from "#core/fleet.ts";
import { words } from "#core/finding.ts";
import type { Release } from "#core/release.ts";
import { holdWords } from "#core/hold.ts";
import { stateWords, type Rollout } from "#core/rollout.ts";
import { selectorWords } from "#core/selector-text.ts";
import { sentence } from "#core/text.ts";
import type {
  AppView,
  ClusterView,
  FleetApp,
  PlacementView,
  PolicyView,
  ProjectView,
  PromotionView,
  SourceView,
} from "#core/view.ts";
import { ago, shortCommit, subject, type Cell, type Table } from "./print.ts";

export function sourceTable(list: readonly SourceView[], now: number): Table {
  const folders = list.some(({ resource }) => resource.spec.apps !== undefined);
  const rows = list.map(({ resource, state, fleet }): Cell[] => {
    const { git } = resource.spec;
    const base = [resource.metadata.name, git.url, Object.values(git.ref)[0] ?? ""];
    const folder = folders ? [folderCell(fleet)] : [];
    if (state === undefined) return [...base, { word: "not read yet", tone: "busy" }, "-", "-", ...folder];
    if (state.kind === "failed")
      return [
        ...base,
        { word: "failed", tone: "bad" },
        `${state.code}: ${state.message}`,
        ago(state.at, now),
        ...folder,
      ];
    return [
      ...base,
      { word: "read", tone: "good" },
      `${shortCommit(state.commit)} ${subject(state.message)} (${state.author}${signedWords(state.signer)})`,
      ago(state.committedAt, now),
      ...folder,
    ];
  });
  return {
    columns: [
      "name",
      "repository",
      "ref",
      "state",
      "newest commit",
      "when",
      ...(folders ? ["fleet folder"] : []),
    ],
    rows,
    empty: "no Sources yet: fairlead apply -f source.yaml",
  };
}

/** Its faults are told one by one where a single Source is asked for. */
function folderCell(fleet: SourceView["fleet"]): Cell {
  if (fleet === undefined) return "-";
  const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`;
  const faults = fleet.errorsTotal === 0 ? "" : `, ${count(fleet.errorsTotal, "fault")}`;
  const word = `${count(fleet.applied, "resource")}${faults}`;
  return { word, tone: fleet.errorsTotal === 0 ? "good" : "bad" };
}

function signedWords(signer: string | undefined): string {
  return signer === undefined ? "" : `, signed by ${signer}`;
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
      state?.error === undefined ? warningWords(state?.warnings) : errorWords(state.error),
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

function warningWords(warnings: NonNullable<AppView["state"]>["warnings"]): string {
  const [first] = warnings?.listed ?? [];
  if (warnings === undefined || first === undefined) return "";
  const more = warnings.total > 1 ? ` (and ${warnings.total - 1} more)` : "";
  return `warning: ${words(first)}${more}`;
}

export function projectTable(list: readonly ProjectView[]): Table {
  const rows = list.map(({ resource: { metadata, spec } }): Cell[] => [
    metadata.name,
    some(spec.sources),
    selectorWords(spec.clusters),
    some(spec.namespaces),
    kindWords(spec.kinds),
    spec.roles.length,
  ]);
  return {
    columns: ["name", "sources", "clusters", "namespaces", "kinds", "roles"],
    rows,
    empty: "no Projects that you may read",
  };
}

const SHOWN_MAX = 3;

function some(list: readonly string[]): string {
  const more = list.length > SHOWN_MAX ? `,… (${list.length})` : "";
  return list.length === 0 ? "none" : `${list.slice(0, SHOWN_MAX).join(",")}${more}`;
}

function kindWords({ allow, deny }: ProjectView["resource"]["spec"]["kinds"]): string {
  const named = (rules: typeof allow): string =>
    some(rules.map(({ group, kind }) => (group === "*" || group === "" ? kind : `${kind}.${group}`)));
  const allowed = allow.length === 0 ? "all" : named(allow);
  return deny.length === 0 ? allowed : `${allowed} but ${named(deny)}`;
}

export function policyTable(list: readonly PolicyView[]): Table {
  const rows = list.map(({ resource: { metadata, spec } }): Cell[] => [
    metadata.name,
    { word: spec.mode, tone: spec.mode === "enforce" ? "good" : "quiet" },
    selectorWords(spec.apps),
    [spec.match.kinds, spec.match.groups, spec.match.namespaces]
      .map((one) => (one === undefined ? "all" : some(one)))
      .join(" / "),
    spec.validations.length,
  ]);
  return {
    columns: ["name", "mode", "apps", "kinds / groups / namespaces", "validations"],
    rows,
    empty: "no Policies yet: fairlead apply -f policy.yaml",
  };
}

export function promotionTable(list: readonly PromotionView[], now: number): Table {
  const rows = list.map(({ resource: { metadata, spec }, state }): Cell[] => [
    metadata.name,
    spec.from.app,
    `${spec.to.source}:${spec.to.path}`,
    state?.release ?? "-",
    state === undefined ? { word: "not looked at yet", tone: "busy" } : promotionState(state, now),
  ]);
  return {
    columns: ["name", "from", "to", "release", "state"],
    rows,
    empty: "no Promotions yet: fairlead apply -f promotion.yaml",
  };
}

function promotionState(state: NonNullable<PromotionView["state"]>, now: number): Cell {
  switch (state.kind) {
    case "waiting":
      return { word: `waiting: ${sentence(state.reason, 80)}`, tone: "busy" };
    case "soaking":
      return { word: `soaking since ${ago(state.since, now)}`, tone: "busy" };
    case "opened":
      return { word: "pull request open", tone: "busy" };
    case "declined":
      return { word: "pull request closed", tone: "quiet" };
    case "current":
      return { word: "current", tone: "good" };
    case "failed":
      return { word: `failed: ${state.code}`, tone: "bad" };
    default:
      return assertNever(state);
  }
}

/** The key is told with one cluster, for it is not read for lists. */
export function clusterTable(list: readonly ClusterView[], now: number): Table {
  const isKnown = list.some(({ key, revoked }) => key !== undefined || revoked !== undefined);
  const rows = list.map((cluster): Cell[] => [
    cluster.resource.metadata.name,
    clusterState(cluster, now),
    labelWords(cluster),
    cluster.kubernetes ?? "-",
    cluster.agent ?? "-",
    ago(cluster.heardAt, now),
    ...(isKnown ? [cluster.key ?? "-"] : []),
  ]);
  const columns = ["name", "state", "labels", "kubernetes", "agent", "heard"];
  return {
    columns: isKnown ? [...columns, "key"] : columns,
    rows,
    empty: "no Clusters yet: fairlead cluster register NAME",
  };
}

/** Two agents beside each other are heard anew every few minutes; after this it is past. */
export const DUPLICATE_TOLD_MS = 30 * 60_000;

function clusterState(
  { registered, silent, resource, revoked, duplicatedAt, hold }: ClusterView,
  now: number,
): Cell {
  if (revoked === true) return { word: "revoked", tone: "bad" };
  if (duplicatedAt !== undefined && now - duplicatedAt < DUPLICATE_TOLD_MS)
    return { word: "two agents with one key", tone: "bad" };
  const mark = resource.spec.simulated ? " (simulated)" : "";
  if (!registered) return { word: "waiting for an agent", tone: "busy" };
  if (!silent && hold !== undefined) return { word: `${holdWords(hold)}${mark}`, tone: "busy" };
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
    whyWords(one),
    ago(one.startedAt, now),
  ]);
  return {
    columns: ["app", "release", "commit", "state", "clusters", "why", "started"],
    rows,
    empty: "no rollouts yet",
  };
}

/** Of what is plain by its state there is nothing to say. */
function whyWords(rollout: Rollout): string {
  const { state } = rollout;
  if (state.kind === "halted") return state.reason;
  const isPlain = ["succeeded", "superseded", "aborted"].includes(state.kind);
  return isPlain || (state.kind === "running" && rollout.stages.length < 2 && state.step === undefined)
    ? ""
    : stateWords(rollout);
}

const VERDICT_TONES = { pass: "good", fail: "bad", wait: "busy", inconclusive: "bad" } as const;

/** Of the stage in force, or the last one that had gates. */
export function gateTable({ gates }: Pick<Rollout, "gates">): Table {
  const rows = gates.map(({ stage, gate, told }): Cell[] => [
    stage,
    gate,
    told === undefined
      ? { word: "asked", tone: "busy" }
      : { word: told.kind, tone: VERDICT_TONES[told.kind] },
    told?.message ?? "",
  ]);
  return { columns: ["stage", "gate", "says", "because"], rows, empty: "no gates" };
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
