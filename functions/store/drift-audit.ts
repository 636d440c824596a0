/** Drift audits: the slot's row points at the document; the first writer of a slot wins. */
import { readAll, type Db } from "./db.ts";
import { keys, lists } from "./table.ts";

export interface AuditRow {
  project: string;
  slot: string;
  /** Key in the object store. */
  document: string;
}

export async function putAuditRow(db: Db, row: AuditRow): Promise<"written" | "lost"> {
  return db.put({ ...keys.driftAudit(row.project, row.slot), ...row }, { text: "attribute_not_exists(pk)" });
}

export async function hasAuditRow(db: Db, project: string, slot: string): Promise<boolean> {
  return (await db.get(keys.driftAudit(project, slot), { consistent: true })) !== undefined;
}

export async function newestAuditRow(db: Db, project: string): Promise<AuditRow | undefined> {
  const [row] = await readAll(db, lists.driftAudits(project), { newestFirst: true, limit: 1 });
  return row as AuditRow | undefined;
}
