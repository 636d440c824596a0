/** `fairlead audit`: the newest drift audit as a report that can be read aloud. */
import { buildCommand } from "@stricli/core";
import { driftAuditSchema, type DriftAudit } from "#core/drift-audit.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError } from "../errors.ts";
import { hubFlags, outputFlag, type OutputFlags } from "../flags.ts";
import type { Context, Io } from "../io.ts";
import { ago, printAs, printTable, type Cell, type Table } from "../print.ts";

interface Flags extends HubFlags, OutputFlags {}

export const audit = buildCommand<Flags, [], Context>({
  async func(flags) {
    const hub = await connect(flags, this.io);
    const newest = await hub.find(["drift-audits", "newest"], driftAuditSchema);
    if (newest === undefined)
      throw new CliError(
        `project ${hub.project} has no drift audit yet`,
        "wait for the next slot: the hub writes one each",
      );
    if (flags.output === "table") report(this.io, newest);
    else printAs(this.io, flags.output, newest, () => driftTable(newest));
  },
  parameters: { flags: { ...hubFlags, output: outputFlag }, aliases: { o: "output" } },
  docs: {
    brief: "Show the newest drift audit: drifted objects, silent clusters, clusters off their release",
  },
});

function report(io: Io, newest: DriftAudit): void {
  const now = io.now();
  io.stdout.write(
    `Drift audit of project ${newest.project}, slot ${newest.slot} (taken ${ago(newest.at, now)})\n`,
  );
  io.stdout.write(`${newest.clusters} clusters, ${newest.placements} placements: ${findings(newest)}\n`);
  section(io, "Drift", driftTable(newest));
  section(io, "Silent clusters", {
    columns: ["cluster", "heard"],
    rows: newest.silent.map((one) => [one.cluster, ago(one.heardAt, now)]),
    empty: "",
  });
  const off = newest.offRelease.map((one): Cell[] => [
    one.app,
    one.cluster,
    one.has === 0 ? "none" : one.has,
    one.wants,
    one.why,
  ]);
  section(io, "Off their release", {
    columns: ["app", "cluster", "has", "wants", "why"],
    rows: off,
    empty: "",
  });
}

function findings({ drifted, silent, offRelease }: DriftAudit): string {
  const objects = drifted.reduce((sum, { total }) => sum + total, 0);
  if (objects + silent.length + offRelease.length === 0) return "all as Git says";
  return `${objects} objects drifted, ${silent.length} clusters silent, ${offRelease.length} placements off their release`;
}

function section(io: Io, title: string, table: Table): void {
  if (table.rows.length === 0) return;
  io.stdout.write(`\n${title}\n`);
  printTable(io, table);
}

/** A row for each field; a placement whose objects were cut still says how many there are. */
function driftTable({ drifted }: DriftAudit): Table {
  const rows = drifted.flatMap(({ app, cluster, total, objects }): Cell[][] => {
    const told = objects.flatMap(({ object, fields, by, restored }) =>
      fields.map(({ path, before, after }): Cell[] => [
        app,
        cluster,
        object,
        path,
        `${before ?? "absent"} -> ${after ?? "absent"}`,
        by ?? "unknown",
        restored ? { word: "yes", tone: "good" } : { word: "no", tone: "bad" },
      ]),
    );
    const more = total - objects.length;
    return more > 0 ? [...told, [app, cluster, `and ${more} more objects`, "", "", "", ""]] : told;
  });
  return {
    columns: ["app", "cluster", "object", "field", "change", "by", "restored"],
    rows,
    empty: "no object drifted",
  };
}
