/**
 * How content is stored that somebody is about to refer to: there, and young, so that no garbage collection that looked
 * before the reference was written takes it away. The reference follows within `RENEW_AFTER_MS`.
 */
import type { ObjectStore } from "./port.ts";

const TRIES_MAX = 3;

export async function keepObject(
  store: Pick<ObjectStore, "put" | "renew">,
  key: string,
  bytes: Uint8Array,
): Promise<void> {
  for (let attempt = 1; attempt <= TRIES_MAX; attempt++) {
    if ((await store.put(key, bytes)) === "stored") return;
    // Absent: deleted in between.
    if ((await store.renew(key)) !== "absent") return;
  }
  throw new Error(`object ${key} comes and goes: ${TRIES_MAX} tries to keep it`);
}

/** The same for what must be there already; throws where it is not. */
export async function renewObject(store: Pick<ObjectStore, "renew">, key: string): Promise<void> {
  if ((await store.renew(key)) === "absent") throw new Error(`the object store has no ${key} any more`);
}
