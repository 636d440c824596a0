/** The hub's own item: its id, epoch, charter and the public half of the recovery key. */
import * as z from "zod";
import { hubStamp, type Stamp } from "#core/actor.ts";
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

/** Only over the charter that was read, and only with a higher serial. */
export async function putHub(
  db: Db,
  hub: Hub,
  before: Hub | undefined,
  stamp: Stamp = hubStamp("open"),
): Promise<"written" | "lost"> {
  const condition =
    before === undefined
      ? { text: "attribute_not_exists(pk)" }
      : {
          text: "#serial = :was AND #serial < :serial",
          names: { serial: "serial" },
          values: { was: before.serial, serial: hub.serial },
        };
  const told = Object.fromEntries(Object.entries(hub).filter(([, value]) => value !== undefined));
  return db.put({ ...keys.hub(), ...told, stamp }, condition);
}

/** The release function's key, once it has changed: a charter that lacks it is refused from then on. */
export async function noteSigning(db: Db, kid: string): Promise<void> {
  await db.update(
    keys.hub(),
    { text: "SET #signing = :kid", names: { signing: "signing" }, values: { kid } },
    "attribute_exists(pk) AND (attribute_not_exists(#signing) OR #signing <> :kid)",
  );
}

/** Before the first item of this format is written; never lowers it. */
export async function raiseFormat(db: Db): Promise<void> {
  await db.update(
    keys.hub(),
    { text: "SET #format = :format", names: { format: "format" }, values: { format: FORMAT } },
    "attribute_exists(pk) AND (attribute_not_exists(#format) OR #format < :format)",
  );
}

/** The last line is in. */
export async function endImport(db: Db, digest: string): Promise<"written" | "lost"> {
  return db.update(
    keys.hub(),
    {
      text: "SET #imported = :digest REMOVE #importing",
      names: { imported: "imported", importing: "importing" },
      values: { digest },
    },
    "#importing = :digest",
  );
}
