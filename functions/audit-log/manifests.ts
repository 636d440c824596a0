/**
 * What a cluster was given at a moment, out of the log: the assignment that was the newest then, and the objects of its
 * bundle. Values of Secrets never leave here.
 */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import * as z from "zod";
import { sha256 } from "#core/digest.ts";
import { BUNDLE_BYTES_MAX } from "#core/limits.ts";
import { kubeObjectSchema, type KubeObject } from "#core/object.ts";
import { assignedSchema, type Assigned } from "#core/placement.ts";
import { isFields } from "#core/pointer.ts";
import { isSecret } from "#core/secret.ts";
import type { ObjectStore } from "../objects/port.ts";
import { bundleKey } from "../release/content-key.ts";
import { batchesDown, getLogBatch, getLogTip } from "../store/audit-log.ts";
import type { Db } from "../store/db.ts";
import { recordsOf } from "./read.ts";

const unzip = promisify(gunzip);
/** A search that is longer goes on in the next request. */
const BATCHES_LOOKED_MAX = 3000;
const BATCHES_AT_ONCE = 50;
/** Age of a change, by the table's clock, at which the stream gives up on it: none reaches the log later. */
const LAG_MS_MAX = 60 * 60_000;
const PAGE_CHARS_MAX = 3 * 1024 * 1024;
const HIDDEN = "(hidden)";

export type Searched =
  | { kind: "found"; record: number; assigned: Assigned }
  | { kind: "none" }
  /** Nothing down to, not including, batch `below`. */
  | { kind: "searching"; below: number };

/** `below`: where the search before ended. */
export async function assignmentAt(
  db: Db,
  placement: { project: string; app: string; cluster: string },
  at: number,
  below?: number,
): Promise<Searched> {
  const { project, app, cluster } = placement;
  const from = below === undefined ? await batchAfter(db, project, at + LAG_MS_MAX) : below - 1;
  const name = `${app}/${cluster}`;
  let looked = 0;
  if (from < 1) return { kind: "none" };
  for await (const stored of batchesDown(db, project, from, BATCHES_AT_ONCE)) {
    if (looked === BATCHES_LOOKED_MAX) return { kind: "searching", below: stored.place + 1 };
    looked += 1;
    if (stored.text?.includes(JSON.stringify(name)) === false) continue;
    for (const record of (recordsOf(stored) ?? []).toReversed()) {
      if (record.noun !== "assignment" || record.name !== name) continue;
      if (record.action === "deleted" && record.at <= at) return { kind: "none" };
      const assigned = assignedSchema.safeParse(record.after);
      if (assigned.success && assigned.data.at <= at)
        return { kind: "found", record: record.n, assigned: assigned.data };
    }
  }
  return { kind: "none" };
}

/** The first batch with a change after `at`, by halves; the newest where there is none. */
async function batchAfter(db: Db, project: string, at: number): Promise<number> {
  const tip = await getLogTip(db, project);
  let [low, high] = [1, tip.n];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const batch = await getLogBatch(db, project, middle);
    // A batch that is missing tells nothing: the search begins at the newest.
    if (batch === undefined) return tip.n;
    if (batch.upTo > at) high = middle;
    else low = middle + 1;
  }
  return high;
}

const bundleSchema = z.object({ objects: z.array(kubeObjectSchema) });

/** Undefined when the store does not have it any more. Throws when it has other bytes than the digest says. */
export async function readManifests(
  objects: Pick<ObjectStore, "get">,
  digest: string,
): Promise<KubeObject[] | undefined> {
  const zipped = await objects.get(bundleKey(digest));
  if (zipped === undefined) return undefined;
  const bytes = await unzip(zipped, { maxOutputLength: BUNDLE_BYTES_MAX });
  const found = sha256(bytes);
  if (found !== digest) throw new Error(`bundle ${digest} has other bytes now: their digest is ${found}`);
  return bundleSchema.parse(JSON.parse(bytes.toString("utf8"))).objects.map(masked);
}

/** At least one object, and as many as an answer holds. */
export function manifestPage(
  objects: readonly KubeObject[],
  from: number,
): { objects: KubeObject[]; next?: number } {
  let [chars, end] = [0, from];
  while (end < objects.length && (end === from || chars < PAGE_CHARS_MAX))
    chars += JSON.stringify(objects[end++]).length;
  return { objects: objects.slice(from, end), ...(end < objects.length ? { next: end } : {}) };
}

/** Annotations of a Secret too: `kubectl apply` keeps a copy of the data in one. */
function masked(object: KubeObject): KubeObject {
  if (!isSecret(object)) return object;
  const hide = (values: unknown): unknown =>
    isFields(values) ? Object.fromEntries(Object.keys(values).map((name) => [name, HIDDEN])) : values;
  const hidden = ["data", "stringData"].filter((name) => name in object);
  const { annotations } = object.metadata as { annotations?: unknown };
  return {
    ...object,
    metadata: {
      ...object.metadata,
      ...(annotations === undefined ? {} : { annotations: hide(annotations) }),
    },
    ...Object.fromEntries(hidden.map((name) => [name, hide(object[name])])),
  } as KubeObject;
}
