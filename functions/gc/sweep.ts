/**
 * Deletes what nothing named when the mark began, if it was stored long enough before. What is needed is made young again
 * from time to time, so that the age of anything tells how long nobody has needed it.
 */
import type { ObjectStore, StoredObject } from "../objects/port.ts";
import { COLLECTED, type Collected, type Needed } from "./mark.ts";

const DAY_MS = 24 * 60 * 60_000;
/** Whoever stores content names it within a day (`functions/objects/port.ts`); two more are left for clocks and sleep. */
const GRACE_MS = 3 * DAY_MS;
/** The manifests that a cluster was given can be told from the audit log for this long. */
const AUDIT_WINDOW_MS = 400 * DAY_MS;
/** Age at which what is needed is made young. */
const IN_USE_RENEWED_MS = 30 * DAY_MS;
/** Besides the window: the age of what is in use, and a month in which no collection ran. */
const BUNDLES_KEPT_MS = AUDIT_WINDOW_MS + IN_USE_RENEWED_MS + 30 * DAY_MS;

const KEPT_MS: Readonly<Record<Collected, number>> = {
  apis: GRACE_MS,
  bundles: BUNDLES_KEPT_MS,
  charts: GRACE_MS,
  reads: GRACE_MS,
  targets: GRACE_MS,
  trees: GRACE_MS,
};

export interface Swept {
  kept: number;
  renewed: number;
  deleted: number;
  /** False where the time was up: the next run goes on. */
  done: boolean;
}

type Store = Pick<ObjectStore, "renew" | "list" | "delete">;

interface Sweep {
  objects: Store;
  needed: Needed;
  /** When the mark began. */
  markedAt: number;
  /** Asked before each object: false ends the sweep. */
  hasTime: () => boolean;
}

export async function sweep(asked: Sweep): Promise<Swept> {
  const swept: Swept = { kept: 0, renewed: 0, deleted: 0, done: true };
  for (const folder of COLLECTED) {
    let current: string | undefined;
    for await (const object of asked.objects.list(folder)) {
      if (!asked.hasTime()) return { ...swept, done: false };
      if (object.current) current = object.key;
      const what = fateOf(asked, folder, object, current === object.key);
      if (what === "delete") await asked.objects.delete(object.key, object.version);
      if (what === "renew") await asked.objects.renew(object.key);
      swept[what === "delete" ? "deleted" : what === "renew" ? "renewed" : "kept"] += 1;
    }
  }
  return swept;
}

/** `replaced`: there is a current version, of which this one is an older one or itself. */
function fateOf(
  { needed, markedAt }: Sweep,
  folder: Collected,
  { key, at, current }: StoredObject,
  replaced: boolean,
): "keep" | "renew" | "delete" {
  const digest = digestIn(key);
  // Nobody of ours stored that.
  if (digest === undefined) return "keep";
  const age = markedAt - at;
  if (!needed[folder].has(digest)) return age > KEPT_MS[folder] ? "delete" : "keep";
  if (!current) return replaced && age > GRACE_MS ? "delete" : "keep";
  return age > IN_USE_RENEWED_MS ? "renew" : "keep";
}

function digestIn(key: string): string | undefined {
  return /^[a-z]+\/([0-9a-f]{64})(?:\.[a-z.]+)?$/.exec(key)?.[1];
}
