/** `fairlead whoami`: who the hub takes us for, and what it lets us do where. */
import { buildCommand } from "@stricli/core";
import type { Rule } from "#core/access.ts";
import { whoamiSchema, type Whoami } from "#core/account.ts";
import { HUB_PROJECT } from "#core/project.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { hubFlags, outputFlag, type OutputFlags } from "../flags.ts";
import type { Context } from "../io.ts";
import { printAs, type Cell, type Table } from "../print.ts";

export const whoami = buildCommand<HubFlags & OutputFlags, [], Context>({
  async func(flags) {
    const hub = await connect(flags, this.io);
    const who = await hub.readAt("/v1/whoami", whoamiSchema);
    if (flags.output === "table") this.io.stdout.write(`${who.actor} at ${hub.server}\n`);
    printAs(this.io, flags.output, who, () => rightsTable(who));
  },
  parameters: { flags: { ...hubFlags, output: outputFlag }, aliases: { o: "output" } },
  docs: { brief: "Show who the hub takes you for, and what you may" },
});

function rightsTable({ projects }: Whoami): Table {
  const rows = projects.flatMap(({ project, rules }) =>
    rules.map((rule): Cell[] => [
      project === HUB_PROJECT ? `${project} (all)` : project,
      rule.verbs.join(", "),
      rule.nouns.join(", "),
      labelsOf(rule),
    ]),
  );
  return {
    columns: ["project", "may", "on", "with labels"],
    rows,
    empty: "no role of any project names you",
  };
}

function labelsOf({ labels }: Rule): string {
  if (labels === undefined) return "";
  const equal = Object.entries(labels.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const terms = (labels.matchExpressions ?? []).map(({ key, operator, values }) =>
    [key, operator, ...(values === undefined ? [] : [`(${values.join(", ")})`])].join(" "),
  );
  return [...equal, ...terms].join(", ");
}
