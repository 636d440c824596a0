/** What people's API and the CLI say to each other about the hub itself: who it is, its charter, its export. */
import * as z from "zod";
import { CHARTER_CHARS_MAX, publicKeySchema } from "./charter.ts";

/** `GET /v1/hub`. */
export const hubViewSchema = z.object({
  hub: z.string(),
  epoch: z.number().int(),
  serial: z.number().int(),
  urls: z.array(z.string()),
  signers: z.array(z.object({ kid: z.string(), key: publicKeySchema })),
  /** Which of them the hub signs with, as far as it knows. */
  signing: z.string().optional(),
  /** The region that writes, where there are several. */
  region: z.string().optional(),
  /** Who answers: a region, and its address for agents. */
  here: z.object({ region: z.string(), url: z.string() }).optional(),
  /** Fingerprint of the recovery key. */
  recovery: z.string(),
  /** Digest of the export that it was made of. */
  imported: z.string().optional(),
  importing: z.boolean().optional(),
});
export type HubView = z.infer<typeof hubViewSchema>;

/** `PUT /v1/hub/charter`: a compact JWS by the recovery key, which itself never comes here. */
export const charterRequestSchema = z.strictObject({ charter: z.string().min(1).max(CHARTER_CHARS_MAX) });

/** The charter's serial: seconds since 1970, so that also a hub that forgot some goes above all it ever made. */
export function nextSerial(before: number, now: number): number {
  return Math.max(before + 1, Math.floor(now / 1000));
}
