/** Source trees, bundles, target pages, audit documents: immutable content, so versions are a net against mistakes. */
export const objects = new sst.aws.Bucket("Objects", { versioning: true });
