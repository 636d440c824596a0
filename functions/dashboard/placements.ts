/**
 * The placements of one App. A small fleet is a table; of a large one only what is not well is a table, and the rest
 * is a grid of names, so that the page stays readable at hundreds of clusters.
 */
import { html } from "hono/html";
import { placementStanding } from "#core/fleet.ts";
import type { ClusterView, PlacementView } from "#core/view.ts";
import { badge, count, labelList, table, type Cell, type Html } from "./parts.ts";

const TABLE_ROWS_MAX = 12;
const TROUBLED_ROWS_MAX = 50;
const FAILURES_SHOWN = 3;

export type ClustersByName = ReadonlyMap<string, ClusterView>;

export function placements(
  app: string,
  list: readonly PlacementView[],
  clusters: ClustersByName,
): Html | string {
  if (list.length === 0)
    return html`<p class="muted">
      On no cluster yet: none matches its selector, or no release was assigned.
    </p>`;
  const sorted = list.toSorted((a, b) => weight(a) - weight(b) || (a.cluster < b.cluster ? -1 : 1));
  if (sorted.length <= TABLE_ROWS_MAX) return rowsTable(`${app} on its clusters`, sorted, clusters);
  const unwell = sorted.filter((one) => placementStanding(one).tone !== "good" || silent(one, clusters));
  const well = sorted.filter((one) => !unwell.includes(one));
  const shown = unwell.slice(0, TROUBLED_ROWS_MAX);
  const hidden = unwell.length - shown.length;
  return html`${shown.length === 0 ? "" : rowsTable(`${count(unwell.length, "cluster")} not there yet, or not heard`, shown, clusters)}
  ${hidden === 0 ? "" : html`<p class="muted">${hidden} more: <code>fairlead get placements ${app}</code></p>`}
  ${well.length === 0 ? "" : grid(well, clusters)}`;
}

const WEIGHTS = { bad: 0, busy: 1, quiet: 2, good: 3 };
function weight(placement: PlacementView): number {
  return WEIGHTS[placementStanding(placement).tone];
}

function silent(placement: PlacementView, clusters: ClustersByName): boolean {
  return clusters.get(placement.cluster)?.silent === true;
}

function rowsTable(caption: string, list: readonly PlacementView[], clusters: ClustersByName): Html {
  const rows = list.map((one): Cell[] => {
    const cluster = clusters.get(one.cluster);
    return [
      clusterName(one.cluster, cluster),
      labelList(cluster?.resource.metadata.labels),
      html`${badge(placementStanding(one))}${silent(one, clusters) ? html` ${badge({ word: "silent", tone: "bad" })}` : ""}`,
      releaseOf(one),
      message(one),
    ];
  });
  return table(caption, ["Cluster", "Labels", "State", "Release", "Says"], rows);
}

export function clusterName(name: string, cluster: ClusterView | undefined): Html {
  const simulated = cluster?.resource.spec.simulated === true;
  return html`<span class="name">${name}</span
    >${simulated ? html` <span class="mark">simulated</span>` : ""}`;
}

/** What the cluster has; and what it shall have, where that differs. */
function releaseOf({ assigned, observed }: PlacementView): string {
  const has = observed?.release ?? 0;
  const wants = assigned?.release ?? has;
  if (has === wants) return has === 0 ? "–" : String(has);
  return `${has === 0 ? "none" : has} → ${wants}`;
}

function message({ observed, detail }: PlacementView): Html | string {
  if (observed === undefined) return "nothing reported yet";
  const failures = detail?.failures ?? [];
  if (failures.length === 0) return observed.message;
  const items = failures
    .slice(0, FAILURES_SHOWN)
    .map(({ object, reason }) => html`<li><code>${object}</code> ${reason}</li>`);
  const more = failures.length - items.length;
  return html`${observed.message}
    <ul class="failures">
      ${items}${more > 0 ? html`<li>and ${more} more</li>` : ""}
    </ul>`;
}

function grid(list: readonly PlacementView[], clusters: ClustersByName): Html {
  const names = list.map(({ cluster }) => html`<li>${clusterName(cluster, clusters.get(cluster))}</li>`);
  return html`<p class="gridtitle">
      ${badge({ word: "healthy", tone: "good" })} on ${count(list.length, "cluster")}
    </p>
    <ul class="grid">
      ${names}
    </ul>`;
}
