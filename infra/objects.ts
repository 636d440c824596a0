/** Source trees, bundles, target pages, audit documents: immutable content, so versions are a net against mistakes. */
export const objects = new sst.aws.Bucket("Objects", {
  versioning: true,
  // Only functions read it: no browser has a reason to ask.
  cors: false,
});
