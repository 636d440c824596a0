/** `fairlead logout`: forgets the sign-in to a hub; an API token that the sign-in made is revoked there first. */
import { buildCommand } from "@stricli/core";
import { hubAt } from "../client.ts";
import { findServerOnly, type Connection, type HubFlags } from "../config.ts";
import { forgetLogin, readLogins, type Login } from "../credentials-file.ts";
import { CliError, HubRefusal } from "../errors.ts";
import { hubFlags } from "../flags.ts";
import type { Context, Io } from "../io.ts";

export const logout = buildCommand<Pick<HubFlags, "server">, [], Context>({
  async func(flags) {
    const to = await findServerOnly(flags, this.io);
    const { servers } = await readLogins(this.io);
    const kept = Object.hasOwn(servers, to.server) ? servers[to.server] : undefined;
    if (kept === undefined)
      throw new CliError(`nobody is signed in to ${to.server}`, "name another hub with --server URL");
    await revoke(to, kept, this.io);
    await forgetLogin(to.server, this.io);
    this.io.stderr.write(`signed out of ${to.server}\n`);
  },
  parameters: { flags: { server: hubFlags.server } },
  docs: { brief: "Forget the sign-in to a hub" },
});

/** A token that the hub does not take any more needs no revoking; a hub that is away is told, and the token stays. */
async function revoke(to: Connection, kept: Login, io: Io): Promise<void> {
  if (kept.kind === "oidc" || kept.expiresAt <= io.now()) return;
  try {
    await hubAt({ ...to, token: kept.token, project: kept.project }, io).act("DELETE", ["tokens", kept.id]);
  } catch (error) {
    if (error instanceof HubRefusal && (error.status === 401 || error.status === 404)) return;
    throw error;
  }
}
