/** `fairlead why APP CLUSTER`: one sentence on why the cluster is not on the newest release, or that it is. */
import { buildCommand } from "@stricli/core";
import { z } from "zod";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { hubFlags } from "../flags.ts";
import type { Context } from "../io.ts";

export const why = buildCommand<HubFlags, [string, string], Context>({
  async func(flags, app, cluster) {
    const hub = await connect(flags, this.io);
    const answer = await hub.read(["apps", app, "placements", cluster, "why"], z.object({ why: z.string() }));
    this.io.stdout.write(`${answer.why}\n`);
  },
  parameters: {
    flags: { ...hubFlags },
    positional: {
      kind: "tuple",
      parameters: [
        { parse: String, placeholder: "app", brief: "its name" },
        { parse: String, placeholder: "cluster", brief: "where" },
      ],
    },
  },
  docs: { brief: "Say why a cluster is not on an App's newest release" },
});
