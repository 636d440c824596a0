/**
 * Folds a batch of stream records into the rollouts that have something new to see, each with the clusters that reported.
 * Words on the way (received, applying, progressing) change nothing of what a rollout knows.
 */
import type { DynamoDBRecord } from "aws-lambda";
import { placementSchema, type Placement } from "#core/placement.ts";
import { isUnderWay } from "#core/protocol.ts";
import { changeOf } from "./change.ts";

export interface RolloutReported {
  project: string;
  app: string;
  release: number;
  reported: { rank: number; cluster: string }[];
}

export function rolloutsReported(records: readonly DynamoDBRecord[]): RolloutReported[] {
  const found = new Map<string, RolloutReported>();
  for (const record of records) {
    const change = changeOf(record);
    if (change?.kind !== "placement" || change.after === undefined) continue;
    const after = placementSchema.parse(change.after);
    const before = change.before === undefined ? undefined : placementSchema.parse(change.before);
    const { project, app, cluster, assigned } = after;
    if (assigned?.rollout === undefined || assigned.rank === undefined || !isNews(before, after)) continue;
    const key = `${project}/${app}/${assigned.rollout}`;
    const one = found.get(key) ?? { project, app, release: assigned.rollout, reported: [] };
    if (!one.reported.some((held) => held.cluster === cluster))
      one.reported.push({ rank: assigned.rank, cluster });
    found.set(key, one);
  }
  return [...found.values()];
}

function isNews(before: Placement | undefined, { observed }: Placement): boolean {
  const was = before?.observed;
  if (observed === undefined || observed.seq === was?.seq) return false;
  if (isUnderWay(observed.phase) && (was === undefined || isUnderWay(was.phase))) return false;
  return (
    was?.phase !== observed.phase || was.generation !== observed.generation || was.epoch !== observed.epoch
  );
}
