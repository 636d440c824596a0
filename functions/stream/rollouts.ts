/** Folds a batch of stream records into the Apps whose rollouts have something new to see: one tick each. */
import type { DynamoDBRecord } from "aws-lambda";
import { placementSchema } from "#core/placement.ts";
import { changeOf } from "./change.ts";

export interface AppName {
  project: string;
  app: string;
}

export function appsReported(records: readonly DynamoDBRecord[]): AppName[] {
  const found = new Map<string, AppName>();
  for (const record of records) {
    const change = changeOf(record);
    if (change?.kind !== "placement" || change.after === undefined) continue;
    const { project, app, observed } = placementSchema.parse(change.after);
    const was = change.before === undefined ? undefined : placementSchema.parse(change.before).observed;
    if (observed !== undefined && observed.seq !== was?.seq) found.set(`${project}/${app}`, { project, app });
  }
  return [...found.values()];
}
