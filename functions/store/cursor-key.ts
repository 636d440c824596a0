/**
 * The key that lists' cursors are sealed with: made once for a hub, so that every instance can open what another gave
 * out. It guards no right, for every page is authorised anew; losing it only ends lists that are half read.
 */
import type { Db } from "./db.ts";
import { keys } from "./table.ts";

export async function findCursorKey(db: Db): Promise<string | undefined> {
  const item = await db.get(keys.cursorKey(), { consistent: true });
  return item?.["key"] as string | undefined;
}

/** `fresh` is kept unless a key is there already; the kept one is returned. */
export async function ensureCursorKey(db: Db, fresh: string): Promise<string> {
  const found = await findCursorKey(db);
  if (found !== undefined) return found;
  const put = await db.put({ ...keys.cursorKey(), key: fresh }, { text: "attribute_not_exists(pk)" });
  return put === "written" ? fresh : ((await findCursorKey(db)) ?? fresh);
}
