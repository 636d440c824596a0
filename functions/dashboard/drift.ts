/** Drift as the agents told it last, and the newest drift audit: what is not as Git says. */
import { html } from "hono/html";
import type { DriftAudit } from "#core/drift-audit.ts";
import type { Drift } from "#core/protocol.ts";
import type { FleetApp } from "#core/view.ts";
import { ago, badge, count, table, type Cell, type Html } from "./parts.ts";

const ROWS_MAX = 50;

interface Place {
  app: string;
  cluster: string;
}

export function driftSection(apps: readonly FleetApp[], now: number): Html {
  const placements = apps.flatMap((one) => one.placements);
  const drifted = placements.flatMap(({ app, cluster, detail }) =>
    (detail?.drift ?? []).map((drift) => ({ app, cluster, drift })),
  );
  const told = placements.reduce((sum, { observed }) => sum + (observed?.drift ?? 0), 0);
  const shown = drifted.slice(0, ROWS_MAX);
  const hidden = Math.max(told, drifted.length) - shown.length;
  const body =
    shown.length === 0
      ? html`<p class="muted">
          ${told === 0 ? "None: every object is as its bundle says." : `${count(told, "object")} drifted.`}
        </p>`
      : table(
          "Objects that differed from their bundle",
          COLUMNS,
          shown.map(({ drift, ...place }) => driftRow(place, drift, now)),
        );
  const more =
    hidden > 0 && shown.length > 0
      ? html`<p class="muted">and ${count(hidden, "more object", "more objects")}</p>`
      : "";
  return html`<section aria-labelledby="drift">
    <h2 id="drift">Drift</h2>
    <div class="card">${body}${more}</div>
  </section>`;
}

const COLUMNS = ["Object", "Where", "Change", "Who", "When", "Now"];

function driftRow({ app, cluster }: Place, drift: Drift, now: number): Cell[] {
  const fields = drift.fields.map(
    ({ path, before, after }) =>
      html`<li>
        <code>${path}</code>
        <span class="values"
          ><del>${before ?? "absent"}</del> <span aria-label="became">→</span>
          <ins>${after ?? "absent"}</ins></span
        >
      </li>`,
  );
  return [
    html`<code>${drift.object}</code>`,
    `${app} on ${cluster}`,
    html`<ul class="fields">
      ${fields}
    </ul>`,
    drift.by ?? "unknown",
    drift.at === undefined ? "unknown" : ago(drift.at, now),
    badge(drift.restored ? { word: "restored", tone: "good" } : { word: "still different", tone: "bad" }),
  ];
}

export function auditSection(audit: DriftAudit | undefined, now: number): Html {
  const body =
    audit === undefined
      ? html`<p class="muted">None yet: the first is written at the next slot.</p>`
      : auditBody(audit, now);
  return html`<section aria-labelledby="audit">
    <h2 id="audit">Newest drift audit</h2>
    <div class="card">${body}</div>
  </section>`;
}

function auditBody(audit: DriftAudit, now: number): Html {
  const drifted = audit.drifted.reduce((sum, { total }) => sum + total, 0);
  const clean = drifted + audit.silent.length + audit.offRelease.length === 0;
  const words = clean
    ? "nothing drifted, no cluster silent, none off its release"
    : `${count(drifted, "drifted object")}, ${count(audit.silent.length, "silent cluster")}, ${count(audit.offRelease.length, "placement")} off the release`;
  return html`<p>
      ${badge(clean ? { word: "clean", tone: "good" } : { word: "findings", tone: "bad" })} Slot
      <time datetime="${audit.slot}">${audit.slot}</time>, taken ${ago(audit.at, now)}:
      ${count(audit.clusters, "cluster")}, ${count(audit.placements, "placement")}; ${words}.
    </p>
    ${findings(audit, now)}`;
}

function findings(audit: DriftAudit, now: number): Html | string {
  const rows: Cell[][] = [
    ...audit.drifted.map(({ app, cluster, total, objects }) => [
      "drift",
      `${app} on ${cluster}`,
      driftedWords(total, objects),
    ]),
    ...audit.silent.map(({ cluster, heardAt }) => ["silent", cluster, html`last heard ${ago(heardAt, now)}`]),
    ...audit.offRelease.map(({ app, cluster, has, wants, why }) => [
      "off release",
      `${app} on ${cluster}`,
      `has ${has === 0 ? "none" : has}, shall have ${wants}: ${why}`,
    ]),
  ];
  if (rows.length === 0) return "";
  const more = rows.length - ROWS_MAX;
  return html`${table("Findings", ["Finding", "Where", "What"], rows.slice(0, ROWS_MAX))}
  ${more > 0 ? html`<p class="muted">${more} more: <code>fairlead audit</code></p>` : ""}`;
}

function driftedWords(total: number, objects: readonly Drift[]): string {
  const names = objects.slice(0, 3).map(({ object }) => object);
  const more = total - names.length;
  return names.length === 0
    ? count(total, "object")
    : `${names.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
