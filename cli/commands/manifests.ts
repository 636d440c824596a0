/** `fairlead manifests APP CLUSTER [--at TIME]`: exactly what a cluster was given, as YAML; values of Secrets are hidden. */
import { buildCommand } from "@stricli/core";
import { stringify } from "yaml";
import { manifestsSchema, type Manifests } from "#core/audit-view.ts";
import { connect, type Hub } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError } from "../errors.ts";
import { hubFlags } from "../flags.ts";
import type { Context } from "../io.ts";
import { shortCommit } from "../print.ts";
import { momentText } from "./audit-log.ts";

interface Flags extends HubFlags {
  at?: string | undefined;
}
type Found = Extract<Manifests, { kind: "found" }>;

/** Each looks through some thousand batches of the log. */
const SEARCHES_MAX = 1000;

export const manifests = buildCommand<Flags, [string, string], Context>({
  async func(flags, app, cluster) {
    const hub = await connect(flags, this.io);
    const at = momentText(flags.at, this.io.now()) ?? String(this.io.now());
    const found = await search(hub, ["clusters", cluster, "apps", app, "manifests"], at);
    const { assigned, commit, record, total } = found;
    const { epoch, generation, release, bundle } = assigned;
    this.io.stderr.write(
      `release ${release}${commit === undefined ? "" : ` (commit ${shortCommit(commit)})`}, generation ${epoch}.${generation}, assigned ${new Date(assigned.at).toISOString()}: ${assigned.action === "remove" ? "removed" : `${total} objects, bundle ${bundle ?? ""}`} (record ${record} of the audit log)\n`,
    );
    for (const object of found.objects) this.io.stdout.write(`---\n${stringify(object)}`);
  },
  parameters: {
    flags: {
      ...hubFlags,
      at: {
        kind: "parsed",
        parse: String,
        optional: true,
        placeholder: "TIME",
        brief: "the moment, or how long ago: 2026-11-21T09:00Z, 90m, 2h; now where it is absent",
      },
    },
    positional: {
      kind: "tuple",
      parameters: [
        { parse: String, placeholder: "app", brief: "its name" },
        { parse: String, placeholder: "cluster", brief: "its name" },
      ],
    },
  },
  docs: { brief: "Print the exact manifests that a cluster was given of an App at a moment" },
});

/** With all its objects. */
async function search(hub: Hub, parts: readonly string[], at: string): Promise<Found> {
  let below: number | undefined;
  for (let searches = 0; searches < SEARCHES_MAX; searches++) {
    const answer: Manifests = await hub.read(parts, manifestsSchema, { at, below });
    if (answer.kind === "found")
      return { ...answer, objects: await allObjects(hub, parts, at, below, answer) };
    below = answer.below;
  }
  throw new CliError(
    `nothing was found in ${SEARCHES_MAX} parts of the log`,
    "name a moment nearer to the assignment with --at",
  );
}

async function allObjects(
  hub: Hub,
  parts: readonly string[],
  at: string,
  below: number | undefined,
  first: Found,
) {
  const objects = [...first.objects];
  for (let { next } = first; next !== undefined;) {
    const page: Manifests = await hub.read(parts, manifestsSchema, { at, below, from: next });
    if (page.kind !== "found" || page.assigned.bundle !== first.assigned.bundle)
      throw new CliError("something else was assigned meanwhile", "ask again, with a moment that is past");
    objects.push(...page.objects);
    ({ next } = page);
  }
  return objects;
}
