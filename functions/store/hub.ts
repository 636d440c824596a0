/** The hub's own item: its id, epoch, charter and the public half of the recovery key. */
import { z } from "zod";
import { publicKeySchema } from "#core/charter.ts";
import type { Db } from "./db.ts";
import { keys } from "./table.ts";

export const hubSchema = z.object({
  hub: z.string(),
  epoch: z.number().int(),
  serial: z.number().int(),
  /** Compact JWS, signed by the recovery key. */
  charter: z.string(),
  recoveryKey: publicKeySchema,
});
export type Hub = z.infer<typeof hubSchema>;

/** Throws when the hub was never opened: nothing works without its charter. */
export async function getHub(db: Db): Promise<Hub> {
  const item = await db.get(keys.hub(), { consistent: true });
  if (item === undefined)
    throw new Error("this table has no hub yet: open one first (locally, `npm start` does)");
  return hubSchema.parse(item);
}

export async function findHub(db: Db): Promise<Hub | undefined> {
  const item = await db.get(keys.hub(), { consistent: true });
  return item === undefined ? undefined : hubSchema.parse(item);
}

/** Only a charter with a higher serial replaces the one that is there. */
export async function putHub(db: Db, hub: Hub): Promise<"written" | "lost"> {
  const condition = {
    text: "attribute_not_exists(pk) OR #serial < :serial",
    names: { serial: "serial" },
    values: { serial: hub.serial },
  };
  return db.put({ ...keys.hub(), ...hub }, condition);
}
