/**
 * The charter: what the offline recovery key certifies about a hub - its epoch, the keys that may sign
 * statements, the URLs it answers at. Agents pin the recovery key at registration, so a rotated key, a moved hub
 * or a restored one needs a new charter and no visit to a cluster.
 */
import { z } from "zod";

/** An Ed25519 public key as a JWK (RFC 8037). */
export const publicKeySchema = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});
export type PublicKey = z.infer<typeof publicKeySchema>;

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
});
export type Charter = z.infer<typeof charterSchema>;

/** `typ` headers keep one kind of signed text from being taken for another. */
export const SIGNED_TYPES = {
  charter: "fairlead-charter",
  statement: "fairlead-statement",
  request: "fairlead-request",
} as const;

/** The held charter stays unless the new one is of the same hub and newer. */
export function newerCharter(held: Charter, next: Charter): boolean {
  return next.hub === held.hub && next.serial > held.serial && next.epoch >= held.epoch;
}
