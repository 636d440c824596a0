/** Deliveries of webhooks that were taken, so that a copy does nothing; they age away by themselves. */
import type { Db } from "./db.ts";
import { keys } from "./table.ts";

/** Longer than providers offer to send one again. */
const DELIVERY_TTL_MS = 7 * 86_400_000;

export async function wasDelivered(db: Db, digest: string, now: number): Promise<boolean> {
  const item = await db.get(keys.delivery(digest), { consistent: true });
  return item !== undefined && (item["expires"] as number) * 1000 > now;
}

/** Lost where a copy was faster. */
export async function putDelivery(db: Db, digest: string, now: number): Promise<"written" | "lost"> {
  const expires = Math.ceil((now + DELIVERY_TTL_MS) / 1000);
  return db.put(
    { ...keys.delivery(digest), expires },
    {
      text: "attribute_not_exists(pk) OR #expires <= :now",
      names: { expires: "expires" },
      values: { now: Math.floor(now / 1000) },
    },
  );
}
