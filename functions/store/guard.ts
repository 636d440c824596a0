/** Whether a process may use the table at all, asked once in its life: before its first use, and again only if that failed. */
import type { Db } from "./db.ts";
import { charterOf, findHub } from "./hub.ts";

/**
 * Every use throws where the table was written by a newer release, or where a hub has several regions and the process does not
 * know which is its own. A table without a hub is nobody's yet.
 */
export function guarded(db: Db, region?: string): Db {
  let asked: Promise<unknown> | undefined;
  const check = (): Promise<unknown> =>
    (asked ??= mayUse(db, region).catch((error: unknown) => {
      asked = undefined;
      throw error;
    }));
  return {
    table: db.table,
    get: (...args) => check().then(() => db.get(...args)),
    getMany: (...args) => check().then(() => db.getMany(...args)),
    put: (...args) => check().then(() => db.put(...args)),
    update: (...args) => check().then(() => db.update(...args)),
    delete: (...args) => check().then(() => db.delete(...args)),
    async *query(...args) {
      await check();
      yield* db.query(...args);
    },
    transact: (...args) => check().then(() => db.transact(...args)),
  };
}

async function mayUse(db: Db, region: string | undefined): Promise<void> {
  const hub = await findHub(db);
  if (hub === undefined || region !== undefined) return;
  const { region: writer } = charterOf(hub);
  if (writer !== undefined)
    throw new Error(
      `this hub has several regions, ${writer} writes, and this process does not know its own: set FAIRLEAD_REGION (docs/regions.md)`,
    );
}
