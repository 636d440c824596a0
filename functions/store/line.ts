/** A cluster's line: its key and its counter, all that an idle poll reads. At most 512 bytes, whatever happens to it. */
import * as z from "zod";
import { publicKeySchema } from "#core/charter.ts";
import { DUPLICATE_EVENT_EVERY_MS } from "#core/limits.ts";
import type { Db } from "./db.ts";
import { keys } from "./table.ts";

export const lineSchema = z.object({
  project: z.string(),
  cluster: z.string(),
  key: publicKeySchema.optional(),
  /** `x` of the key that `key` replaced: good until then, or until `key` is first used. */
  previous: z.string().optional(),
  previousUntil: z.number().optional(),
  revoked: z.boolean().optional(),
  /** `x` of the key that was revoked last: it never registers again. */
  revokedKey: z.string().optional(),
  /** How often a key was revoked here; a token holds only for the count that it was made at. */
  revocations: z.number().int().optional(),
  /** The agent is asked to take a new key. */
  rotate: z.boolean().optional(),
  /** When this key was last told to be used from two places. */
  twiceAt: z.number().optional(),
  desired: z.number().int(),
  pollMs: z.number().int(),
});
export type Line = z.infer<typeof lineSchema>;

export async function getLine(
  db: Db,
  project: string,
  cluster: string,
  options: { consistent?: boolean } = {},
): Promise<Line | undefined> {
  const item = await db.get(keys.line(project, cluster), options);
  return item === undefined ? undefined : lineSchema.parse(item);
}

/** On the line, because that is what the outbox looks at; heartbeats are not. */
export async function noteTwice(db: Db, { project, cluster, twiceAt }: Line, now: number): Promise<void> {
  if (twiceAt !== undefined && now - twiceAt < DUPLICATE_EVENT_EVERY_MS) return;
  await db.update(
    keys.line(project, cluster),
    {
      text: "SET #twiceAt = :now",
      names: { twiceAt: "twiceAt" },
      values: { now, since: now - DUPLICATE_EVENT_EVERY_MS },
    },
    "attribute_exists(pk) AND (attribute_not_exists(#twiceAt) OR #twiceAt <= :since)",
  );
}

/** The new key was used: the one it replaced is worth nothing from here on. */
export async function retirePrevious(db: Db, { project, cluster, key }: Line): Promise<void> {
  await db.update(
    keys.line(project, cluster),
    {
      text: "REMOVE #previous, #until",
      names: { previous: "previous", until: "previousUntil", key: "key", x: "x" },
      values: { x: key?.x ?? "" },
    },
    "#key.#x = :x",
  );
}
