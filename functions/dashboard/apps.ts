/** Each App: where its newest release stands, why a commit became none, its clusters, its last releases. */
import { html } from "hono/html";
import { appStanding, doneOf, errorPlace } from "#core/fleet.ts";
import type { AppView, FleetApp } from "#core/view.ts";
import {
  ago,
  badge,
  commit,
  count,
  findingList,
  notice,
  subject,
  table,
  trouble,
  type Html,
} from "./parts.ts";
import { placements, type ClustersByName } from "./placements.ts";

export function appsSection(apps: readonly FleetApp[], clusters: ClustersByName, now: number): Html {
  const body =
    apps.length === 0
      ? html`<p class="card muted">
          No Apps yet. Describe one in YAML and run <code>fairlead apply -f app.yaml</code>.
        </p>`
      : apps.map((one) => appCard(one, clusters, now));
  return html`<section aria-labelledby="apps">
    <h2 id="apps">Apps</h2>
    ${body}
  </section>`;
}

function appCard(one: FleetApp, clusters: ClustersByName, now: number): Html {
  const { name } = one.app.resource.metadata;
  return html`<article class="card" aria-labelledby="app-${name}">
    <div class="cardhead">
      <h3 id="app-${name}">${name}</h3>
      ${badge(appStanding(one))} <span class="progress">${progress(one)}</span>
    </div>
    ${newest(one, now)} ${appError(one.app)} ${warnings(one.app)} ${chartTrouble(one.app)} ${halted(one)}
    ${placements(name, one.placements, clusters)} ${releases(one, now)}
  </article>`;
}

function progress({ releases: [newestRelease], rollout, placements: list }: FleetApp): Html | string {
  if (rollout === undefined || rollout.release !== newestRelease?.release) return "";
  const done = doneOf(rollout, list);
  return html`${done} of ${count(rollout.total, "cluster")}
    <progress
      value="${done}"
      max="${Math.max(1, rollout.total)}"
      aria-label="clusters that are done with release ${rollout.release}"
    ></progress>`;
}

function newest({ releases: [release] }: FleetApp, now: number): Html | string {
  if (release === undefined) return "";
  return html`<p class="newest">
    Release <strong>${release.release}</strong> · ${commit(release.commit)}
    <span class="subject">${subject(release.message)}</span>
    <span class="muted">by ${release.author}, ${ago(release.at, now)}</span>
  </p>`;
}

function appError({ state }: AppView): Html | string {
  if (state?.error === undefined) return "";
  const { error } = state;
  const place = errorPlace(error);
  const stays = state.release === 0 ? "Nothing was released." : `Release ${state.release} keeps running.`;
  return trouble(
    "The newest commit made no release",
    html`<p>
        ${commit(error.commit)} ${place === "" ? "" : html`<code class="place">${place}</code>`}
        ${error.findings === undefined ? error.message : "Withheld:"}
      </p>
      ${error.findings === undefined ? "" : findingList(error.findings)}
      <p class="muted">${stays} ${error.findings === undefined ? FIX : FIX_OR_ALLOW}</p>`,
  );
}

const FIX = "Push a fix, or revert the commit.";
const FIX_OR_ALLOW = "Push a fix, or have the Project or the Policy changed.";

function warnings({ state }: AppView): Html | string {
  if (state?.warnings === undefined) return "";
  const title = `${count(state.warnings.total, "warning")} of Policies`;
  return notice(title, findingList(state.warnings));
}

function chartTrouble({ state }: AppView): Html | string {
  if (state?.chart?.failed === undefined) return "";
  const { name, version, failed } = state.chart;
  return notice(`Chart ${name} ${version} stays as it is`, html`<p>${failed.message}</p>`);
}

function halted({ rollout }: FleetApp): Html | string {
  if (rollout?.state.kind !== "halted") return "";
  return trouble(
    `The rollout of release ${rollout.release} is halted`,
    html`<p>${rollout.state.reason}</p>
      <p class="muted">No more clusters get it until this one is healthy or a newer release replaces it.</p>`,
  );
}

function releases({ app, releases: list }: FleetApp, now: number): Html | string {
  if (list.length < 2) return "";
  const rows = list.map((one) => [
    one.release,
    commit(one.commit),
    subject(one.message),
    one.author,
    one.reason,
    ago(one.at, now),
  ]);
  return table(
    `Last releases of ${app.resource.metadata.name}`,
    ["Release", "Commit", "Subject", "Author", "Because of", "When"],
    rows,
  );
}
