/** Stream → timelines: what changed of a rollout becomes an entry. Made of the record's two images: nothing is written twice by hand. */
import type { DynamoDBRecord } from "aws-lambda";
import { timelineOf } from "#core/rollout.ts";
import type { Db } from "../store/db.ts";
import { rolloutOfItem } from "../store/rollout.ts";
import { putTimelineEntry } from "../store/timeline.ts";
import { changeOf } from "./change.ts";

export async function recordTimelines(db: Db, records: readonly DynamoDBRecord[]): Promise<void> {
  for (const record of records) {
    const change = changeOf(record);
    if (change?.kind !== "rollout" || change.after === undefined) continue;
    const after = rolloutOfItem(change.after);
    const before = change.before === undefined ? undefined : rolloutOfItem(change.before);
    const at = (record.dynamodb?.ApproximateCreationDateTime ?? 0) * 1000;
    const entry = timelineOf(before, after, at);
    if (entry !== undefined) await putTimelineEntry(db, after, entry);
  }
}
