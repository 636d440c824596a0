/**
 * Signatures of the protocol: Ed25519 over compact JWS, one `typ` per kind of text. Nothing signed is parsed
 * before its signature holds, and a key the charter does not name signs nothing.
 */
import { compactVerify, CompactSign, decodeProtectedHeader, importJWK, type CryptoKey } from "jose";
import { charterSchema, SIGNED_TYPES, type Charter, type PublicKey } from "#core/charter.ts";
import type { KeyProof } from "#core/protocol.ts";
import { digestOf, sha256 } from "#core/digest.ts";
import { statementSchema, type Statement } from "#core/statement.ts";

const ALGORITHM = "EdDSA";

export type Verified<T> =
  | { kind: "verified"; value: T; digest: string }
  | { kind: "refused"; message: string };

export async function verifyCharter(jws: string, recoveryKey: PublicKey): Promise<Verified<Charter>> {
  const payload = await verified(jws, SIGNED_TYPES.charter, recoveryKey);
  if (payload.kind === "refused") return { ...payload, message: `charter refused: ${payload.message}` };
  const charter = charterSchema.safeParse(payload.value);
  if (!charter.success) return { kind: "refused", message: `charter refused: ${charter.error.message}` };
  return { ...payload, value: charter.data };
}

/** `digest` is of the whole payload, fields this version does not know included. */
export async function verifyStatement(jws: string, charter: Charter): Promise<Verified<Statement>> {
  const kid = kidOf(jws);
  const signer = charter.signers.find((candidate) => candidate.kid === kid);
  if (signer === undefined)
    return {
      kind: "refused",
      message: `unknown-signer: the charter does not name the key ${kid ?? "(none)"}`,
    };
  const payload = await verified(jws, SIGNED_TYPES.statement, signer.key);
  if (payload.kind === "refused") return { ...payload, message: `bad-signature: ${payload.message}` };
  const statement = statementSchema.safeParse(payload.value);
  if (!statement.success)
    return {
      kind: "refused",
      message: `bad-statement: ${statement.error.issues[0]?.message ?? "unreadable"}`,
    };
  return { ...payload, value: statement.data };
}

/** What a request's JWT binds: nothing of it can be moved to another path, body, hub or minute. */
export interface RequestClaims {
  /** `<project>/<cluster>` */
  iss: string;
  aud: string;
  /** Seconds since 1970. */
  iat: number;
  htm: string;
  htu: string;
  /** SHA-256 (hex) of the body; "" without one. */
  bod: string;
  /** Random for each process: tells one key in two places. Absent: an agent from before. */
  run?: string;
}

export async function signRequest(claims: RequestClaims, key: CryptoKey): Promise<string> {
  return await new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: ALGORITHM, typ: SIGNED_TYPES.request })
    .sign(key);
}

/** By the new key: that its private half is where the request comes from. */
export async function proveKey(proof: KeyProof, key: CryptoKey): Promise<string> {
  return await new CompactSign(new TextEncoder().encode(JSON.stringify(proof)))
    .setProtectedHeader({ alg: ALGORITHM, typ: SIGNED_TYPES.key })
    .sign(key);
}

export function bodyDigest(body: string | undefined): string {
  return body === undefined ? "" : sha256(body);
}

async function verified(jws: string, typ: string, key: PublicKey): Promise<Verified<unknown>> {
  try {
    const { payload, protectedHeader } = await compactVerify(jws, await importJWK(key, ALGORITHM), {
      algorithms: [ALGORITHM],
    });
    if (protectedHeader.typ !== typ)
      return { kind: "refused", message: `typ is ${String(protectedHeader.typ)}, not ${typ}` };
    const value: unknown = JSON.parse(new TextDecoder().decode(payload));
    return { kind: "verified", value, digest: digestOf(value) };
  } catch (error) {
    return { kind: "refused", message: error instanceof Error ? error.message : String(error) };
  }
}

function kidOf(jws: string): string | undefined {
  try {
    return decodeProtectedHeader(jws).kid;
  } catch {
    // No readable header names no key; the caller refuses it as such.
    return undefined;
  }
}
