/**
 * People's provider as the CLI asks it: the device flow (an address and a code, opened on any machine), and renewing
 * what it gave. The hub never sees the refresh token, the provider never the hub.
 */
import * as client from "openid-client";
import type { AuthConfig } from "#core/account.ts";
import { sentence } from "#core/text.ts";
import { boundedText } from "./client.ts";
import type { OidcLogin } from "./credentials-file.ts";
import { CliError, HubAway } from "./errors.ts";
import type { Io } from "./io.ts";

type Oidc = NonNullable<AuthConfig["oidc"]>;
const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const INTERVAL_S_DEFAULT = 5;
const INTERVAL_S_MAX = 60;
const WAIT_MS_MAX = 15 * 60_000;
const ANSWER_BYTES_MAX = 1024 * 1024;
const ANSWER_S_MAX = 30;
const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);
const OFFLINE = "offline_access";

/** `tell` is shown the address and the code to enter there. */
export async function deviceLogin(oidc: Oidc, io: Io, tell: (text: string) => void): Promise<OidcLogin> {
  const provider = await discover(oidc, io);
  const { scopes_supported: supported, device_authorization_endpoint: device } = provider.serverMetadata();
  if (device === undefined)
    throw new CliError(
      `${oidc.issuer} has no device flow`,
      "sign in by browser, make an API token there, and give it as FAIRLEAD_API_TOKEN",
    );
  const scopes = supported?.includes(OFFLINE) === true ? `${oidc.scopes} ${OFFLINE}` : oidc.scopes;
  const started = await asked(oidc, () => client.initiateDeviceAuthorization(provider, { scope: scopes }));
  const address = sentence(started.verification_uri_complete ?? started.verification_uri);
  tell(`open ${address}\nand check that it shows the code ${sentence(started.user_code)}\n`);
  const tokens = await poll(provider, oidc, started, io);
  return loginOf(oidc, tokens);
}

/** A new ID token for one whose time is up. Without a refresh token, or when it counts no more, somebody must sign in. */
export async function renew(login: OidcLogin, server: string, io: Io): Promise<OidcLogin> {
  const { refreshToken } = login;
  const over = new CliError(`the sign-in to ${server} is over`, `run \`fairlead login --server ${server}\``);
  if (refreshToken === undefined) throw over;
  const provider = await discover(login, io);
  try {
    return loginOf(login, await client.refreshTokenGrant(provider, refreshToken), login);
  } catch (error) {
    if (error instanceof client.ResponseBodyError && error.status < 500) throw over;
    throw away(login, error);
  }
}

type Started = Awaited<ReturnType<typeof client.initiateDeviceAuthorization>>;
type Tokens = Awaited<ReturnType<typeof client.genericGrantRequest>>;

async function poll(
  provider: client.Configuration,
  oidc: Pick<Oidc, "issuer">,
  started: Started,
  io: Io,
): Promise<Tokens> {
  const until = io.now() + Math.min(started.expires_in * 1000, WAIT_MS_MAX);
  let intervalS = started.interval ?? INTERVAL_S_DEFAULT;
  while (io.now() < until) {
    await io.sleep(Math.min(Math.max(intervalS, 1), INTERVAL_S_MAX) * 1000);
    try {
      return await client.genericGrantRequest(provider, DEVICE_GRANT, { device_code: started.device_code });
    } catch (error) {
      if (!(error instanceof client.ResponseBodyError)) throw away(oidc, error);
      if (error.error === "slow_down") intervalS += INTERVAL_S_DEFAULT;
      else if (error.error !== "authorization_pending")
        throw new CliError(
          `${oidc.issuer} says ${sentence(error.error)}`,
          "run `fairlead login` again, and confirm the code there",
        );
    }
  }
  throw new CliError("nobody confirmed the code in time", "run `fairlead login` again");
}

function loginOf(oidc: { issuer: string; clientId: string }, tokens: Tokens, before?: OidcLogin): OidcLogin {
  const expiresS = tokens.claims()?.exp;
  if (tokens.id_token === undefined || expiresS === undefined)
    throw new CliError(`${oidc.issuer} gave no ID token`, "let the scopes of the hub's provider name openid");
  // A provider that does not rotate refresh tokens gives none again.
  const refreshToken = tokens.refresh_token ?? before?.refreshToken;
  return {
    kind: "oidc",
    issuer: oidc.issuer,
    clientId: oidc.clientId,
    idToken: tokens.id_token,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    expiresAt: expiresS * 1000,
  };
}

async function discover(oidc: { issuer: string; clientId: string }, io: Io): Promise<client.Configuration> {
  const { protocol, hostname } = new URL(oidc.issuer);
  const plain = protocol === "http:" && LOOPBACK.has(hostname);
  if (protocol !== "https:" && !plain)
    throw new CliError(`${oidc.issuer} is no https address`, "let the hub's operator correct the issuer");
  return asked(oidc, () =>
    client.discovery(new URL(oidc.issuer), oidc.clientId, undefined, client.None(), {
      [client.customFetch]: async (url, init) => {
        const answer = await io.fetch(url, init as RequestInit);
        const text = await boundedText(answer, ANSWER_BYTES_MAX, "the provider");
        const { status, headers } = answer;
        return new Response(text === "" ? null : text, { status, headers });
      },
      timeout: ANSWER_S_MAX,
      execute: plain ? [client.allowInsecureRequests] : [],
    }),
  );
}

async function asked<T>(oidc: Pick<Oidc, "issuer">, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw away(oidc, error);
  }
}

function away({ issuer }: Pick<Oidc, "issuer">, error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof client.ResponseBodyError && error.status < 500)
    return new CliError(
      `${issuer} says ${sentence(error.error)}`,
      "let the hub's operator check the provider's client for the CLI: public, with device flow",
    );
  const words = error instanceof Error ? sentence(error.message) : "no answer";
  return new HubAway(`the identity provider ${issuer} cannot be asked (${words})`, "try again later");
}
