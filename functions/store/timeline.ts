/** A rollout's timeline: one small item for each entry, named by the version of the record, so that twice is once. */
import { timelineEntrySchema, type TimelineEntry } from "#core/rollout.ts";
import { type Db } from "./db.ts";
import { readPage, type Page, type PageAsked } from "./page.ts";
import { keys, lists } from "./table.ts";

export async function putTimelineEntry(
  db: Db,
  { project, app, release }: { project: string; app: string; release: number },
  entry: TimelineEntry,
): Promise<void> {
  const item = { ...keys.timeline(project, app, release, entry.version), ...entry };
  await db.put(item, { text: "attribute_not_exists(pk)" });
}

/** In order of time. */
export async function pageTimeline(
  db: Db,
  project: string,
  app: string,
  release: number,
  asked: PageAsked,
): Promise<Page<TimelineEntry>> {
  const page = await readPage(db, lists.timeline(project, app, release), asked);
  return { ...page, items: page.items.map((item) => timelineEntrySchema.parse(item)) };
}
