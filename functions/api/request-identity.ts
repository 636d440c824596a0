/**
 * Proves which cluster's agent makes a request: a JWS by its Ed25519 key, bound to hub, method, path, body and time.
 * Every failure says what did not fit, and none says whether the cluster exists.
 */
import { compactVerify, decodeProtectedHeader, importJWK } from "jose";
import { z } from "zod";
import { SIGNED_TYPES } from "#core/charter.ts";
import { sha256 } from "#core/digest.ts";
import { REQUEST_SKEW_MS } from "#core/limits.ts";
import { nameSchema } from "#core/metadata.ts";
import { getLine, type Line } from "../store/cluster.ts";
import type { Db } from "../store/db.ts";

const claimsSchema = z.object({
  iss: z.string().max(200),
  aud: z.string().max(64),
  /** Seconds since 1970. */
  iat: z.number(),
  htm: z.string().max(10),
  htu: z.string().max(500),
  /** SHA-256 of the body, "" where there is none. */
  bod: z.string().max(64),
});

export interface SignedRequest {
  authorization: string | undefined;
  method: string;
  path: string;
  body: Uint8Array;
}

export type Identified =
  | { kind: "agent"; line: Line }
  | { kind: "clock"; message: string }
  | { kind: "unknown"; message: string };

const BEARER = "Bearer ";
const TOKEN_CHARS_MAX = 4000;

export async function identify(
  db: Db,
  hub: string,
  request: SignedRequest,
  now: number,
): Promise<Identified> {
  const token =
    request.authorization?.startsWith(BEARER) === true ? request.authorization.slice(BEARER.length) : "";
  if (token === "" || token.length > TOKEN_CHARS_MAX) return unknown("no request signature");
  const claims = readClaims(token);
  if (claims === undefined) return unknown("the request signature cannot be read");
  const [project, cluster] = claims.iss.split("/");
  if (!nameSchema.safeParse(project).success || !nameSchema.safeParse(cluster).success)
    return unknown("no such agent");
  const line = await getLine(db, project ?? "", cluster ?? "");
  if (line?.key === undefined || !(await isSignedBy(token, line.key)))
    return unknown("no such agent, or not its key");
  if (Math.abs(claims.iat * 1000 - now) > REQUEST_SKEW_MS)
    return {
      kind: "clock",
      message: `the request was signed ${Math.round((now - claims.iat * 1000) / 1000)} s ago by the hub's clock`,
    };
  const wrong = mismatch(claims, hub, request);
  return wrong === undefined
    ? { kind: "agent", line }
    : unknown(`the request signature is for another ${wrong}`);
}

function readClaims(token: string): z.infer<typeof claimsSchema> | undefined {
  try {
    if (decodeProtectedHeader(token).typ !== SIGNED_TYPES.request) return undefined;
    const payload = Buffer.from(token.split(".")[1] ?? "", "base64url").toString();
    return claimsSchema.safeParse(JSON.parse(payload)).data;
  } catch {
    return undefined;
  }
}

async function isSignedBy(token: string, key: NonNullable<Line["key"]>): Promise<boolean> {
  try {
    await compactVerify(token, await importJWK({ ...key }, "EdDSA"), { algorithms: ["EdDSA"] });
    return true;
  } catch {
    return false;
  }
}

function mismatch(
  claims: z.infer<typeof claimsSchema>,
  hub: string,
  { method, path, body }: SignedRequest,
): string | undefined {
  if (claims.aud !== hub) return "hub";
  if (claims.htm !== method) return "method";
  if (claims.htu !== path) return "path";
  if (claims.bod !== (body.byteLength === 0 ? "" : sha256(body))) return "body";
  return undefined;
}

function unknown(message: string): Identified {
  return { kind: "unknown", message };
}
