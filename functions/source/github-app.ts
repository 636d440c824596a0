/**
 * A GitHub App's way to a repository: a JWT signed by the App's key is exchanged for a token of one installation, good
 * for an hour and kept in memory until shortly before. Neither key nor token is ever part of a message.
 */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import * as z from "zod";
import type { Credential } from "#core/credential.ts";
import { digestOf } from "#core/digest.ts";
import { sentence } from "#core/text.ts";
import { readJson } from "../outbound/body.ts";
import type { OutboundFetch } from "../outbound/port.ts";
import { OutboundRefused } from "../outbound/refused.ts";
import { keepsSecrets } from "./git-address.ts";
import { GitFailure } from "./git-failure.ts";

export type GitHubApp = Extract<Credential, { kind: "github-app" }>;

interface InstallationToken {
  readonly token: string;
  readonly expiresAt: number;
}

/** Tokens of one process, by the digest of the App they belong to. */
export type TokenCache = Map<string, Promise<InstallationToken>>;

export interface TokenDeps {
  readonly now: () => number;
  readonly http: OutboundFetch;
  readonly cache: TokenCache;
  readonly signal?: AbortSignal | undefined;
}

const RENEW_BEFORE_MS = 5 * 60_000;
const JWT_AGE_S = 9 * 60;
/** GitHub's clock may be behind. */
const JWT_SKEW_S = 60;
const EXCHANGE_MS_MAX = 20_000;
const ANSWER_BYTES_MAX = 256 * 1024;
const RSA_BITS_MIN = 2048;

const answerSchema = z.object({ token: z.string().min(1).max(1000), expires_at: z.iso.datetime() });

/** PKCS#1 and PKCS#8. Undefined for what is no private RSA key of a sufficient size. */
export function appKey(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem);
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    return key.asymmetricKeyType === "rsa" && bits >= RSA_BITS_MIN ? key : undefined;
  } catch {
    // The library's words may quote the text.
    return undefined;
  }
}

/** The one host that the App's tokens are good for: `github.com`, or that of an Enterprise server. */
export function appHost({ apiUrl }: GitHubApp): string {
  return new URL(apiUrl).hostname.replace(/^api\./, "");
}

/** Throws `GitFailure`. */
export async function installationToken(deps: TokenDeps, app: GitHubApp): Promise<string> {
  const id = digestOf(app);
  const held = deps.cache.get(id);
  if (held === undefined) return (await renew(deps, app, id)).token;
  const { token, expiresAt } = await held;
  if (expiresAt - RENEW_BEFORE_MS > deps.now()) return token;
  // Of many that find it old at once, the first renews it for all.
  const newer = deps.cache.get(id);
  return (await (newer === held || newer === undefined ? renew(deps, app, id) : newer)).token;
}

async function renew(deps: TokenDeps, app: GitHubApp, id: string): Promise<InstallationToken> {
  const made = exchange(deps, app);
  deps.cache.set(id, made);
  try {
    return await made;
  } catch (error) {
    if (deps.cache.get(id) === made) deps.cache.delete(id);
    throw error;
  }
}

/** After a refusal: what an installation may read can change while its token is good. */
export function forgetToken(cache: TokenCache, app: GitHubApp): void {
  cache.delete(digestOf(app));
}

async function exchange(deps: TokenDeps, app: GitHubApp): Promise<InstallationToken> {
  const api = new URL(app.apiUrl);
  if (!keepsSecrets(api))
    throw new GitFailure("credentials", "The GitHub App's apiUrl is plain http; use https");
  const url = `${app.apiUrl.replace(/\/+$/, "")}/app/installations/${app.installationId}/access_tokens`;
  const headers = {
    authorization: `Bearer ${await appJwt(app, deps.now())}`,
    accept: "application/vnd.github+json",
    "x-github-api-version": "2022-11-28",
  };
  const time = AbortSignal.timeout(EXCHANGE_MS_MAX);
  const signal = deps.signal === undefined ? time : AbortSignal.any([time, deps.signal]);
  const response = await post(deps.http, url, { method: "POST", headers, signal });
  if (response.status !== 201) {
    await response.body?.cancel();
    throw refusal(response.status, api.host, app);
  }
  const answer = answerSchema.safeParse(await bodyOf(response, api.host));
  if (!answer.success) throw new GitFailure("invalid", `${api.host} does not answer as GitHub does`);
  return { token: answer.data.token, expiresAt: Date.parse(answer.data.expires_at) };
}

async function appJwt(app: GitHubApp, now: number): Promise<string> {
  const key = appKey(app.privateKey);
  if (key === undefined)
    throw new GitFailure(
      "credentials",
      `The GitHub App's privateKey is no PEM of an RSA key of at least ${RSA_BITS_MIN} bits; store it again (fairlead credentials set)`,
    );
  const seconds = Math.floor(now / 1000);
  return new SignJWT()
    .setProtectedHeader({ alg: "RS256", typ: "JWT" })
    .setIssuer(app.appId)
    .setIssuedAt(seconds - JWT_SKEW_S)
    .setExpirationTime(seconds + JWT_AGE_S)
    .sign(key);
}

async function post(http: OutboundFetch, url: string, init: RequestInit): Promise<Response> {
  try {
    return await http(url, init);
  } catch (error) {
    if (error instanceof OutboundRefused) throw new GitFailure("refused", error.message);
    throw new GitFailure("unreachable", `No token from ${new URL(url).host} (${causeOf(error)})`);
  }
}

async function bodyOf(response: Response, host: string): Promise<unknown> {
  try {
    return await readJson(response, ANSWER_BYTES_MAX);
  } catch {
    throw new GitFailure("invalid", `${host} does not answer in JSON as GitHub does`);
  }
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return sentence(cause instanceof Error ? cause.message : String(cause), 200);
}

function refusal(status: number, host: string, { appId, installationId }: GitHubApp): GitFailure {
  const words: Record<number, string> = {
    401: `does not know the key of App ${appId}; check appId and privateKey`,
    403: `refuses installation ${installationId}; is it suspended?`,
    404: `knows no installation ${installationId} of App ${appId}; check installationId`,
  };
  const code = words[status] === undefined ? "unreachable" : "auth";
  return new GitFailure(
    code,
    `${host} gives no token (HTTP ${status}): ${words[status] ?? "try again later"}`,
  );
}
