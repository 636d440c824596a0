/**
 * An App's record of another epoch is not trusted with numbers: a region that was the writer before may have written it over
 * the newer one. What the App's rollouts say counts then, so that no number of a release or generation comes twice.
 */
import type { Rollout } from "#core/rollout.ts";
import type { Db } from "../store/db.ts";
import { listRollouts } from "../store/rollout.ts";
import type { AppRecord } from "../store/state.ts";

/** Of the newest, most were signed: the rest is withheld, and only one at a time is. */
const NEWEST = 3;

/** The record as it is in the epoch in force, without a read; else lifted above all that is there. */
export async function aboveAll(
  db: Db,
  record: AppRecord | undefined,
  epoch: number,
): Promise<AppRecord | undefined> {
  if (record === undefined || record.epoch === epoch) return record;
  return lifted(record, await listRollouts(db, record.project, record.app, NEWEST));
}

function lifted(record: AppRecord, rollouts: readonly Rollout[]): AppRecord {
  const newest = rollouts.find(({ state }) => state.kind !== "withheld");
  if (newest === undefined || newest.release <= record.release) return record;
  const { rolling: _, withheld, ...rest } = record;
  const top = Math.max(withheld ?? 0, ...rollouts.map(({ release }) => release));
  return {
    ...rest,
    release: newest.release,
    generation: Math.max(record.generation, newest.generation),
    ...(newest.state.kind === "pending" ? { rolling: newest.state.after } : {}),
    ...(top > newest.release ? { withheld: top } : {}),
  };
}
