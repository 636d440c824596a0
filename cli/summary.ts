/** The whole fleet in one look, for a bare `fairlead get`: the sentence, the Apps, then only what wants a person. */
import { fleetSentence, placementStanding } from "#core/fleet.ts";
import { stateWords } from "#core/rollout.ts";
import type { FleetApp, FleetView } from "#core/view.ts";
import { sentence } from "#core/text.ts";
import type { Io } from "./io.ts";
import { ago, paint, printTable, shortCommit } from "./print.ts";
import { DUPLICATE_TOLD_MS, errorWords, fleetAppTable } from "./tables.ts";

const TROUBLES_MAX = 20;

export function printSummary(io: Io, fleet: FleetView): void {
  io.stdout.write(`${fleetSentence(fleet)}\n\n`);
  printTable(io, fleetAppTable(fleet.apps));
  const all = troubles(fleet);
  if (all.length === 0) return;
  io.stdout.write("\n");
  for (const line of all.slice(0, TROUBLES_MAX))
    io.stdout.write(`${paint(io, { word: "!", tone: "bad" })} ${sentence(line, 400)}\n`);
  if (all.length > TROUBLES_MAX)
    io.stdout.write(`  and ${all.length - TROUBLES_MAX} more: fairlead get placements\n`);
}

function troubles(fleet: FleetView): string[] {
  const sources = fleet.sources.flatMap(({ resource, state }) =>
    state?.kind === "failed" ? [`Source ${resource.metadata.name}: ${state.code}: ${state.message}`] : [],
  );
  const silent = fleet.clusters
    .filter((cluster) => cluster.silent)
    .map(
      ({ resource, heardAt }) =>
        `Cluster ${resource.metadata.name} is silent, last heard ${ago(heardAt, fleet.at)}`,
    );
  const twice = fleet.clusters
    .filter(({ duplicatedAt }) => duplicatedAt !== undefined && fleet.at - duplicatedAt < DUPLICATE_TOLD_MS)
    .map(
      ({ resource: { metadata } }) =>
        `Cluster ${metadata.name}: two agents live with one key; revoke it: fairlead cluster revoke ${metadata.name}`,
    );
  return [...fleet.apps.flatMap(appTroubles), ...sources, ...silent, ...twice];
}

function appTroubles({ app, rollout, placements }: FleetApp): string[] {
  const { name } = app.resource.metadata;
  const error = app.state?.error;
  const made =
    error === undefined
      ? []
      : [`App ${name}: commit ${shortCommit(error.commit)} made no release: ${errorWords(error)}`];
  const halted =
    rollout?.state.kind === "halted"
      ? [`App ${name}: release ${rollout.release} is halted: ${rollout.state.reason}`]
      : [];
  const pinned =
    app.state?.pinned === undefined
      ? []
      : [`App ${name}: release ${app.state.pinned.release} went back, the App is pinned`];
  const asks =
    (rollout?.state.kind === "running" && rollout.state.step?.kind === "approval") ||
    (rollout?.state.kind === "withheld" && rollout.state.approved === undefined)
      ? [`App ${name}: release ${rollout.release} ${stateWords(rollout)}: fairlead rollout approve ${name}`]
      : [];
  const bad = placements
    .filter((one) => placementStanding(one).tone === "bad")
    .map(
      (one) => `App ${name} on ${one.cluster}: ${one.observed?.phase ?? ""}: ${one.observed?.message ?? ""}`,
    );
  return [...made, ...halted, ...pinned, ...asks, ...bad];
}
