/**
 * Source trees, bundles, target pages, audit documents: immutable content. The garbage collection deletes by version, so that it
 * cannot hit what was renewed meanwhile.
 */
export const objects = new sst.aws.Bucket("Objects", {
  versioning: true,
  // Only functions read it: no browser has a reason to ask.
  cors: false,
});
