/**
 * Browser sessions, by the SHA-256 of the cookie's value. Whose it is stands here; what they may is looked up at each
 * request, so a role that is taken away is gone at once. A session ends by time, or by logout.
 */
import * as z from "zod";
import { ruleSchema } from "#core/access.ts";
import { actorSchema } from "#core/actor.ts";
import type { Db, TransactItem } from "./db.ts";
import { keys } from "./table.ts";

const sessionSchema = z.object({
  proof: z.discriminatedUnion("kind", [
    /** A person of the configured provider. */
    z.object({ kind: z.literal("person"), actor: actorSchema }),
    /** Opened with an API token: it holds while that token does. */
    z.object({ kind: z.literal("api-token"), digest: z.string() }),
    /** Opened with the one-time token of the first admin. */
    z.object({ kind: z.literal("bootstrap"), actor: actorSchema, rules: z.array(ruleSchema) }),
  ]),
  createdAt: z.number(),
  expiresAt: z.number(),
});
export type Session = z.infer<typeof sessionSchema>;

/** `beside` is written with it or not at all. */
export async function putSession(
  db: Db,
  digest: string,
  session: Session,
  beside: readonly TransactItem[] = [],
): Promise<"written" | "lost"> {
  const item = { ...keys.session(digest), ...session, expires: Math.ceil(session.expiresAt / 1000) };
  const condition = "attribute_not_exists(pk)";
  if (beside.length === 0) return db.put(item, { text: condition });
  return db.transact([
    { Put: { TableName: db.table, Item: item, ConditionExpression: condition } },
    ...beside,
  ]);
}

/** Read consistently: after a logout there is none. Undefined also when its time is up. */
export async function getSession(db: Db, digest: string, now: number): Promise<Session | undefined> {
  const item = await db.get(keys.session(digest), { consistent: true });
  if (item === undefined) return undefined;
  const session = sessionSchema.parse(item);
  return session.expiresAt > now ? session : undefined;
}

export async function deleteSession(db: Db, digest: string): Promise<void> {
  await db.delete(keys.session(digest), { text: "attribute_exists(pk)" });
}
