/**
 * Signing in by browser: authorization code with PKCE. Everything that must fit at the return (state, nonce, verifier)
 * is derived one-way from one random cookie, so nothing is stored and nothing but that browser can finish.
 */
import { randomBytes } from "node:crypto";
import * as client from "openid-client";
import type { Actor } from "#core/actor.ts";
import { sha256 } from "#core/digest.ts";
import { personOf } from "./actors.ts";
import { boundedFetch } from "./bounded-fetch.ts";
import { groupsClaimOf, isPlainHttp, issuerHost, scopesOf, type OidcConfig } from "./oidc-config.ts";
import type { IdentityDeps, Prover } from "./prove.ts";

export const CALLBACK_PATH = "/login/callback";
/** From the start to the return. */
export const FLOW_MS_MAX = 10 * 60_000;
const METADATA_MS_MAX = 3_600_000;
const TIMEOUT_S = 10;
/** What the client library says when something does not fit what was started. */
const MISFITS = new Set([
  "OAUTH_INVALID_RESPONSE",
  "OAUTH_JWT_CLAIM_COMPARISON_FAILED",
  "OAUTH_JWT_TIMESTAMP_CHECK_FAILED",
]);

export type Finished =
  | { kind: "person"; actor: Actor }
  | { kind: "refused"; message: string }
  | { kind: "away"; error: unknown };

export interface LoginFlow {
  /** Where to send the browser, with the cookie that it must bring back. */
  start(origin: string): Promise<{ url: string; cookie: string }>;
  /** `returned` is the whole URL that the browser came back to. */
  finish(returned: URL, cookie: string | undefined): Promise<Finished>;
}

export function createLoginFlow(
  deps: Pick<IdentityDeps, "now" | "outbound">,
  oidc: OidcConfig,
  prover: Pick<Prover, "person">,
): LoginFlow {
  const provider = cachedProvider(deps, oidc);
  return {
    start: async (origin) => {
      const cookie = `${deps.now()}.${randomBytes(32).toString("base64url")}`;
      const { state, nonce, verifier } = derive(cookie);
      const url = client.buildAuthorizationUrl(await provider(), {
        redirect_uri: `${origin}${CALLBACK_PATH}`,
        scope: scopesOf(oidc),
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        state,
        nonce,
      });
      return { url: url.href, cookie };
    },
    finish: async (returned, cookie) => {
      const age = deps.now() - Number(cookie?.split(".")[0] ?? Number.NaN);
      if (cookie === undefined || !(age >= 0 && age < FLOW_MS_MAX))
        return { kind: "refused", message: "it was not started in this browser, or too long ago" };
      try {
        const token = await exchange(await provider(), returned, derive(cookie));
        return await personBy(prover, oidc, token);
      } catch (error) {
        return failure(error);
      }
    },
  };
}

/** Whoever sees state and nonce, which pass through the provider, cannot go back to the cookie or on to the verifier. */
function derive(cookie: string) {
  const part = (name: string): string =>
    Buffer.from(sha256(`fairlead-login ${name} ${cookie}`), "hex").toString("base64url");
  return { state: part("state"), nonce: part("nonce"), verifier: part("verifier") };
}

async function exchange(
  provider: client.Configuration,
  returned: URL,
  { state, nonce, verifier }: ReturnType<typeof derive>,
): Promise<string> {
  const tokens = await client.authorizationCodeGrant(provider, returned, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
    idTokenExpected: true,
  });
  return tokens.id_token ?? "";
}

/** The token came over TLS from the provider itself; its signature is checked all the same, as any bearer's is. */
async function personBy(prover: Pick<Prover, "person">, oidc: OidcConfig, token: string): Promise<Finished> {
  const verified = await prover.person(token);
  if (verified.kind === "refused") return verified;
  if (verified.kind === "away") return verified;
  return { kind: "person", actor: personOf(oidc.issuer, verified.claims, groupsClaimOf(oidc)) };
}

function failure(error: unknown): Finished {
  if (error instanceof client.AuthorizationResponseError)
    return { kind: "refused", message: `the provider says ${error.error}` };
  if (error instanceof client.ResponseBodyError && error.status < 500)
    return { kind: "refused", message: `the provider says ${error.error}` };
  if (error instanceof client.ClientError && error.code !== undefined && MISFITS.has(error.code))
    return { kind: "refused", message: "what came back does not belong to what was started" };
  return { kind: "away", error };
}

function cachedProvider(
  { now, outbound }: Pick<IdentityDeps, "now" | "outbound">,
  oidc: OidcConfig,
): () => Promise<client.Configuration> {
  let held: { at: number; provider: client.Configuration } | undefined;
  return async () => {
    if (held === undefined || now() - held.at > METADATA_MS_MAX)
      held = { at: now(), provider: await discover(outbound, oidc) };
    return held.provider;
  };
}

async function discover(outbound: IdentityDeps["outbound"], oidc: OidcConfig): Promise<client.Configuration> {
  const fetch = boundedFetch(outbound.to([issuerHost(oidc)]));
  return client.discovery(new URL(oidc.issuer), oidc.clientId, undefined, clientAuth(oidc), {
    [client.customFetch]: (url, init) => fetch(url, init as RequestInit),
    timeout: TIMEOUT_S,
    execute: isPlainHttp(oidc) ? [client.allowInsecureRequests] : [],
  });
}

/** A secret goes in the header, as the standard's default is, unless the provider takes it in the body only. */
function clientAuth({ clientSecret }: OidcConfig): client.ClientAuth {
  if (clientSecret === undefined) return client.None();
  const [basic, post] = [client.ClientSecretBasic(clientSecret), client.ClientSecretPost(clientSecret)];
  return (server, ...rest) => {
    const takes = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    return (takes.includes("client_secret_basic") ? basic : post)(server, ...rest);
  };
}
