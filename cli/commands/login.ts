/**
 * `fairlead login`: by the provider's device flow, or with the one-time token of the first admin, which comes by standard
 * input and never as an argument, where other users of the machine and the shell's history would see it.
 */
import { buildCommand } from "@stricli/core";
import { apiTokenAnswerSchema, authConfigSchema, whoamiSchema } from "#core/account.ts";
import { hubAt, type Hub } from "../client.ts";
import { findServerOnly, type Connection, type HubFlags } from "../config.ts";
import { keepLogin, type Login } from "../credentials-file.ts";
import { CliError } from "../errors.ts";
import { hubFlags } from "../flags.ts";
import type { Context, Io } from "../io.ts";
import { deviceLogin } from "../oidc.ts";

interface Flags extends Pick<HubFlags, "server"> {
  bootstrap: boolean;
}

export const login = buildCommand<Flags, [], Context>({
  async func(flags) {
    const to = await findServerOnly(flags, this.io);
    const hub = hubAt(to, this.io);
    const made = flags.bootstrap ? await byBootstrap(hub, this.io) : await byProvider(hub, this.io);
    const actor = await check(to, made, this.io);
    const path = await keepLogin(to.server, made, this.io);
    this.io.stderr.write(`signed in to ${to.server} as ${actor} (kept in ${path})\n`);
  },
  parameters: {
    flags: {
      server: hubFlags.server,
      bootstrap: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "with the one-time token that the hub printed, from standard input",
      },
    },
  },
  docs: {
    brief: "Sign in to a hub, and keep the sign-in",
    customUsage: ["--server https://hub.example.com", "--bootstrap < token"],
  },
});

async function byProvider(hub: Hub, io: Io): Promise<Login> {
  const { oidc } = await hub.readAt("/v1/auth/config", authConfigSchema);
  if (oidc === undefined)
    throw new CliError(
      `${hub.server} has no identity provider for people`,
      "give an API token (--token, FAIRLEAD_API_TOKEN), or sign in with the one-time token of the first admin: `fairlead login --bootstrap`",
    );
  return deviceLogin(oidc, io, (text) => io.stderr.write(text));
}

async function byBootstrap(hub: Hub, io: Io): Promise<Login> {
  if (io.isTTY) io.stderr.write("the one-time token that the hub printed: ");
  const token = ((await io.line?.()) ?? "").trim();
  if (token === "")
    throw new CliError(
      "no one-time token came in",
      "paste it, or pipe it in: fairlead login --bootstrap < token",
    );
  const made = await hub.post("/v1/auth/bootstrap", { token }, apiTokenAnswerSchema);
  const { id, project, expiresAt } = made;
  return { kind: "api-token", token: made.token, id, project, expiresAt };
}

/** What was given is tried before it is kept. */
async function check(to: Connection, made: Login, io: Io): Promise<string> {
  const token = made.kind === "oidc" ? made.idToken : made.token;
  return (await hubAt({ ...to, token }, io).readAt("/v1/whoami", whoamiSchema)).actor;
}
