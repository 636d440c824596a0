/**
 * Signatures that cosign made with a key and stored beside what it signed, under the tag `sha256-<digest>.sig`: each layer
 * is a small JSON text that names the signed manifest, its annotation the signature over these very bytes. Keyless ones
 * (certificates and a transparency log) are not read.
 */
import { createPublicKey, verify, type KeyObject } from "node:crypto";
import * as z from "zod";
import { sha256 } from "#core/digest.ts";
import type { Signer } from "#core/project.ts";
import { refused, type Verdict } from "../source/signature/verdict.ts";
import { SIGNATURE_PAYLOAD_BYTES_MAX, SIGNATURES_MAX } from "./limits.ts";
import type { CosignSignature } from "./offer.ts";
import type { Registry } from "./registry.ts";

const PAYLOAD_LAYER = "application/vnd.dev.cosign.simplesigning.v1+json";
const ANNOTATION = "dev.cosignproject.cosign/signature";
const TYPE = "cosign container image signature";

export type CosignSigner = Extract<Signer, { cosign: string }>;

/** `digest` is the manifest's, in hex. None where nothing was signed. */
export async function signaturesOf(registry: Registry, digest: string): Promise<CosignSignature[]> {
  const manifest = await registry.manifest(`sha256-${digest}.sig`);
  const layers = (manifest?.layers ?? []).filter(({ mediaType }) => mediaType === PAYLOAD_LAYER);
  const found: CosignSignature[] = [];
  for (const layer of layers.slice(0, SIGNATURES_MAX)) {
    const signature = layer.annotations?.[ANNOTATION];
    if (signature === undefined) continue;
    const payload = await registry.blob(layer, "a cosign signature", SIGNATURE_PAYLOAD_BYTES_MAX);
    found.push({ payload, signature });
  }
  return found;
}

const payloadSchema = z.object({
  critical: z.object({
    image: z.object({ "docker-manifest-digest": z.string() }),
    type: z.literal(TYPE),
  }),
});

/** One that holds, by one of the signers, is enough. */
export function verifyCosign(
  digest: string,
  signatures: readonly CosignSignature[],
  signers: readonly CosignSigner[],
): Verdict {
  if (signatures.length === 0) return refused("has no cosign signature");
  for (const signer of signers) {
    const key = keyOf(signer);
    if (key === undefined)
      return refused(
        `cannot be checked: the key of signer ${signer.name} in the Project is no ECDSA public key`,
      );
    for (const { payload, signature } of signatures)
      if (verify("sha256", payload, key, Buffer.from(signature, "base64")))
        return names(payload, digest)
          ? { kind: "signed", signer: signer.name, key: nameOf(key) }
          : refused(`carries a cosign signature of ${signer.name} that was made for another manifest`);
  }
  return refused(
    `has ${signatures.length} cosign signatures, and none is of ${signers.map(({ name }) => name).join(", ")}`,
  );
}

function names(payload: Buffer, digest: string): boolean {
  const read = payloadSchema.safeParse(jsonOf(payload));
  return read.success && read.data.critical.image["docker-manifest-digest"] === `sha256:${digest}`;
}

function keyOf({ cosign }: CosignSigner): KeyObject | undefined {
  try {
    const key = createPublicKey(cosign);
    return key.asymmetricKeyType === "ec" ? key : undefined;
  } catch {
    // Told by the caller with the signer's name.
    return undefined;
  }
}

function nameOf(key: KeyObject): string {
  return `cosign key SHA256:${sha256(key.export({ format: "der", type: "spki" }))}`;
}

function jsonOf(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString("utf8"));
  } catch {
    // What is no JSON names nothing.
    return undefined;
  }
}
