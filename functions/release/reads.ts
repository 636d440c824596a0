/**
 * What the last look at an App took from its repository, kept by digest. A commit that leaves all of it as it was cannot
 * change what the App renders to, so it costs no render: only the commit is noted.
 */
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { canonicalJson, sha256 } from "#core/digest.ts";
import { keepObject } from "../objects/keep.ts";
import type { ObjectStore } from "../objects/port.ts";
import { readsSchema, sameReads, type Reads } from "../render/reads.ts";
import { answersChanged } from "./capabilities.ts";
import type { Files } from "./content.ts";
import type { Situation } from "./situation.ts";

const READS_BYTES_MAX = 16 * 1024 * 1024;
const readsKey = (digest: string): string => `reads/${digest}.json.gz`;

export async function putReads(store: Pick<ObjectStore, "put" | "renew">, reads: Reads): Promise<string> {
  const text = canonicalJson(reads);
  const digest = sha256(text);
  await keepObject(store, readsKey(digest), await promisify(gzip)(text));
  return digest;
}

/** Undefined where it is not kept any more: then the App is rendered, which is always right. */
export async function getReads(store: Pick<ObjectStore, "get">, digest: string): Promise<Reads | undefined> {
  const zipped = await store.get(readsKey(digest));
  if (zipped === undefined) return undefined;
  const text = await promisify(gunzip)(zipped, { maxOutputLength: READS_BYTES_MAX });
  return readsSchema.parse(JSON.parse(text.toString("utf8")));
}

/** True when nothing but the commit is new, and the commit changes nothing that the App's renders read. */
export async function isUntouched(
  objects: Pick<ObjectStore, "get">,
  situation: Situation,
  readFiles: () => Promise<Files>,
): Promise<boolean> {
  const { app, record, fixed } = situation;
  if (app.deleting || record?.reads === undefined || record.release === 0) return false;
  // What is pinned is compared with what went back, which needs the bundles.
  if (record.pinned !== undefined) return false;
  if (record.error !== undefined || record.fixed !== fixed) return false;
  if (await answersChanged(objects, situation)) return false;
  const reads = await getReads(objects, record.reads);
  return reads !== undefined && sameReads(reads, await readFiles());
}
