/** Whether a process may use the table at all, asked once in its life: before its first use, and again only if that failed. */
import type { Db } from "./db.ts";
import { findHub } from "./hub.ts";

/** Every use throws where the table was written by a newer release. A table without a hub is nobody's yet. */
export function guarded(db: Db): Db {
  let asked: Promise<unknown> | undefined;
  const check = (): Promise<unknown> =>
    (asked ??= findHub(db).catch((error: unknown) => {
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
