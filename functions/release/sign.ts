/**
 * Signing, a port that only the release function may use: statements by the hub's signing key (on AWS in KMS, `kms.ts`),
 * charters by the recovery key, which is kept offline. Both are compact JWS with Ed25519, told apart by their `typ`.
 */
import { CompactSign, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { kidOf, publicKeySchema, SIGNED_TYPES, type Charter, type PublicKey } from "#core/charter.ts";
import { canonicalJson } from "#core/digest.ts";
import type { Statement } from "#core/statement.ts";

export interface StatementSigner {
  /** Short name of its key, as the charter must know it. */
  kid: string;
  sign(statement: Statement): Promise<string>;
}

/** Statements that are signed side by side: with KMS each is a call, and all of an account's share a quota of 1,000 a second. */
export const SIGNED_AT_ONCE = 16;

/** An Ed25519 private key as a JWK. */
export type PrivateKey = PublicKey & { d: string };

export { fingerprintOf as fingerprint, kidOf } from "#core/charter.ts";

export async function makePrivateKey(): Promise<PrivateKey> {
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const jwk = await exportJWK(privateKey);
  return { ...publicHalf(jwk), d: jwk.d ?? "" };
}

export function publicHalf(key: JWK): PublicKey {
  return publicKeySchema.parse({ kty: key.kty, crv: key.crv, x: key.x });
}

export async function localSigner(key: PrivateKey): Promise<StatementSigner> {
  const signingKey = await importJWK({ ...key }, "EdDSA");
  const header = { alg: "EdDSA", typ: SIGNED_TYPES.statement, kid: kidOf(key) };
  return { kid: header.kid, sign: (statement) => compact(statement, header, signingKey) };
}

export async function signCharter(charter: Charter, recoveryKey: PrivateKey): Promise<string> {
  const signingKey = await importJWK({ ...recoveryKey }, "EdDSA");
  return compact(charter, { alg: "EdDSA", typ: SIGNED_TYPES.charter }, signingKey);
}

async function compact(
  payload: unknown,
  header: { alg: string; typ: string; kid?: string },
  key: Parameters<CompactSign["sign"]>[0],
): Promise<string> {
  return new CompactSign(new TextEncoder().encode(canonicalJson(payload)))
    .setProtectedHeader(header)
    .sign(key);
}
