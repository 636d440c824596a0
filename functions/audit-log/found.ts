/**
 * Batches as they stand, with their anchors, in pages upwards: what a check of the log is made of, here or at whoever
 * asks for them. The log may grow meanwhile; that is never taken for damage.
 */
import type { FoundBatch } from "#core/audit-chain.ts";
import type { FoundPage } from "#core/audit-view.ts";
import type { ObjectStore } from "../objects/port.ts";
import { batchesUp, getLogTip } from "../store/audit-log.ts";
import type { Db } from "../store/db.ts";
import { getAnchor } from "./anchor.ts";

const BATCHES_MAX = 200;
const PAGE_BYTES_MAX = 2 * 1024 * 1024;
const BATCHES_AT_ONCE = 25;
const ANCHORS_AT_ONCE = 20;

export interface FoundDeps {
  db: Db;
  objects: Pick<ObjectStore, "get">;
}

export async function readFound(deps: FoundDeps, project: string, after: number): Promise<FoundPage> {
  const { batches, more } = await readBatches(deps.db, project, after);
  await addAnchors(deps.objects, project, batches);
  const last = batches.at(-1);
  const place = last?.place ?? after;
  if (more) return { batches, next: place };
  // The newest is anchored after it was written.
  if (last?.anchor === "absent") last.anchor = undefined;
  const beyond = await getAnchor(deps.objects, project, place + 1);
  if (beyond === undefined) return { batches };
  const tip = await getLogTip(deps.db, project);
  return tip.n > place ? { batches, next: place } : { batches, beyond };
}

async function readBatches(db: Db, project: string, after: number) {
  const batches: FoundBatch[] = [];
  let bytes = 0;
  for await (const { place, hash, text } of batchesUp(db, project, after, BATCHES_AT_ONCE)) {
    if (batches.length === BATCHES_MAX || bytes > PAGE_BYTES_MAX) return { batches, more: true };
    batches.push({ place, hash, text });
    bytes += text?.length ?? 0;
  }
  return { batches, more: false };
}

async function addAnchors(
  objects: Pick<ObjectStore, "get">,
  project: string,
  batches: readonly FoundBatch[],
): Promise<void> {
  for (let start = 0; start < batches.length; start += ANCHORS_AT_ONCE)
    await Promise.all(
      batches.slice(start, start + ANCHORS_AT_ONCE).map(async (batch) => {
        batch.anchor = (await getAnchor(objects, project, batch.place)) ?? "absent";
      }),
    );
}
