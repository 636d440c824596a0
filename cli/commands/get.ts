/** `fairlead get`: reads, never writes. Without a noun, the whole fleet in one look. */
import { buildCommand } from "@stricli/core";
import type * as z from "zod";
import { assertNever } from "#core/assert.ts";
import {
  appViewSchema,
  clusterViewSchema,
  fleetViewSchema,
  listOf,
  placementViewSchema,
  policyViewSchema,
  projectViewSchema,
  promotionViewSchema,
  releaseSchema,
  rolloutSchema,
  sourceViewSchema,
} from "#core/view.ts";
import { words, type Findings } from "#core/finding.ts";
import { sentence } from "#core/text.ts";
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
  errorWords,
  placementTable,
  policyTable,
  projectTable,
  promotionTable,
  releaseTable,
  rolloutTable,
  sourceTable,
} from "../tables.ts";

const NOUNS = [
  "projects",
  "sources",
  "apps",
  "clusters",
  "policies",
  "promotions",
  "releases",
  "placements",
  "rollouts",
] as const;
type Noun = (typeof NOUNS)[number];

interface Flags extends HubFlags, OutputFlags {}
interface Answer {
  value: unknown;
  table: () => Table;
  /** Told after the table, in whole. */
  faults?: readonly string[];
}

export const get = buildCommand<Flags, [string?, string?, string?], Context>({
  async func(flags, noun, name, part) {
    const hub = await connect(flags, this.io);
    if (noun === undefined) return fleet(hub, flags, this);
    const answer = await read(hub, nounOf(noun), name, part, this.io.now());
    printAs(this.io, flags.output, answer.value, answer.table);
    if (flags.output === "table") for (const fault of answer.faults ?? []) this.io.stderr.write(`${fault}\n`);
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
          brief: "of the project, source, app, cluster, policy or promotion; of the app for the others",
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
    brief:
      "Show the fleet, or projects, sources, apps, clusters, policies, promotions, releases, placements, rollouts",
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
  const noun = NOUNS.find((known) => [text, `${text}s`, text.replace(/y$/, "ies")].includes(known));
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
      return withFaults(
        name,
        await listed(hub, noun, name, sourceViewSchema, (items) => sourceTable(items, now)),
      );
    case "projects":
      return projects(hub, name);
    case "policies":
      return withRules(name, await listed(hub, noun, name, policyViewSchema, policyTable));
    case "promotions":
      return withOutcome(
        name,
        await listed(hub, noun, name, promotionViewSchema, (items) => promotionTable(items, now)),
      );
    case "apps":
      return withFindings(name, await listed(hub, noun, name, appViewSchema, appTable));
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
  const items = await hub.list([noun], item);
  return { value: items, table: () => table(items) };
}

async function projects(hub: Hub, name: string | undefined): Promise<Answer> {
  if (name === undefined) {
    const items = await hub.listAt("/v1/projects", projectViewSchema);
    return { value: items, table: () => projectTable(items) };
  }
  const one = await hub.readAt(`/v1/projects/${encodeURIComponent(name)}`, projectViewSchema);
  return { value: one, table: () => projectTable([one]) };
}

/** Of one App, why it got nothing new and what Policies warn of, in whole. */
function withFindings(name: string | undefined, answer: Answer): Answer {
  const state = name === undefined ? undefined : appViewSchema.parse(answer.value).state;
  if (state === undefined) return answer;
  const { error, warnings, chart } = state;
  const withheld = error?.findings === undefined ? [] : lines("withheld by ", error.findings);
  const plain = error === undefined || error.findings !== undefined ? [] : [errorWords(error)];
  const kept =
    chart?.failed === undefined
      ? []
      : [`chart ${chart.version} stays: ${sentence(chart.failed.message, 900)}`];
  const warned = warnings ? lines("warning: ", warnings) : [];
  return { ...answer, faults: [...plain, ...kept, ...withheld, ...warned] };
}

function lines(before: string, { total, listed: some }: Findings): string[] {
  const more = total > some.length ? [`and ${total - some.length} more`] : [];
  return [...some.map((one) => `${before}${sentence(words(one), 900)}`), ...more];
}

/** Of one Promotion, what failed, or where its pull request is. */
function withOutcome(name: string | undefined, answer: Answer): Answer {
  const state = name === undefined ? undefined : promotionViewSchema.parse(answer.value).state;
  if (state?.kind === "failed") return { ...answer, faults: [sentence(state.message, 900)] };
  return state !== undefined && "url" in state && state.url !== undefined
    ? { ...answer, faults: [sentence(state.url, 2000)] }
    : answer;
}

/** Of one Policy, what it asks for. */
function withRules(name: string | undefined, answer: Answer): Answer {
  if (name === undefined) return answer;
  const { spec } = policyViewSchema.parse(answer.value).resource;
  return {
    ...answer,
    faults: spec.validations.map(
      ({ expression, message }) => `${sentence(message)}: ${sentence(expression, 2000)}`,
    ),
  };
}

/** What of a Source's fleet folder could not be done; of a list, the table's count is enough. */
function withFaults(name: string | undefined, answer: Answer): Answer {
  const source = name === undefined ? undefined : sourceViewSchema.parse(answer.value);
  if (source?.fleet === undefined) return answer;
  const { errors, errorsTotal } = source.fleet;
  const more = errorsTotal > errors.length ? [`and ${errorsTotal - errors.length} more`] : [];
  return { ...answer, faults: [...errors.map((error) => sentence(error, 500)), ...more] };
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
      ? (await hub.list(["apps"], appViewSchema)).map(({ resource }) => resource.metadata.name)
      : [app];
  const items: z.infer<T>[] = [];
  // Of releases and rollouts the newest are meant, of placements all.
  for (const one of apps)
    items.push(
      ...(noun === "placements"
        ? await hub.list(["apps", one, noun], item)
        : (await hub.read(["apps", one, noun], listOf(item))).items),
    );
  return { value: items, table: () => table(items) };
}
