/** States of Promotions that are gone: the function that promotes holds credentials, and so may delete nothing. */
import { deletePromotionRecord, listPromotionRecords } from "../store/promotion.ts";
import type { Db } from "../store/db.ts";
import { getResource, listProjects } from "../store/resource.ts";

export async function forgetPromotions(db: Db): Promise<void> {
  for (const project of await listProjects(db))
    for (const record of await listPromotionRecords(db, project))
      if ((await getResource(db, "Promotion", project, record.name)) === undefined)
        await deletePromotionRecord(db, record);
}
