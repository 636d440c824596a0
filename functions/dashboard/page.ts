/**
 * The one page: the whole fleet as plain HTML, with no script. It asks again by itself through a meta refresh, the
 * simplest thing that is always right; `?refresh=off` stops that for people whom a reload disturbs.
 */
import { html } from "hono/html";
import { countClusters, fleetSentence, type ClusterCondition } from "#core/fleet.ts";
import type { FleetView } from "#core/view.ts";
import { appsSection } from "./apps.ts";
import { auditSection, driftSection } from "./drift.ts";
import type { Html } from "./parts.ts";
import { rolloutsSection } from "./rollouts.ts";
import { clustersSection, sourcesSection } from "./sources.ts";

export const REFRESH_S = 5;

export interface PageOptions {
  project: string;
  /** Those that the caller may read. */
  projects: readonly string[];
  refresh: boolean;
}

/** `now` is the hub's clock in ms; two calls within the same minute over the same fleet give the same text. */
export function fleetPage(view: FleetView, now: number, options: PageOptions): Html {
  const clusters = new Map(view.clusters.map((cluster) => [cluster.resource.metadata.name, cluster]));
  const sentence = fleetSentence(view);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        ${options.refresh ? html`<meta http-equiv="refresh" content="${REFRESH_S}" />` : ""}
        <title>${sentence} Fairlead</title>
        <link rel="icon" href="/static/icon.svg" />
        <link rel="stylesheet" href="/static/style.css" />
      </head>
      <body>
        <header>
          <p class="brand">
            <img src="/static/icon.svg" alt="" width="28" height="28" /> Fairlead
            <span class="project">project ${options.project}</span>
          </p>
          ${switcher(options)}
          <h1>${sentence}</h1>
          ${bar(view, sentence)}
        </header>
        <main>
          ${appsSection(view.apps, clusters, now)} ${rolloutsSection(view.apps, now)}
          ${driftSection(view.apps, now)} ${clustersSection(view.clusters, view.apps, now)}
          ${auditSection(view.audit, now)} ${sourcesSection(view.sources, now)}
        </main>
        <footer>${refreshNote(options)}</footer>
      </body>
    </html>`;
}

/** Links to the caller's other projects; with one project there is nothing to choose. */
function switcher({ project, projects }: PageOptions): Html | string {
  if (projects.every((name) => name === project)) return "";
  const links = projects.map((name) =>
    name === project
      ? html`<a href="/?project=${name}" aria-current="page">${name}</a> `
      : html`<a href="/?project=${name}">${name}</a> `,
  );
  return html`<nav class="projects" aria-label="Projects">${links}</nav>`;
}

const BAR: readonly ClusterCondition[] = ["healthy", "moving", "failing", "silent", "unregistered"];

/** Decoration over the sentence; widths are SVG attributes, since the policy of the page allows no inline style. */
function bar(view: FleetView, sentence: string): Html | string {
  const counts = countClusters(view);
  const total = view.clusters.length;
  if (total === 0)
    return html`<p class="lead">
      Make one known with <code>fairlead cluster register NAME</code>, then start its agent.
    </p>`;
  let from = 0;
  const parts = BAR.map((condition) => {
    const part = html`<rect
      class="${condition}"
      x="${from}"
      y="0"
      width="${counts[condition]}"
      height="1"
    ></rect>`;
    from += counts[condition];
    return part;
  });
  return html`<svg
    class="bar"
    role="img"
    aria-label="${sentence}"
    viewBox="0 0 ${total} 1"
    preserveAspectRatio="none"
  >
    ${parts}
  </svg>`;
}

function refreshNote({ project, refresh }: PageOptions): Html {
  const here = `/?project=${project}`;
  return refresh
    ? html`<p>
        This page loads itself again every ${REFRESH_S} s. <a href="${here}&refresh=off">Stop that</a> ·
        <a href="/logout">Sign out</a>
      </p>`
    : html`<p>
        This page does not load itself again. <a href="${here}">Start that</a> ·
        <a href="/logout">Sign out</a>
      </p>`;
}
