/** `fairlead delete KIND NAME`. An App leaves its clusters first, so the hub only says that it has begun. */
import { buildCommand } from "@stricli/core";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError, EXIT } from "../errors.ts";
import { hubFlags } from "../flags.ts";
import type { Context } from "../io.ts";

const KINDS = { source: "Source", app: "App", cluster: "Cluster" } as const;

export const remove = buildCommand<HubFlags, [string, string], Context>({
  async func(flags, kind, name) {
    const found = (Object.keys(KINDS) as (keyof typeof KINDS)[]).find(
      (known) => known === kind.toLowerCase().replace(/s$/, ""),
    );
    if (found === undefined)
      throw new CliError(`there is no kind "${kind}" to delete`, "take source, app or cluster", EXIT.usage);
    const hub = await connect(flags, this.io);
    const status = await hub.act("DELETE", [`${found}s`, name]);
    this.io.stdout.write(`${KINDS[found]} ${name} ${status === 202 ? "leaving" : "deleted"}\n`);
    if (status === 202)
      this.io.stderr.write(`it leaves its clusters first: fairlead get placements ${name}\n`);
  },
  parameters: {
    flags: { ...hubFlags },
    positional: {
      kind: "tuple",
      parameters: [
        { parse: String, placeholder: "kind", brief: "source, app or cluster" },
        { parse: String, placeholder: "name", brief: "its name" },
      ],
    },
  },
  docs: { brief: "Delete a source, an app (it leaves its clusters first) or a cluster" },
});
