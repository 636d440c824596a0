/**
 * Proves which cluster's agent makes a request: a JWS by its Ed25519 key, bound to hub, method, path, body and time.
 * Every failure says what did not fit; only who holds a key is told anything about a cluster. One read of the line.
 */
import { compactVerify, decodeProtectedHeader, importJWK } from "jose";
import * as z from "zod";
import { SIGNED_TYPES } from "#core/charter.ts";
import { sha256 } from "#core/digest.ts";
import { REQUEST_SKEW_MS } from "#core/limits.ts";
import { nameSchema } from "#core/metadata.ts";
import { getLine, type Line } from "../store/line.ts";
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
  /** The agent's process; agents from before do not name it. */
  run: z.string().max(32).default(""),
});
type Claims = z.infer<typeof claimsSchema>;

export interface SignedRequest {
  authorization: string | undefined;
  method: string;
  path: string;
  body: Uint8Array;
}

/** `by` is the `x` of the key that signed: the line's, or the one it replaced. */
export interface ProvenAgent {
  line: Line;
  run: string;
  by: string;
}

export type Identified =
  | ({ kind: "agent" } & ProvenAgent)
  | { kind: "clock"; message: string }
  /** Signed for another hub: this one may have taken over another's name a moment ago. */
  | { kind: "other-hub"; message: string }
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
  const signed = await signerOf(db, project ?? "", cluster ?? "", token, now);
  if (signed.kind === "unknown") return signed;
  if (Math.abs(claims.iat * 1000 - now) > REQUEST_SKEW_MS)
    return {
      kind: "clock",
      message: `the request was signed ${Math.round((now - claims.iat * 1000) / 1000)} s ago by the hub's clock`,
    };
  const wrong = mismatch(claims, hub, request);
  if (wrong === undefined) return { kind: "agent", line: signed.line, run: claims.run, by: signed.by };
  const message = `the request signature is for another ${wrong}`;
  return wrong === "hub" ? { kind: "other-hub", message } : unknown(message);
}

type Signer = { kind: "signer"; line: Line; by: string } | { kind: "unknown"; message: string };

/** The plain read may be a moment old, so a key that it does not know is held against a consistent one. */
async function signerOf(
  db: Db,
  project: string,
  cluster: string,
  token: string,
  now: number,
): Promise<Signer> {
  const read = async (consistent: boolean): Promise<Signer> => {
    const line = await getLine(db, project, cluster, { consistent });
    const keys = line === undefined ? [] : keysOf(line, now);
    for (const by of keys)
      if (line !== undefined && (await isSignedBy(token, by))) return { kind: "signer", line, by };
    const revoked = line?.revoked === true ? line.revokedKey : undefined;
    if (revoked !== undefined && (await isSignedBy(token, revoked)))
      return unknown(
        `the key of this agent was revoked: "fairlead cluster register ${cluster}" makes a token for a new one`,
      );
    return unknown("no such agent, or not its key");
  };
  const first = await read(false);
  return first.kind === "signer" ? first : read(true);
}

function keysOf({ key, previous, previousUntil }: Line, now: number): string[] {
  if (key === undefined) return [];
  return previous === undefined || (previousUntil ?? 0) <= now ? [key.x] : [key.x, previous];
}

function readClaims(token: string): Claims | undefined {
  try {
    if (decodeProtectedHeader(token).typ !== SIGNED_TYPES.request) return undefined;
    const payload = Buffer.from(token.split(".")[1] ?? "", "base64url").toString();
    return claimsSchema.safeParse(JSON.parse(payload)).data;
  } catch {
    return undefined;
  }
}

async function isSignedBy(token: string, x: string): Promise<boolean> {
  try {
    const key = await importJWK({ kty: "OKP", crv: "Ed25519", x }, "EdDSA");
    await compactVerify(token, key, { algorithms: ["EdDSA"] });
    return true;
  } catch {
    return false;
  }
}

function mismatch(claims: Claims, hub: string, { method, path, body }: SignedRequest): string | undefined {
  if (claims.aud !== hub) return "hub";
  if (claims.htm !== method) return "method";
  if (claims.htu !== path) return "path";
  if (claims.bod !== (body.byteLength === 0 ? "" : sha256(body))) return "body";
  return undefined;
}

function unknown(message: string): { kind: "unknown"; message: string } {
  return { kind: "unknown", message };
}
