/** Where Promotions stand: one item each, moved by its version alone. */
import { promotionRecordSchema, type PromotionRecord } from "#core/promotion/state.ts";
import { readAll, type Db } from "./db.ts";
import { keys, lists } from "./table.ts";

export async function getPromotionRecord(
  db: Db,
  project: string,
  name: string,
): Promise<PromotionRecord | undefined> {
  const item = await db.get(keys.promotionState(project, name), { consistent: true });
  return item === undefined ? undefined : promotionRecordSchema.parse(item);
}

/** `record.version` is one above the version that was read. */
export async function putPromotionRecord(db: Db, record: PromotionRecord): Promise<"written" | "lost"> {
  return db.put(
    { ...keys.promotionState(record.project, record.name), ...record },
    record.version === 1
      ? { text: "attribute_not_exists(pk)" }
      : { text: "#version = :was", names: { version: "version" }, values: { was: record.version - 1 } },
  );
}

export async function deletePromotionRecord(
  db: Db,
  { project, name, version }: PromotionRecord,
): Promise<void> {
  await db.delete(keys.promotionState(project, name), {
    text: "#version = :was",
    names: { version: "version" },
    values: { was: version },
  });
}

export async function listPromotionRecords(db: Db, project: string): Promise<PromotionRecord[]> {
  return (await readAll(db, lists.promotionStates(project))).map((item) => promotionRecordSchema.parse(item));
}

/** By name; who was never looked at is absent. */
export async function getPromotionRecords(
  db: Db,
  project: string,
  names: readonly string[],
): Promise<Map<string, PromotionRecord>> {
  const items = await db.getMany(names.map((name) => keys.promotionState(project, name)));
  const records = items.map((item) => promotionRecordSchema.parse(item));
  return new Map(records.map((record) => [record.name, record]));
}
