/** The proof that was kept for a server, renewed at its provider when its time is up. */
import { keepLogin, readLogins } from "./credentials-file.ts";
import type { Io } from "./io.ts";

/** Before its end, so that it does not run out on the way. */
const EARLY_MS = 30_000;

/** Undefined where nobody has signed in to `server`. */
export async function freshToken(server: string, io: Io): Promise<string | undefined> {
  const { servers } = await readLogins(io);
  const login = Object.hasOwn(servers, server) ? servers[server] : undefined;
  if (login === undefined) return undefined;
  if (login.kind === "api-token") return login.token;
  if (login.expiresAt - io.now() > EARLY_MS) return login.idToken;
  // Loaded when needed: most commands never ask a provider.
  const { renew } = await import("./oidc.ts");
  const renewed = await renew(login, server, io);
  await keepLogin(server, renewed, io, { renewed: true });
  return renewed.idToken;
}
