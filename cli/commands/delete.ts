/** `fairlead delete KIND NAME`. An App leaves its clusters first, so the hub only says that it has begun. */
import { buildCommand } from "@stricli/core";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError, EXIT } from "../errors.ts";
import { hubFlags } from "../flags.ts";
import type { Context } from "../io.ts";

const KINDS = {
  source: { title: "Source", path: "sources" },
  app: { title: "App", path: "apps" },
  cluster: { title: "Cluster", path: "clusters" },
  policy: { title: "Policy", path: "policies" },
  promotion: { title: "Promotion", path: "promotions" },
  project: { title: "Project", path: "projects" },
} as const;
const NAMES = "source, app, cluster, policy, promotion or project";

export const remove = buildCommand<HubFlags, [string, string], Context>({
  async func(flags, kind, name) {
    const found = Object.entries(KINDS).find(
      ([known, { path }]) => known === kind.toLowerCase() || path === kind.toLowerCase(),
    )?.[1];
    if (found === undefined)
      throw new CliError(`there is no kind "${kind}" to delete`, `take ${NAMES}`, EXIT.usage);
    const { title, path } = found;
    // A Project is deleted as itself: its path has no part below the project.
    const hub = await connect(path === "projects" ? { ...flags, project: name } : flags, this.io);
    const status = await hub.act("DELETE", path === "projects" ? [] : [path, name]);
    this.io.stdout.write(`${title} ${name} ${status === 202 ? "leaving" : "deleted"}\n`);
    if (status === 202)
      this.io.stderr.write(`it leaves its clusters first: fairlead get placements ${name}\n`);
  },
  parameters: {
    flags: { ...hubFlags },
    positional: {
      kind: "tuple",
      parameters: [
        { parse: String, placeholder: "kind", brief: NAMES },
        { parse: String, placeholder: "name", brief: "its name" },
      ],
    },
  },
  docs: {
    brief:
      "Delete a source, an app (it leaves its clusters first), a cluster, a policy, a promotion or an empty project",
  },
});
