/** Buckets, how they are kept, and the single objects that SST puts into its own: packages of functions. */
import { readFile } from "node:fs/promises";
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectCommand,
  DeletePublicAccessBlockCommand,
  ListObjectVersionsCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
  S3Client,
  type BucketVersioningStatus,
  type PublicAccessBlockConfiguration,
} from "@aws-sdk/client-s3";
import { awsNames, gone, kind } from "./kind.ts";

const s3 = new S3Client({ forcePathStyle: true });
const GONE = "NoSuchBucket";

export const bucket = kind<{ bucket: string; forceDestroy?: boolean }>({
  names: ["bucket"],
  create: async ({ bucket: Bucket }) => {
    await s3.send(new CreateBucketCommand({ Bucket }));
    const host = `${Bucket}.s3.amazonaws.com`;
    const outs = { arn: `arn:aws:s3:::${Bucket}`, bucketDomainName: host, bucketRegionalDomainName: host };
    return { id: Bucket, outs };
  },
  update: () => Promise.resolve({}),
  remove: async (Bucket, { forceDestroy }) => {
    if (forceDestroy === true) await gone(empty(Bucket), GONE);
    await gone(s3.send(new DeleteBucketCommand({ Bucket })), GONE);
  },
});

async function empty(Bucket: string): Promise<void> {
  let more = true;
  while (more) {
    const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    const found = [...Versions, ...DeleteMarkers];
    for (const { Key, VersionId } of found)
      await s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
    more = found.length > 0;
  }
}

interface Versioning {
  bucket: string;
  versioningConfiguration: { status: BucketVersioningStatus };
}

export const bucketVersioning = kind<Versioning>({
  names: ["bucket", "versioningConfiguration"],
  create: async ({ bucket: Bucket, versioningConfiguration: { status: Status } }) => {
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }));
    return { id: Bucket, outs: {} };
  },
  // It goes with its bucket.
  remove: () => Promise.resolve(),
});

export const bucketPublicAccessBlock = kind<{ bucket: string }>({
  names: ["bucket"],
  create: async ({ bucket: Bucket, ...given }) => {
    const PublicAccessBlockConfiguration = awsNames(given) as PublicAccessBlockConfiguration;
    await s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration }));
    return { id: Bucket, outs: {} };
  },
  remove: (Bucket) => gone(s3.send(new DeletePublicAccessBlockCommand({ Bucket })), GONE),
});

export const bucketPolicy = kind<{ bucket: string; policy: string }>({
  names: ["bucket", "policy"],
  create: async ({ bucket: Bucket, policy }) => {
    const Policy = overHttp(policy);
    if (Policy !== undefined) await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }));
    return { id: Bucket, outs: {} };
  },
  remove: (Bucket) => gone(s3.send(new DeleteBucketPolicyCommand({ Bucket })), GONE),
});

/** The emulator is spoken to without TLS, which the policy that SST gives to every bucket forbids: that statement is left out. */
function overHttp(policy: string): string | undefined {
  const document = JSON.parse(policy) as { Statement: { Condition?: { Bool?: Record<string, unknown> } }[] };
  const Statement = document.Statement.filter(
    ({ Condition }) => !("aws:SecureTransport" in (Condition?.Bool ?? {})),
  );
  return Statement.length === 0 ? undefined : JSON.stringify({ ...document, Statement });
}

interface BucketObject {
  bucket: string;
  key: string;
  source: { path: string };
}

export const bucketObject = kind<BucketObject>({
  names: ["bucket", "key", "source"],
  create: async ({ bucket: Bucket, key: Key, source: { path } }) => {
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: await readFile(path) }));
    return { id: Key, outs: {} };
  },
  remove: (Key, { bucket: Bucket }) => gone(s3.send(new DeleteObjectCommand({ Bucket, Key })), GONE),
});
