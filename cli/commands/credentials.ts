/**
 * `fairlead credentials set|list|delete`: what Sources are read with, under names. A secret comes in by standard input,
 * never as an argument, which other users of the machine and the shell's history would see; it never comes out again.
 */
import { randomBytes } from "node:crypto";
import { buildCommand, buildRouteMap } from "@stricli/core";
import { credentialSchema, credentialViewSchema, type Credential } from "#core/credential.ts";
import { listOf } from "#core/view.ts";
import { connect } from "../client.ts";
import type { HubFlags } from "../config.ts";
import { CliError, EXIT } from "../errors.ts";
import { hubFlags, outputFlag, type OutputFlags } from "../flags.ts";
import type { Context, Io } from "../io.ts";
import { ago, printAs } from "../print.ts";

interface SetFlags extends HubFlags {
  tokenStdin: boolean;
  basic?: string | undefined;
  githubApp?: string | undefined;
  installation?: string | undefined;
  apiUrl?: string | undefined;
  webhook: boolean;
  webhookStdin: boolean;
  host?: readonly string[] | undefined;
}

const KINDS = "--token-stdin, --basic USER, --github-app ID, --webhook, --webhook-stdin";
const WEBHOOK_SECRET_BYTES = 32;

const nameParameter = { parse: String, placeholder: "name", brief: "its name in the project" };
const text = (placeholder: string, brief: string) =>
  ({ kind: "parsed", parse: String, optional: true, placeholder, brief }) as const;
const yes = (brief: string) => ({ kind: "boolean", default: false, withNegated: false, brief }) as const;

const set = buildCommand<SetFlags, [string], Context>({
  async func(flags, name) {
    const hub = await connect(flags, this.io);
    const credential = parse(await asked(flags, this.io));
    const path = hub.path(["credentials", name]);
    const { kind, version } = await hub.put(path, credential, credentialViewSchema);
    this.io.stderr.write(`credential ${name} is stored (${kind}, version ${version})\n`);
    if (credential.kind !== "webhook" || !flags.webhook) return;
    this.io.stderr.write("its secret, told this once, is what the Git host signs with:\n");
    this.io.stdout.write(`${credential.secret}\n`);
  },
  parameters: {
    flags: {
      ...hubFlags,
      tokenStdin: yes("a token, from standard input"),
      basic: text("USER", "a user name; the password from standard input"),
      githubApp: text("ID", "a GitHub App's id; its private key (PEM) from standard input"),
      installation: text("NUMBER", "of the GitHub App"),
      apiUrl: text("URL", "of GitHub Enterprise (https://api.github.com where not given)"),
      webhook: yes("what a webhook is signed with, made here and printed once"),
      webhookStdin: yes("the same, from standard input"),
      host: {
        ...text("HOST", "send a token or password to this host only; may be given again"),
        variadic: true,
      },
    },
    positional: { kind: "tuple", parameters: [nameParameter] },
  },
  docs: {
    brief: "Store a credential, or replace it; the secret comes by standard input",
    customUsage: ["fleet-read --token-stdin --host github.com < token", "fleet-hook --webhook"],
  },
});

async function asked(flags: SetFlags, io: Io): Promise<unknown> {
  const hosts = flags.host === undefined ? {} : { hosts: flags.host };
  const kinds: [boolean, () => Promise<unknown>][] = [
    [flags.tokenStdin, async () => ({ kind: "token", token: await secret(io, "the token"), ...hosts })],
    [
      flags.basic !== undefined,
      async () => ({
        kind: "basic",
        username: flags.basic,
        password: await secret(io, "the password"),
        ...hosts,
      }),
    ],
    [flags.githubApp !== undefined, () => githubApp(flags, io)],
    [
      flags.webhook,
      async () => ({ kind: "webhook", secret: randomBytes(WEBHOOK_SECRET_BYTES).toString("base64url") }),
    ],
    [flags.webhookStdin, async () => ({ kind: "webhook", secret: await secret(io, "the secret") })],
  ];
  const [chosen, another] = kinds.filter(([isAsked]) => isAsked);
  if (chosen !== undefined && another === undefined) return chosen[1]();
  throw new CliError("one kind of credential must be named", `give one of ${KINDS}`, EXIT.usage);
}

async function githubApp(flags: SetFlags, io: Io): Promise<unknown> {
  const { githubApp: appId, installation: installationId, apiUrl } = flags;
  if (installationId === undefined)
    throw new CliError(
      "a GitHub App reads as one of its installations",
      "give --installation NUMBER: it stands at the end of the installation's address on GitHub",
      EXIT.usage,
    );
  const app = { kind: "github-app", appId, installationId, privateKey: await secret(io, "the private key") };
  return apiUrl === undefined ? app : { ...app, apiUrl };
}

async function secret(io: Io, what: string): Promise<string> {
  const given = ((await io.stdin?.()) ?? "").replace(/\r?\n$/, "");
  if (given !== "") return given;
  throw new CliError(
    `standard input holds nothing where ${what} should be`,
    "pipe it in: fairlead credentials set NAME … < FILE",
    EXIT.usage,
  );
}

function parse(wanted: unknown): Credential {
  const credential = credentialSchema.safeParse(wanted);
  if (credential.success) return credential.data;
  const [issue] = credential.error.issues;
  throw new CliError(
    `${issue?.path.join(".") ?? ""} ${issue?.message ?? "is not right"}`,
    "look at fairlead credentials set --help",
    EXIT.usage,
  );
}

const list = buildCommand<HubFlags & OutputFlags, [], Context>({
  async func(flags) {
    const hub = await connect(flags, this.io);
    const { items } = await hub.read(["credentials"], listOf(credentialViewSchema));
    printAs(this.io, flags.output, items, () => ({
      columns: ["name", "kind", "version", "stored", "by"],
      rows: items.map(({ name, kind, version, at, by }) => [name, kind, version, ago(at, this.io.now()), by]),
      empty: `project ${hub.project} has no credentials: fairlead credentials set makes one`,
    }));
  },
  parameters: { flags: { ...hubFlags, output: outputFlag }, aliases: { o: "output" } },
  docs: { brief: "Show the project's credentials, without their values" },
});

const remove = buildCommand<HubFlags, [string], Context>({
  async func(flags, name) {
    const hub = await connect(flags, this.io);
    await hub.act("DELETE", ["credentials", name]);
    this.io.stdout.write(`credential ${name} deleted\n`);
  },
  parameters: { flags: { ...hubFlags }, positional: { kind: "tuple", parameters: [nameParameter] } },
  docs: { brief: "Delete a credential that no source uses" },
});

export const credentials = buildRouteMap({
  routes: { set, list, delete: remove },
  docs: { brief: "Keep what sources are read with" },
});
