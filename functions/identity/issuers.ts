/**
 * OIDC issuers and the keys with which they sign. A token is taken only as its issuer's own keys, a named algorithm,
 * its audience and its time say; nothing of it is believed before. Keys are fetched when first needed and again, at most
 * every half minute, when a token names an unknown one.
 */
import {
  createRemoteJWKSet,
  customFetch,
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
} from "jose";
import * as z from "zod";
import type { Outbound } from "../outbound/port.ts";
import { boundedFetch } from "./bounded-fetch.ts";

export interface Issuers {
  verify(token: string, expected: Expected): Promise<Verified>;
}
export interface Expected {
  issuer: string;
  /** The token must name one of them. */
  audience: string[];
  /** Hosts in private networks that may be asked for the keys. */
  hosts: readonly string[];
}
export type Verified =
  | { kind: "verified"; claims: JWTPayload & { sub: string } }
  | { kind: "refused"; message: string }
  /** Its issuer cannot be asked for its keys: nothing is known of the token. */
  | { kind: "away"; message: string; error: unknown };

/** Asymmetric ones only: a token by a shared secret or by none is nobody's. */
const ALGORITHMS = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split(" ");
/** Their clocks and ours. */
const SKEW_S = 30;
const KEYS_MS_MAX = 10 * 60_000;
const KEYS_COOLDOWN_MS = 30_000;
const FETCH_MS_MAX = 5000;
const ISSUERS_MAX = 200;
const SUBJECT_CHARS_MAX = 255;

const metadataSchema = z.object({ issuer: z.string(), jwks_uri: z.url() });

export function createIssuers(outbound: Outbound, now: () => number): Issuers {
  const keySets = new Map<string, { keys: JWTVerifyGetKey; at: number }>();
  const keysOf = async ({ issuer, hosts }: Expected): Promise<JWTVerifyGetKey> => {
    const held = keySets.get(issuer);
    if (held !== undefined && now() - held.at < KEYS_MS_MAX) return held.keys;
    const keys = await discover(outbound, issuer, hosts);
    keySets.delete(issuer);
    keySets.set(issuer, { keys, at: now() });
    if (keySets.size > ISSUERS_MAX) keySets.delete(keySets.keys().next().value ?? "");
    return keys;
  };
  return { verify: async (token, expected) => verify(token, expected, keysOf, now()) };
}

async function verify(
  token: string,
  expected: Expected,
  keysOf: (expected: Expected) => Promise<JWTVerifyGetKey>,
  now: number,
): Promise<Verified> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, await keysOf(expected), {
      issuer: expected.issuer,
      audience: expected.audience,
      algorithms: ALGORITHMS,
      currentDate: new Date(now),
      clockTolerance: SKEW_S,
      requiredClaims: ["exp", "iat", "sub"],
    });
    const { sub } = payload;
    // Access and logout tokens of the same issuer say another type.
    if (protectedHeader.typ !== undefined && protectedHeader.typ.toUpperCase() !== "JWT")
      return refused("the token is no ID token");
    if (sub === undefined || sub === "" || sub.length > SUBJECT_CHARS_MAX)
      return refused("the token names no subject that fits");
    return { kind: "verified", claims: { ...payload, sub } };
  } catch (error) {
    return refusal(error, expected.issuer);
  }
}

/** What is wrong with the token is told; that its issuer cannot be reached is another thing. */
function refusal(error: unknown, issuer: string): Verified {
  if (error instanceof errors.JWTExpired) return refused("the token has expired: get a new one");
  if (error instanceof errors.JWTClaimValidationFailed)
    return refused(`the token's claim ${error.claim} is not what this hub asks for`);
  if (error instanceof errors.JWKSTimeout) return away(issuer, error);
  if (error instanceof errors.JOSEError && error.code !== "ERR_JOSE_GENERIC")
    return refused("the token is not signed as its issuer signs");
  return away(issuer, error);
}

function refused(message: string): Verified {
  return { kind: "refused", message };
}

function away(issuer: string, error: unknown): Verified {
  return { kind: "away", message: `the issuer ${issuer} cannot be asked for its keys now`, error };
}

async function discover(
  outbound: Outbound,
  issuer: string,
  hosts: readonly string[],
): Promise<JWTVerifyGetKey> {
  const fetch = boundedFetch(outbound.to(hosts));
  const at = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const answer = await fetch(at, { method: "GET", headers: { accept: "application/json" } });
  if (answer.status !== 200) throw new Error(`${at} answers ${answer.status}`);
  const metadata = metadataSchema.parse(await answer.json());
  if (metadata.issuer !== issuer) throw new Error(`${at} is the metadata of another issuer`);
  const keysAt = new URL(metadata.jwks_uri);
  if (keysAt.protocol !== "https:" && keysAt.origin !== new URL(issuer).origin)
    throw new Error(`${at} names keys that are not behind https`);
  return createRemoteJWKSet(keysAt, {
    [customFetch]: (url, init) => fetch(url, init),
    timeoutDuration: FETCH_MS_MAX,
    cooldownDuration: KEYS_COOLDOWN_MS,
    cacheMaxAge: KEYS_MS_MAX,
  });
}

const peekSchema = z.object({ iss: z.string().max(300) });

/** The issuer that a token names, before anything of it is proved; undefined where it is no JWT. */
export function namedIssuer(token: string): string | undefined {
  try {
    const payload = Buffer.from(token.split(".")[1] ?? "", "base64url").toString();
    return peekSchema.safeParse(JSON.parse(payload)).data?.iss;
  } catch {
    return undefined;
  }
}
