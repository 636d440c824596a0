/**
 * The signer on AWS: an Ed25519 key that KMS made and never gives out. Each statement is one call of `Sign`, so whoever takes
 * the function over can sign while it is theirs, and carries no key away.
 */
import { createPublicKey, verify } from "node:crypto";
import { GetPublicKeyCommand, SignCommand, type KMSClient } from "@aws-sdk/client-kms";
import { kidOf, publicKeySchema, SIGNED_TYPES, type PublicKey } from "#core/charter.ts";
import { canonicalJson } from "#core/digest.ts";
import { SIGNED_BYTES_MAX } from "#core/limits.ts";
import type { StatementSigner } from "./sign.ts";

/** `key` is its ARN: an alias may come to lead elsewhere. */
export async function kmsSigner(client: KMSClient, key: string): Promise<StatementSigner> {
  const der = await readPublicKey(client, key);
  const publicKey = publicKeyOf(der, key);
  const header = { alg: "EdDSA", typ: SIGNED_TYPES.statement, kid: kidOf(publicKey) };
  const checking = { key: Buffer.from(der), format: "der", type: "spki" } as const;
  return {
    kid: header.kid,
    sign: async (statement) => {
      const input = `${encoded(JSON.stringify(header))}.${encoded(canonicalJson(statement))}`;
      const signature = await signText(client, key, input);
      // What an agent would refuse is not written down.
      if (!verify(null, Buffer.from(input), checking, signature))
        throw new Error(`KMS answered a signature that is not of key ${key}`);
      return `${input}.${Buffer.from(signature).toString("base64url")}`;
    },
  };
}

/** What a charter has to name for agents to obey what the key signs. */
export async function kmsPublicKey(client: KMSClient, key: string): Promise<PublicKey> {
  return publicKeyOf(await readPublicKey(client, key), key);
}

async function readPublicKey(client: KMSClient, key: string): Promise<Uint8Array> {
  const { PublicKey: der } = await client.send(new GetPublicKeyCommand({ KeyId: key }));
  if (der === undefined) throw new Error(`KMS answered no public key of ${key}`);
  return der;
}

function publicKeyOf(der: Uint8Array, key: string): PublicKey {
  const jwk = createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" }).export({
    format: "jwk",
  });
  const read = publicKeySchema.safeParse(jwk);
  if (read.success) return read.data;
  throw new Error(
    `the key ${key} is no Ed25519 key (${String(jwk.crv ?? jwk.kty)}): take one of the spec ECC_NIST_EDWARDS25519`,
  );
}

async function signText(client: KMSClient, key: string, input: string): Promise<Uint8Array> {
  const Message = Buffer.from(input);
  if (Message.length > SIGNED_BYTES_MAX)
    throw new Error(
      `a statement of ${Message.length} bytes cannot be signed, KMS takes ${SIGNED_BYTES_MAX}: shorten what its App says in spec.sync.ignore and spec.health`,
    );
  const { Signature } = await client.send(
    new SignCommand({ KeyId: key, Message, MessageType: "RAW", SigningAlgorithm: "ED25519_SHA_512" }),
  );
  if (Signature === undefined) throw new Error(`KMS answered no signature of ${key}`);
  return Signature;
}

const encoded = (text: string): string => Buffer.from(text).toString("base64url");
