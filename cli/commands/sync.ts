/** `fairlead sync SOURCE`: the hub looks at the Git ref now, instead of at its next poll. */
import { buildCommand } from "@stricli/core";
import { sourceViewSchema } from "#core/view.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError } from "../errors.ts";
import { hubFlags } from "../flags.ts";
import type { Context } from "../io.ts";
import { shortCommit, subject } from "../print.ts";

export const sync = buildCommand<HubFlags, [string], Context>({
  async func(flags, name) {
    const hub = await connect(flags, this.io);
    await hub.act("POST", ["sources", name, "sync"]);
    const { state } = await hub.read(["sources", name], sourceViewSchema);
    if (state?.kind === "failed")
      throw new CliError(
        `Source ${name} cannot be read: ${state.code}: ${state.message}`,
        "correct spec.git of the Source, or its credentials",
      );
    this.io.stdout.write(
      state === undefined
        ? `Source ${name} is being read\n`
        : `Source ${name} is at ${shortCommit(state.commit)} ${subject(state.message)}\n`,
    );
  },
  parameters: {
    flags: { ...hubFlags },
    positional: { kind: "tuple", parameters: [{ parse: String, placeholder: "source", brief: "its name" }] },
  },
  docs: { brief: "Let the hub look at a source's Git ref now" },
});
