/** `fairlead delete KIND NAME`. An App leaves its clusters first, so the hub only says that it has begun. */
import { buildCommand } from "@stricli/core";
import { deletingSchema } from "#core/view.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError, EXIT } from "../errors.ts";
import { hubFlags } from "../flags.ts";
import type { Context } from "../io.ts";
import { printVanish } from "../print-vanish.ts";

const KINDS = {
  source: { title: "Source", path: "sources" },
  app: { title: "App", path: "apps" },
  cluster: { title: "Cluster", path: "clusters" },
  policy: { title: "Policy", path: "policies" },
  promotion: { title: "Promotion", path: "promotions" },
  project: { title: "Project", path: "projects" },
} as const;
const NAMES = "source, app, cluster, policy, promotion or project";

interface Flags extends HubFlags {
  dryRun: boolean;
}

export const remove = buildCommand<Flags, [string, string], Context>({
  async func(flags, kind, name) {
    const found = Object.entries(KINDS).find(
      ([known, { path }]) => known === kind.toLowerCase() || path === kind.toLowerCase(),
    )?.[1];
    if (found === undefined)
      throw new CliError(`there is no kind "${kind}" to delete`, `take ${NAMES}`, EXIT.usage);
    const { title, path } = found;
    if (flags.dryRun && path !== "apps" && path !== "clusters")
      throw new CliError(
        `--dry-run goes with an app or a cluster: nothing leaves a cluster by deleting a ${kind.toLowerCase()}`,
        "leave it out",
        EXIT.usage,
      );
    // A Project is deleted as itself: its path has no part below the project.
    const hub = await connect(path === "projects" ? { ...flags, project: name } : flags, this.io);
    const parts = path === "projects" ? [] : [path, name];
    const answer = await hub.remove(parts, deletingSchema, flags.dryRun ? { dryRun: "true" } : {});
    const how = answer?.deleting === true ? "leaving" : "deleted";
    this.io.stdout.write(`${title} ${name} ${how}${flags.dryRun ? " (dry run)" : ""}\n`);
    if (answer?.vanish !== undefined) printVanish(this.io, answer.vanish);
    if (how === "leaving")
      this.io.stderr.write(`it leaves its clusters first: fairlead get placements ${name}\n`);
  },
  parameters: {
    flags: {
      ...hubFlags,
      dryRun: {
        kind: "boolean",
        default: false,
        brief: "say which clusters an app would leave, and delete nothing",
      },
    },
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
