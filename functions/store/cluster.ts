/**
 * A cluster's line (its key and its counter: all that an idle poll reads), its heartbeat, and the tokens with which
 * it registers once.
 */
import { z } from "zod";
import { publicKeySchema, type PublicKey } from "#core/charter.ts";
import { sha256 } from "#core/digest.ts";
import { SILENT_AFTER_MS } from "#core/limits.ts";
import { readAll, type Db } from "./db.ts";
import { keys, lists } from "./table.ts";

const lineSchema = z.object({
  project: z.string(),
  cluster: z.string(),
  key: publicKeySchema.optional(),
  desired: z.number().int(),
  pollMs: z.number().int(),
});
export type Line = z.infer<typeof lineSchema>;

export async function getLine(db: Db, project: string, cluster: string): Promise<Line | undefined> {
  const item = await db.get(keys.line(project, cluster));
  return item === undefined ? undefined : lineSchema.parse(item);
}

export async function putToken(
  db: Db,
  project: string,
  cluster: string,
  secret: string,
  expiresAt: number,
): Promise<void> {
  const item = {
    ...keys.token(sha256(secret)),
    project,
    cluster,
    expiresAt,
    expires: Math.ceil(expiresAt / 1000),
  };
  await db.put(item, { text: "attribute_not_exists(pk)" });
}

export type Redeemed =
  | { kind: "redeemed"; project: string; cluster: string }
  | { kind: "refused"; message: string };

/** The token binds to the first key that comes with it; the same pair may repeat until it expires. */
export async function redeemToken(db: Db, secret: string, key: PublicKey, now: number): Promise<Redeemed> {
  const tokenKey = keys.token(sha256(secret));
  const item = await db.get(tokenKey, { consistent: true });
  if (item === undefined) return refused("the token is unknown");
  if ((item["expiresAt"] as number) < now) return refused("the token has expired");
  const bound = await db.update(
    tokenKey,
    { text: "SET #x = :x", names: { x: "x" }, values: { x: key.x } },
    "attribute_exists(pk) AND (attribute_not_exists(#x) OR #x = :x)",
  );
  if (bound === "lost") return refused("the token was used with another key");
  const { project, cluster } = item as { project: string; cluster: string };
  const put = await db.update(
    keys.line(project, cluster),
    { text: "SET #key = :key", names: { key: "key" }, values: { key } },
    "attribute_exists(pk)",
  );
  return put === "lost"
    ? refused(`cluster ${cluster} is not there any more`)
    : { kind: "redeemed", project, cluster };
}

function refused(message: string): Redeemed {
  return { kind: "refused", message: `${message}: make a new one with "fairlead cluster register"` };
}

const beatSchema = z.object({
  cluster: z.string(),
  heardAt: z.number(),
  agent: z.string().optional(),
  kubernetes: z.string().optional(),
});
export type Beat = z.infer<typeof beatSchema>;

export interface Heard {
  agent?: string | undefined;
  kubernetes?: string | undefined;
}

export async function putBeat(
  db: Db,
  project: string,
  cluster: string,
  now: number,
  heard: Heard = {},
): Promise<void> {
  const told = Object.entries(heard).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const fields: [string, unknown][] = [["cluster", cluster], ["heardAt", now], ...told];
  await db.update(keys.beat(project, cluster), {
    text: `SET ${fields.map(([name]) => `#${name} = :${name}`).join(", ")}`,
    names: Object.fromEntries(fields.map(([name]) => [name, name])),
    values: Object.fromEntries(fields),
  });
}

export async function listBeats(db: Db, project: string): Promise<Map<string, Beat>> {
  const items = await readAll(db, lists.beats(project));
  return new Map(items.map((item) => beatSchema.parse(item)).map((beat) => [beat.cluster, beat]));
}

export async function deleteBeat(db: Db, project: string, cluster: string): Promise<void> {
  await db.delete(keys.beat(project, cluster));
}

/** By cluster; who never beat is absent. */
export async function getBeats(
  db: Db,
  project: string,
  clusters: readonly string[],
): Promise<Map<string, Beat>> {
  const items = await db.getMany(clusters.map((cluster) => keys.beat(project, cluster)));
  return new Map(items.map((item) => beatSchema.parse(item)).map((beat) => [beat.cluster, beat]));
}

/** Never heard counts as silent. */
export function isSilent(beat: Beat | undefined, now: number): boolean {
  return beat === undefined || now - beat.heardAt > SILENT_AFTER_MS;
}
