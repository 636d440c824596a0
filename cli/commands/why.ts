/** `fairlead why APP CLUSTER`: one sentence on why the cluster is not on the newest release, or that it is. */
import { buildCommand } from "@stricli/core";
import * as z from "zod";
import { ignoreFor, ignoreText } from "#core/ignore-suggestion.ts";
import type { Drift } from "#core/protocol.ts";
import { placementViewSchema } from "#core/view.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { hubFlags } from "../flags.ts";
import type { Context } from "../io.ts";

/** What drifted, who did it, and what to write where that is meant to be so. */
function driftText(drift: Drift): string {
  const rule = ignoreFor(drift);
  const paths = drift.fields.map(({ path }) => path || "the whole object").join(", ");
  const what = `drift: ${drift.object}, ${paths}, by ${drift.by ?? "unknown"}, ${drift.restored ? "restored" : "still different"}`;
  return rule === undefined ? what : `${what}; to leave it: spec.sync.ignore: [${ignoreText(rule)}]`;
}

export const why = buildCommand<HubFlags, [string, string], Context>({
  async func(flags, app, cluster) {
    const hub = await connect(flags, this.io);
    const place = ["apps", app, "placements", cluster];
    const answer = await hub.read([...place, "why"], z.object({ why: z.string() }));
    this.io.stdout.write(`${answer.why}\n`);
    const { detail } = (await hub.find(place, placementViewSchema)) ?? {};
    for (const one of detail?.drift ?? []) this.io.stdout.write(`${driftText(one)}\n`);
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
