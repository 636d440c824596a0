/** `fairlead promote NAME --reason "…"`: does not wait for the soak. Said anew, nothing is written twice. */
import { buildCommand } from "@stricli/core";
import { promotionViewSchema } from "#core/view.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { hubFlags } from "../flags.ts";
import type { Context } from "../io.ts";

export const promote = buildCommand<HubFlags, [string], Context>({
  async func(flags, name) {
    const hub = await connect(flags, this.io);
    const { state } = await hub.post(hub.path(["promotions", name, "promote"]), {}, promotionViewSchema);
    const release = state?.release === undefined ? "its newest release" : `release ${state.release}`;
    this.io.stdout.write(`Promotion ${name}: ${release} is promoted now\n`);
    this.io.stderr.write(`what came of it: fairlead get promotions ${name}\n`);
  },
  parameters: {
    flags: { ...hubFlags },
    positional: { kind: "tuple", parameters: [{ parse: String, placeholder: "name", brief: "its name" }] },
  },
  docs: { brief: "Promote an app's newest release now, without waiting for the soak" },
});
