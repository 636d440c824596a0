/**
 * The charter: what the offline recovery key certifies about a hub - its epoch, the keys that may sign
 * statements, the URLs it answers at. Agents pin the recovery key at registration, so a rotated key, a moved hub
 * or a restored one needs a new charter and no visit to a cluster.
 */
import * as z from "zod";
import { digestOf } from "./digest.ts";
import { failoverFault, regionSchema } from "./region.ts";

/** An Ed25519 public key as a JWK (RFC 8037). */
export const publicKeySchema = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});
export type PublicKey = z.infer<typeof publicKeySchema>;

/** SHA-256 of the canonical public JWK, whatever else the key holds: what is pinned, and what people compare. */
export function fingerprintOf({ kty, crv, x }: PublicKey): string {
  return digestOf({ kty, crv, x });
}

/** Short name of a signing key, as charters and statements bear it. */
export function kidOf(key: PublicKey): string {
  return fingerprintOf(key).slice(0, 16);
}

export const charterSchema = z.object({
  hub: z.string().min(1).max(64),
  /** Grows with every charter; an agent never goes back. */
  serial: z.number().int().positive(),
  epoch: z.number().int().positive(),
  signers: z
    .array(z.object({ kid: z.string().min(1).max(64), key: publicKeySchema }))
    .min(1)
    .max(8),
  urls: z
    .array(z.url({ protocol: /^https?$/ }))
    .min(1)
    .max(8),
  /** Of a hub with several regions: the one that writes. Agents pass over it. */
  region: regionSchema.optional(),
});
export type Charter = z.infer<typeof charterSchema>;

/** `typ` headers keep one kind of signed text from being taken for another. */
export const SIGNED_TYPES = {
  charter: "fairlead-charter",
  statement: "fairlead-statement",
  request: "fairlead-request",
  /** By a key that is to replace another: proof that its private half is there. */
  key: "fairlead-key",
} as const;

export const CHARTER_CHARS_MAX = 8000;

/** What keeps `next` from taking the place of `held`; `signing` names the key that the hub signs with now. */
export function charterFault(held: Charter, next: Charter, signing: string | undefined): string | undefined {
  if (next.hub !== held.hub) return `it is of hub ${next.hub}, this is ${held.hub}`;
  if (next.serial <= held.serial) return `its serial ${next.serial} is not above ${held.serial}`;
  if (next.epoch < held.epoch) return `its epoch ${next.epoch} is below ${held.epoch}`;
  const named = new Set(next.signers.map(({ kid }) => kid));
  const wrong = next.signers.find(({ kid, key }) => kid !== kidOf(key));
  if (wrong !== undefined) return `the key named ${wrong.kid} is ${kidOf(wrong.key)}`;
  if (signing !== undefined && !named.has(signing))
    return `it does not name ${signing}, the key that this hub signs with: agents would refuse every statement`;
  const moved = failoverFault(held, next);
  if (moved !== undefined) return moved;
  const dropped = held.signers.find(({ kid }) => !named.has(kid));
  if (dropped !== undefined && next.epoch === held.epoch)
    return `it drops key ${dropped.kid} in the same epoch: statements that it signed would be refused before they are signed anew`;
  return undefined;
}

/** What keeps a hub from signing with the key named `kid`, with the way out. */
export function signerFault({ signers }: Pick<Charter, "signers">, kid: string): string | undefined {
  if (signers.some((one) => one.kid === kid)) return undefined;
  return `the charter does not name ${kid}, the key to sign with here, so agents would refuse every statement: fairlead hub signing-key --key ARN > next.json, then fairlead hub rotate-signing-key --signing-key next.json --recovery-key FILE (docs/recovery.md#a-new-signing-key)`;
}

/** The held charter stays unless the new one is of the same hub and newer. */
export function newerCharter(held: Charter, next: Charter): boolean {
  return next.hub === held.hub && next.serial > held.serial && next.epoch >= held.epoch;
}
