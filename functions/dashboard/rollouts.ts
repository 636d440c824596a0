/** The newest rollout of each App, side by side. */
import { html } from "hono/html";
import { doneOf, rolloutStanding } from "#core/fleet.ts";
import { isOver, type Rollout } from "#core/rollout.ts";
import type { FleetApp } from "#core/view.ts";
import { ago, badge, commit, table, type Cell, type Html } from "./parts.ts";

export function rolloutsSection(apps: readonly FleetApp[], now: number): Html | string {
  const rows = apps.flatMap(({ rollout, placements }) => {
    if (rollout === undefined) return [];
    const cells: Cell[] = [
      rollout.app,
      rollout.release,
      commit(rollout.commit),
      badge(rolloutStanding(rollout)),
      stageOf(rollout),
      `${doneOf(rollout, placements)} of ${rollout.total}`,
      ago(rollout.startedAt, now),
    ];
    return [cells];
  });
  if (rows.length === 0) return "";
  const columns = ["App", "Release", "Commit", "State", "Stage", "Clusters", "Started"];
  return html`<section aria-labelledby="rollouts">
    <h2 id="rollouts">Rollouts</h2>
    <div class="card">${table("The newest rollout of each App", columns, rows)}</div>
  </section>`;
}

function stageOf(rollout: Rollout): string {
  const { stages, stage: at, total, state } = rollout;
  if (isOver(state) || state.kind === "pending" || total === 0) return "–";
  const stage = stages[at];
  if (stage === undefined) return "–";
  return stages.length === 1 ? stage.name : `${stage.name} (${at + 1} of ${stages.length})`;
}
