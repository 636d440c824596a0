/**
 * The hub's own item: its id, epoch, charter and the public half of the recovery key. Every process reads it before anything
 * else; how it is written stands apart (`hub-write.ts`).
 */
import * as z from "zod";
import { charterSchema, publicKeySchema, type Charter } from "#core/charter.ts";
import type { Db } from "./db.ts";
import { FORMAT } from "./format.ts";
import { keys } from "./table.ts";

export const hubSchema = z.object({
  hub: z.string(),
  epoch: z.number().int(),
  serial: z.number().int(),
  /** Compact JWS, signed by the recovery key. */
  charter: z.string(),
  recoveryKey: publicKeySchema,
  /** Name of the key that statements are signed with. */
  signing: z.string().optional(),
  /** The oldest format whose releases may run on this table; absent: the first. */
  format: z.number().int().optional(),
  /** Digest of the export that is being read in, or was. */
  importing: z.string().optional(),
  imported: z.string().optional(),
});
export type Hub = z.infer<typeof hubSchema>;

/** Throws when the hub was never opened: nothing works without its charter. */
export async function getHub(db: Db): Promise<Hub> {
  const hub = await findHub(db);
  if (hub === undefined)
    throw new Error("this table has no hub yet: open one first (locally, `npm start` does)");
  return hub;
}

/** Throws when a newer release wrote what this one cannot keep: whoever reads the hub goes no further. */
export async function findHub(db: Db): Promise<Hub | undefined> {
  const item = await db.get(keys.hub(), { consistent: true });
  if (item === undefined) return undefined;
  const { format = 1 } = formatSchema.parse(item);
  if (format > FORMAT)
    throw new Error(
      `this table has items of format ${format}, and this release knows formats up to ${FORMAT}: deploy a newer one, or put the table back as it was before the upgrade (docs/operations.md#rollback)`,
    );
  return hubSchema.parse(item);
}

const formatSchema = hubSchema.pick({ format: true });

/** What its charter says. It was verified when it was written; whoever relies on it for others verifies it again. */
export function charterOf({ charter }: Pick<Hub, "charter">): Charter {
  return charterSchema.parse(JSON.parse(Buffer.from(charter.split(".")[1] ?? "", "base64url").toString()));
}
