/**
 * Source trees, bundles, target pages, audit documents: immutable content. The garbage collection deletes by version, so that it
 * cannot hit what was renewed meanwhile.
 */
import { place } from "./regions.ts";

/** Of every bucket of objects, in each region. */
export const kept = {
  versioning: true,
  // Only functions read it: no browser has a reason to ask.
  cors: false,
} as const;

export const objects =
  place.kind === "second" ? sst.aws.Bucket.get("Objects", place.bucket) : new sst.aws.Bucket("Objects", kept);
