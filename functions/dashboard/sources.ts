/** Sources with where their ref stands, and clusters that no App's table shows or that are not heard. */
import { html } from "hono/html";
import type { FleetFolder } from "#core/fleet-folder.ts";
import type { GitRef } from "#core/source.ts";
import type { ClusterView, FleetApp, SourceView } from "#core/view.ts";
import { ago, badge, commit, labelList, subject, table, type Cell, type Html } from "./parts.ts";
import { clusterName } from "./placements.ts";

export function sourcesSection(sources: readonly SourceView[], now: number): Html {
  const body =
    sources.length === 0
      ? html`<p class="muted">
          None yet. A Source is a Git repository over https: <code>fairlead apply -f source.yaml</code>.
        </p>`
      : table(
          "Git repositories",
          ["Source", "Repository", "Ref", "State", "Newest commit", "When"],
          sources.map((one) => sourceRow(one, now)),
        );
  const folders = sources.flatMap((one) =>
    one.fleet === undefined ? [] : [folderPart(one, one.fleet, now)],
  );
  return html`<section aria-labelledby="sources">
    <h2 id="sources">Sources</h2>
    <div class="card">${body}</div>
    ${folders}
  </section>`;
}

/** What a Source's fleet folder keeps, and what of it could not be done. */
function folderPart({ resource }: SourceView, fleet: FleetFolder, now: number): Html {
  const state =
    fleet.errorsTotal === 0
      ? badge({ word: "in step", tone: "good" })
      : badge({ word: fleet.errorsTotal === 1 ? "1 fault" : `${fleet.errorsTotal} faults`, tone: "bad" });
  const more = fleet.errorsTotal - fleet.errors.length;
  return html`<div class="card">
    <p>
      Fleet folder <span class="url">${resource.spec.apps}</span> of ${resource.metadata.name}:
      ${fleet.applied} resources at ${commit(fleet.commit)} ${state}
      <span class="muted">${ago(fleet.at, now)}</span>
    </p>
    ${
      fleet.errors.length === 0
        ? ""
        : html`<ul>
            ${fleet.errors.map((error) => html`<li>${error}</li>`)}
            ${more > 0 ? html`<li>and ${more} more</li>` : ""}
          </ul>`
    }
  </div>`;
}

function sourceRow({ resource, state }: SourceView, now: number): Cell[] {
  const { url, ref } = resource.spec.git;
  const base = [resource.metadata.name, html`<span class="url">${url}</span>`, refWords(ref)];
  if (state === undefined) return [...base, badge({ word: "not read yet", tone: "busy" }), "", ""];
  if (state.kind === "failed")
    return [
      ...base,
      badge({ word: "failed", tone: "bad" }),
      html`<strong>${state.code}</strong>: ${state.message}`,
      ago(state.at, now),
    ];
  const newest = html`${commit(state.commit)} ${subject(state.message)}
    <span class="muted"
      >by ${state.author}${state.signer === undefined ? "" : `, signed by ${state.signer}`}</span
    >`;
  return [...base, badge({ word: "read", tone: "good" }), newest, ago(state.committedAt, now)];
}

function refWords(ref: GitRef): string {
  if ("branch" in ref) return `branch ${ref.branch}`;
  if ("tag" in ref) return `tag ${ref.tag}`;
  if ("semver" in ref) return `newest tag in ${ref.semver}`;
  return `commit ${ref.commit.slice(0, 7)}`;
}

/** Absent where every cluster is heard and carries an App. */
export function clustersSection(
  clusters: readonly ClusterView[],
  apps: readonly FleetApp[],
  now: number,
): Html | string {
  const placed = new Set(apps.flatMap(({ placements }) => placements.map(({ cluster }) => cluster)));
  const rows = clusters
    .filter(
      ({ registered, silent, resource }) => !registered || silent || !placed.has(resource.metadata.name),
    )
    .map((cluster): Cell[] => {
      const { name, labels } = cluster.resource.metadata;
      return [
        clusterName(name, cluster),
        labelList(labels),
        conditions(cluster, placed.has(name)),
        cluster.kubernetes ?? "",
        ago(cluster.heardAt, now),
      ];
    });
  if (rows.length === 0) return "";
  const caption = "Silent, without an agent, or without an App";
  return html`<section aria-labelledby="clusters">
    <h2 id="clusters">Clusters to look at</h2>
    <div class="card">${table(caption, ["Cluster", "Labels", "State", "Kubernetes", "Heard"], rows)}</div>
  </section>`;
}

function conditions({ registered, silent }: ClusterView, placed: boolean): Html {
  if (!registered) return badge({ word: "waiting for an agent", tone: "busy" });
  if (silent) return badge({ word: "silent", tone: "bad" });
  return badge({ word: placed ? "heard" : "no App", tone: "quiet" });
}
