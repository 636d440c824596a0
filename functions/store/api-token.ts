/**
 * API tokens: the token itself is never here, only its SHA-256. Two items each: one by the hash, which a request reads,
 * and an entry in the project's list, by which people see and revoke it. Both go together or not at all.
 */
import * as z from "zod";
import { apiTokenViewSchema } from "#core/account.ts";
import { stampSchema, type Stamp } from "#core/actor.ts";
import type { Db, Item, TransactItem } from "./db.ts";
import { readPage, type Page, type PageAsked } from "./page.ts";
import { keys, lists, type Key } from "./table.ts";

/** What its maker called its rules is `role`; the rules themselves are frozen at its making. */
const tokenSchema = apiTokenViewSchema.omit({ by: true });
export type ApiToken = z.infer<typeof tokenSchema>;

const entrySchema = tokenSchema.extend({ stamp: stampSchema, digest: z.string(), version: z.number() });
export type ApiTokenEntry = z.infer<typeof entrySchema>;

/** `digest` is the SHA-256 of the token. `beside` is written with it or not at all. */
export async function putApiToken(
  db: Db,
  token: ApiToken,
  digest: string,
  stamp: Stamp,
  beside: readonly TransactItem[] = [],
): Promise<"written" | "lost"> {
  const expires = Math.ceil(token.expiresAt / 1000);
  const entry = { ...token, digest, stamp, version: 1, expires };
  return db.transact([
    created(db, { ...keys.apiToken(digest), ...token, expires }),
    created(db, { ...keys.apiTokenEntry(token.project, token.id), ...entry }),
    ...beside,
  ]);
}

function created(db: Db, item: Key & Item): TransactItem {
  return { Put: { TableName: db.table, Item: item, ConditionExpression: "attribute_not_exists(pk)" } };
}

/** Read consistently, so that a revoked token is refused from the next request on. Undefined when unknown or expired. */
export async function getApiToken(db: Db, digest: string, now: number): Promise<ApiToken | undefined> {
  const item = await db.get(keys.apiToken(digest), { consistent: true });
  if (item === undefined) return undefined;
  const token = tokenSchema.parse(item);
  return token.expiresAt > now ? token : undefined;
}

/** Those of a project that still hold, by id. */
export async function pageApiTokens(
  db: Db,
  project: string,
  now: number,
  asked: PageAsked,
): Promise<Page<ApiTokenEntry>> {
  const keep = (item: Item): boolean => holds(item, now);
  const { items, ...rest } = await readPage(db, lists.apiTokens(project), { ...asked, keep });
  return { ...rest, items: items.map((item) => entrySchema.parse(item)) };
}

export async function getApiTokenEntry(
  db: Db,
  project: string,
  id: string,
  now: number,
): Promise<ApiTokenEntry | undefined> {
  const item = await db.get(keys.apiTokenEntry(project, id), { consistent: true });
  return item === undefined || !holds(item, now) ? undefined : entrySchema.parse(item);
}

/** The table removes what has expired only in a while. */
function holds(item: Item, now: number): boolean {
  return item["deleting"] !== true && (item["expiresAt"] as number) > now;
}

/** Worth nothing from here on; the mark on its entry tells the stream by whom, then the entry goes too. */
export async function deleteApiToken(
  db: Db,
  entry: ApiTokenEntry,
  stamp: Stamp,
): Promise<"written" | "lost"> {
  const entryKey = keys.apiTokenEntry(entry.project, entry.id);
  const revoked = await db.transact([
    { Delete: { TableName: db.table, Key: keys.apiToken(entry.digest) } },
    {
      Update: {
        TableName: db.table,
        Key: entryKey,
        UpdateExpression: "SET #deleting = :true, #version = :next, #stamp = :stamp",
        ConditionExpression: "#version = :was",
        ExpressionAttributeNames: { "#deleting": "deleting", "#version": "version", "#stamp": "stamp" },
        ExpressionAttributeValues: {
          ":true": true,
          ":next": entry.version + 1,
          ":was": entry.version,
          ":stamp": stamp,
        },
      },
    },
  ]);
  if (revoked === "lost") return "lost";
  await db.delete(entryKey, {
    text: "#version = :next",
    names: { version: "version" },
    values: { next: entry.version + 1 },
  });
  return "written";
}

/**
 * Registers a token that is kept elsewhere (a local hub's own), so that it holds until `expiresAt`. Written only when
 * it is not there, or would end in less than half its time.
 */
export async function keepApiToken(
  db: Db,
  token: ApiToken,
  digest: string,
  stamp: Stamp,
): Promise<"written" | "kept"> {
  const before = await db.get(keys.apiToken(digest), { consistent: true });
  const half = token.createdAt + (token.expiresAt - token.createdAt) / 2;
  if (before !== undefined && (before["expiresAt"] as number) > half) return "kept";
  const entry = await db.get(keys.apiTokenEntry(token.project, token.id), { consistent: true });
  const was = entry?.["version"] as number | undefined;
  const expires = Math.ceil(token.expiresAt / 1000);
  const written = await db.put(
    {
      ...keys.apiTokenEntry(token.project, token.id),
      ...token,
      digest,
      stamp,
      version: (was ?? 0) + 1,
      expires,
    },
    was === undefined
      ? { text: "attribute_not_exists(pk)" }
      : { text: "#version = :was", names: { version: "version" }, values: { was } },
  );
  if (written === "lost") return "kept";
  await db.put(
    { ...keys.apiToken(digest), ...token, expires },
    {
      text: "attribute_not_exists(pk) OR #expiresAt < :expiresAt",
      names: { expiresAt: "expiresAt" },
      values: { expiresAt: token.expiresAt },
    },
  );
  return "written";
}
