/** `fairlead rollout history APP`: what happened to a rollout, who did it, and why it waited. */
import { buildCommand } from "@stricli/core";
import { timelineEntrySchema, type TimelineEntry } from "#core/rollout.ts";
import { appViewSchema } from "#core/view.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { hubFlags, outputFlag, parseCount, type OutputFlags } from "../flags.ts";
import type { Context } from "../io.ts";
import { ago, printAs, type Cell, type Table } from "../print.ts";

interface Flags extends HubFlags, OutputFlags {
  release?: number | undefined;
}

export const rolloutHistory = buildCommand<Flags, [string], Context>({
  async func(flags, name) {
    const hub = await connect(flags, this.io);
    const release = flags.release ?? (await hub.read(["apps", name], appViewSchema)).state?.release ?? 0;
    const entries = await hub.list(["apps", name, "timelines", release], timelineEntrySchema);
    printAs(this.io, flags.output, entries, () => historyTable(entries, this.io.now()));
  },
  parameters: {
    flags: {
      ...hubFlags,
      output: outputFlag,
      release: {
        kind: "parsed",
        parse: parseCount,
        optional: true,
        placeholder: "N",
        brief: "this release instead of the newest",
      },
    },
    aliases: { o: "output" },
    positional: { kind: "tuple", parameters: [{ parse: String, placeholder: "app", brief: "its name" }] },
  },
  docs: { brief: "Tell what happened to an App's rollout, step by step" },
});

function historyTable(entries: readonly TimelineEntry[], now: number): Table {
  const rows = entries.map(({ at, stage, what, by, why }): Cell[] => [
    ago(at, now),
    stage,
    what,
    by ?? "-",
    why ?? "-",
  ]);
  return { columns: ["when", "stage", "what", "who", "why"], rows, empty: "nothing happened yet" };
}
