/** `fairlead get`: reads, never writes. Without a noun, the whole fleet in one look. */
import { buildCommand } from "@stricli/core";
import type { z } from "zod";
import { assertNever } from "#core/assert.ts";
import {
  appViewSchema,
  clusterViewSchema,
  fleetViewSchema,
  listOf,
  placementViewSchema,
  releaseSchema,
  rolloutSchema,
  sourceViewSchema,
} from "#core/view.ts";
import { connect, type Hub } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError, EXIT } from "../errors.ts";
import { hubFlags, outputFlag, type OutputFlags } from "../flags.ts";
import type { Context } from "../io.ts";
import { printAs, type Table } from "../print.ts";
import { printSummary } from "../summary.ts";
import {
  appTable,
  clusterTable,
  placementTable,
  releaseTable,
  rolloutTable,
  sourceTable,
} from "../tables.ts";

const NOUNS = ["sources", "apps", "clusters", "releases", "placements", "rollouts"] as const;
type Noun = (typeof NOUNS)[number];

interface Flags extends HubFlags, OutputFlags {}
interface Answer {
  value: unknown;
  table: () => Table;
}

export const get = buildCommand<Flags, [string?, string?, string?], Context>({
  async func(flags, noun, name, part) {
    const hub = await connect(flags, this.io);
    if (noun === undefined) return fleet(hub, flags, this);
    const answer = await read(hub, nounOf(noun), name, part, this.io.now());
    printAs(this.io, flags.output, answer.value, answer.table);
  },
  parameters: {
    flags: { ...hubFlags, output: outputFlag },
    aliases: { o: "output" },
    positional: {
      kind: "tuple",
      parameters: [
        { parse: String, optional: true, placeholder: "noun", brief: `one of ${NOUNS.join(", ")}` },
        {
          parse: String,
          optional: true,
          placeholder: "name",
          brief: "of the source, app or cluster; of the app for the others",
        },
        {
          parse: String,
          optional: true,
          placeholder: "part",
          brief: "the cluster of a placement, the number of a rollout",
        },
      ],
    },
  },
  docs: {
    brief: "Show the fleet, or sources, apps, clusters, releases, placements, rollouts",
    customUsage: ["", "apps", "placements shop", "placements shop eu-1 -o yaml", "rollouts shop 12 -o json"],
  },
});

async function fleet(hub: Hub, flags: Flags, { io }: Context): Promise<void> {
  const view = await hub.read(["fleet"], fleetViewSchema);
  if (flags.output === "table") printSummary(io, view);
  else printAs(io, flags.output, view, () => ({ columns: [], rows: [], empty: "" }));
}

/** `app`, `apps`: both are said. */
function nounOf(text: string): Noun {
  const noun = NOUNS.find((known) => known === text || known === `${text}s`);
  if (noun !== undefined) return noun;
  throw new CliError(
    `there is no "${text}" to get`,
    `take one of ${NOUNS.join(", ")}, or none for the whole fleet`,
    EXIT.usage,
  );
}

async function read(
  hub: Hub,
  noun: Noun,
  name: string | undefined,
  part: string | undefined,
  now: number,
): Promise<Answer> {
  switch (noun) {
    case "sources":
      return listed(hub, noun, name, sourceViewSchema, (items) => sourceTable(items, now));
    case "apps":
      return listed(hub, noun, name, appViewSchema, appTable);
    case "clusters":
      return listed(hub, noun, name, clusterViewSchema, (items) => clusterTable(items, now));
    case "releases":
      return ofApps(hub, noun, name, undefined, releaseSchema, (items) => releaseTable(items, now));
    case "placements":
      return ofApps(hub, noun, name, part, placementViewSchema, placementTable);
    case "rollouts":
      return ofApps(hub, noun, name, part, rolloutSchema, (items) => rolloutTable(items, now));
    default:
      return assertNever(noun);
  }
}

async function listed<T extends z.ZodType>(
  hub: Hub,
  noun: Noun,
  name: string | undefined,
  item: T,
  table: (items: z.infer<T>[]) => Table,
): Promise<Answer> {
  if (name !== undefined) {
    const one = await hub.read([noun, name], item);
    return { value: one, table: () => table([one]) };
  }
  const { items } = await hub.read([noun], listOf(item));
  return { value: items, table: () => table(items) };
}

/** Things below an App; of all Apps where none is named. */
async function ofApps<T extends z.ZodType>(
  hub: Hub,
  noun: Noun,
  app: string | undefined,
  part: string | undefined,
  item: T,
  table: (items: z.infer<T>[]) => Table,
): Promise<Answer> {
  if (app !== undefined && part !== undefined) {
    const one = await hub.read(["apps", app, noun, part], item);
    return { value: one, table: () => table([one]) };
  }
  const apps =
    app === undefined
      ? (await hub.read(["apps"], listOf(appViewSchema))).items.map(({ resource }) => resource.metadata.name)
      : [app];
  // The hub answers an empty list for an App that it does not know: a name that was mistyped must not look like that.
  if (app !== undefined) await hub.read(["apps", app], appViewSchema);
  const items: z.infer<T>[] = [];
  for (const one of apps) items.push(...(await hub.read(["apps", one, noun], listOf(item))).items);
  return { value: items, table: () => table(items) };
}
