/**
 * `fairlead token create|list|revoke`: API tokens of a project, for CI and programs. A new one is printed once, alone on
 * standard output, so that it can be piped to where it is kept.
 */
import { buildCommand, buildRouteMap } from "@stricli/core";
import {
  API_TOKEN_TTL_MS_MAX,
  apiTokenAnswerSchema,
  apiTokenViewSchema,
  type ApiTokenView,
} from "#core/account.ts";
import { parseDuration } from "#core/duration.ts";
import { listOf } from "#core/view.ts";
import { connect, type Hub } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError } from "../errors.ts";
import { hubFlags, outputFlag, type OutputFlags } from "../flags.ts";
import type { Context } from "../io.ts";
import { printAs } from "../print.ts";

interface CreateFlags extends HubFlags {
  role: string;
  ttl?: string | undefined;
}

const create = buildCommand<CreateFlags, [string], Context>({
  async func(flags, name) {
    const hub = await connect(flags, this.io);
    const { role, ttl } = flags;
    const made = await hub.post(
      hub.path(["tokens"]),
      { name, role, ...(ttl === undefined ? {} : { ttl }) },
      apiTokenAnswerSchema,
    );
    this.io.stderr.write(
      `API token ${made.name} (id ${made.id}) of project ${made.project}, role ${made.role}, until ${day(made.expiresAt)}; shown this once:\n`,
    );
    this.io.stdout.write(`${made.token}\n`);
  },
  parameters: {
    flags: {
      ...hubFlags,
      role: {
        kind: "parsed",
        parse: String,
        placeholder: "ROLE",
        brief: "viewer, deployer, approver, admin, or a role that the Project makes",
      },
      ttl: {
        kind: "parsed",
        parse: parseTtl,
        optional: true,
        placeholder: "TIME",
        brief: "how long it holds, such as 12h or 30d (90d where not given, 365d at most)",
      },
    },
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, placeholder: "name", brief: "what it is for" }],
    },
  },
  docs: { brief: "Make an API token, and print it once", customUsage: ["ci --role deployer --ttl 30d"] },
});

function parseTtl(text: string): string {
  const ms = parseDuration(text);
  if (ms !== undefined && ms <= API_TOKEN_TTL_MS_MAX) return text;
  throw new Error("must be a duration such as 12h or 30d, at most 365d");
}

const list = buildCommand<HubFlags & OutputFlags, [], Context>({
  async func(flags) {
    const tokens = await readAll(await connect(flags, this.io));
    printAs(this.io, flags.output, tokens, () => ({
      columns: ["id", "name", "role", "until", "by"],
      rows: tokens.map(({ id, name, role, expiresAt, by }) => [id, name, role, day(expiresAt), by]),
      empty: "the project has no API tokens",
    }));
  },
  parameters: { flags: { ...hubFlags, output: outputFlag }, aliases: { o: "output" } },
  docs: { brief: "List API tokens, without the tokens themselves" },
});

const revoke = buildCommand<HubFlags, [string], Context>({
  async func(flags, name) {
    const hub = await connect(flags, this.io);
    const { id } = only(await readAll(hub), name, hub.project);
    await hub.act("DELETE", ["tokens", id]);
    this.io.stdout.write(`API token ${name} is revoked\n`);
  },
  parameters: {
    flags: { ...hubFlags },
    positional: {
      kind: "tuple",
      parameters: [{ parse: String, placeholder: "id|name", brief: "as `token list` shows it" }],
    },
  },
  docs: { brief: "Revoke an API token, from its next request on" },
});

/** Names may repeat over time; a revocation must hit the one that is meant. */
function only(tokens: readonly ApiTokenView[], named: string, project: string): ApiTokenView {
  const found = tokens.filter(({ id, name }) => id === named || name === named);
  const [first] = found;
  if (first === undefined)
    throw new CliError(
      `project ${project} has no API token ${named}`,
      "`fairlead token list` shows what there is",
    );
  if (found.length === 1) return first;
  const ids = found.map(({ id }) => id).join(", ");
  throw new CliError(`${found.length} API tokens are named ${named}: ${ids}`, "name one by its id");
}

const PAGE = 500;

async function readAll(hub: Hub): Promise<ApiTokenView[]> {
  const tokens: ApiTokenView[] = [];
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({ limit: String(PAGE), ...(cursor === undefined ? {} : { cursor }) });
    const page = await hub.readAt(`${hub.path(["tokens"])}?${query.toString()}`, listOf(apiTokenViewSchema));
    tokens.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return tokens;
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

export const token = buildRouteMap({
  routes: { create, list, revoke },
  docs: { brief: "API tokens, for CI and programs" },
});
