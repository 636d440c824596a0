/** One-time tokens for the first admin, by their SHA-256: whoever removes the item within its time has redeemed it. */
import type { Db, TransactItem } from "./db.ts";
import { keys } from "./table.ts";

export async function putBootstrap(db: Db, digest: string, expiresAt: number): Promise<void> {
  const item = { ...keys.bootstrap(digest), expiresAt, expires: Math.ceil(expiresAt / 1000) };
  await db.put(item, { text: "attribute_not_exists(pk)" });
}

/** To be written with what the token buys: both, or neither. */
export function bootstrapRedemption(db: Db, digest: string, now: number): TransactItem {
  return {
    Delete: {
      TableName: db.table,
      Key: keys.bootstrap(digest),
      ConditionExpression: "#expiresAt > :now",
      ExpressionAttributeNames: { "#expiresAt": "expiresAt" },
      ExpressionAttributeValues: { ":now": now },
    },
  };
}
