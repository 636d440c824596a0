/** What is written to the hub's own item: a new charter, the key that signs now, the format, the end of an import. */
import { hubStamp, type Stamp } from "#core/actor.ts";
import type { Db } from "./db.ts";
import { FORMAT } from "./format.ts";
import type { Hub } from "./hub.ts";
import { keys } from "./table.ts";

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
