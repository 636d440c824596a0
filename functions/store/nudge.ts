/**
 * "Look at this source": written by webhooks, read by whoever polls. One small item for each Source, with the time of the
 * newest; that it is there at all says that webhooks arrive.
 */
import * as z from "zod";
import { readAll, type Db } from "./db.ts";
import { keys, lists } from "./table.ts";

const nudgeSchema = z.object({
  project: z.string(),
  source: z.string(),
  /** Milliseconds since 1970. */
  at: z.number(),
  by: z.string(),
});
export type Nudge = z.infer<typeof nudgeSchema>;

/** Lost where a newer one is there already: then that one does. */
export async function putNudge(
  db: Db,
  project: string,
  source: string,
  at: number,
  by: string,
): Promise<"written" | "lost"> {
  return db.put(
    { ...keys.nudge(project, source), project, source, at, by },
    { text: "attribute_not_exists(pk) OR #at < :at", names: { at: "at" }, values: { at } },
  );
}

export async function getNudge(db: Db, project: string, source: string): Promise<Nudge | undefined> {
  const item = await db.get(keys.nudge(project, source), { consistent: true });
  return item === undefined ? undefined : nudgeSchema.parse(item);
}

/** By the name of the Source. */
export async function listNudges(db: Db, project: string): Promise<Map<string, Nudge>> {
  const items = await readAll(db, lists.nudges(project));
  return new Map(items.map((item) => nudgeSchema.parse(item)).map((nudge) => [nudge.source, nudge]));
}
