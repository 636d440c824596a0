/** `fairlead cluster rotate|revoke NAME`: the key of a cluster's agent. */
import { buildCommand } from "@stricli/core";
import { agentKeySchema } from "#core/view.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { hubFlags } from "../flags.ts";
import type { Context } from "../io.ts";

const positional = {
  kind: "tuple",
  parameters: [{ parse: String, placeholder: "name", brief: "the cluster" }],
} as const;

export const clusterRotate = buildCommand<HubFlags, [string], Context>({
  async func(flags, name) {
    const hub = await connect(flags, this.io);
    const { key } = await hub.post(hub.path(["clusters", name, "rotate"]), {}, agentKeySchema);
    this.io.stderr.write(
      `the agent of cluster ${name} is asked for a new key in place of ${key ?? "-"}; fairlead get cluster ${name} -o yaml shows when it has one\n`,
    );
  },
  parameters: { flags: hubFlags, positional },
  docs: { brief: "Ask a cluster's agent for a new key" },
});

export const clusterRevoke = buildCommand<HubFlags, [string], Context>({
  async func(flags, name) {
    const hub = await connect(flags, this.io);
    await hub.post(hub.path(["clusters", name, "revoke"]), {}, agentKeySchema);
    this.io.stderr.write(
      `the key of cluster ${name} is worth nothing from now on. What runs there goes on, and heals itself; a new agent: fairlead cluster register ${name}\n`,
    );
  },
  parameters: { flags: hubFlags, positional },
  docs: { brief: "Refuse a cluster's agent from now on; what runs in the cluster stays" },
});
