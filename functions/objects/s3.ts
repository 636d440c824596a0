/**
 * The object store on S3. "Never overwrites" is S3's own conditional write, so it holds among any number of
 * writers. A lost answer to a write that was made shows as "exists" on the retry: who needs to know whether it was
 * the first reads the object back and compares.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  NoSuchKey,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { checkFolder, checkObjectKey, checkObjectSize } from "./key.ts";
import { RENEW_AFTER_MS, type ObjectStore, type StoredObject } from "./port.ts";

const CONFLICT_TRIES_MAX = 6;
const CONFLICT_BACKOFF_MS = 50;

export interface S3Options {
  client: S3Client;
  bucket: string;
  now?: () => number;
  renewAfterMs?: number;
}

/**
 * Needs `s3:GetObject`, `s3:PutObject` on the bucket's objects and `s3:ListBucket` on the bucket: without the
 * last, S3 answers 403 instead of 404 for an object that is absent, and `get` throws. `list` and `delete` need
 * `s3:ListBucketVersions` on the bucket and `s3:DeleteObjectVersion` on its objects, and a bucket that keeps versions.
 */
export function createS3Store(options: S3Options): ObjectStore {
  const { client, bucket, now = Date.now, renewAfterMs = RENEW_AFTER_MS } = options;
  return {
    put: async (key, bytes) => {
      checkObjectKey(key);
      checkObjectSize(key, bytes.byteLength);
      return putObject(options.client, options.bucket, key, bytes);
    },
    get: async (key) => {
      checkObjectKey(key);
      return getObject(options.client, options.bucket, key);
    },
    renew: async (key) => {
      checkObjectKey(key);
      return renewObject(client, bucket, key, now() - renewAfterMs);
    },
    list: (folder) => {
      checkFolder(folder);
      return listVersions(client, bucket, `${folder}/`);
    },
    delete: async (key, version) => {
      checkObjectKey(key);
      await deleteVersion(client, bucket, key, version);
    },
  };
}

async function putObject(
  client: S3Client,
  bucket: string,
  key: string,
  bytes: Uint8Array,
): Promise<"stored" | "exists"> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes, IfNoneMatch: "*" }));
      return "stored";
    } catch (error) {
      const status = statusOf(error);
      if (status === 412) return "exists";
      // 409: another write of this key is under way; only a later try can tell how it ended.
      if (status !== 409 || attempt >= CONFLICT_TRIES_MAX)
        throw named(error, `put ${key} to bucket ${bucket}`);
      await sleep(CONFLICT_BACKOFF_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2));
    }
  }
}

async function getObject(client: S3Client, bucket: string, key: string): Promise<Uint8Array | undefined> {
  try {
    const { Body, ContentLength } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    if (Body === undefined) throw new Error("the answer has no body");
    checkObjectSize(key, ContentLength ?? 0);
    return await Body.transformToByteArray();
  } catch (error) {
    if (error instanceof NoSuchKey) return undefined;
    const hint = statusOf(error) === 403 ? " (an absent object also reads as 403 without s3:ListBucket)" : "";
    throw named(error, `get ${key} from bucket ${bucket}${hint}`);
  }
}

/** A copy onto itself is a new version: whoever deletes the one that was listed leaves this one. */
async function renewObject(
  client: S3Client,
  bucket: string,
  key: string,
  youngFrom: number,
): Promise<"renewed" | "young" | "absent"> {
  const object = { Bucket: bucket, Key: key };
  try {
    const { LastModified } = await client.send(new HeadObjectCommand(object));
    if ((LastModified?.getTime() ?? 0) > youngFrom) return "young";
    const CopySource = `${bucket}/${key}`;
    await client.send(new CopyObjectCommand({ ...object, CopySource, MetadataDirective: "REPLACE" }));
    return "renewed";
  } catch (error) {
    if (statusOf(error) === 404) return "absent";
    throw named(error, `renew ${key} in bucket ${bucket}`);
  }
}

async function* listVersions(client: S3Client, bucket: string, Prefix: string): AsyncIterable<StoredObject> {
  let marks: { KeyMarker?: string | undefined; VersionIdMarker?: string | undefined } = {};
  for (;;) {
    const page = await client
      .send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix, ...marks }))
      .catch((error: unknown) => {
        throw named(error, `list ${Prefix} of bucket ${bucket}`);
      });
    for (const { Key, VersionId, LastModified, IsLatest } of page.Versions ?? [])
      if (Key !== undefined && VersionId !== undefined)
        yield {
          key: Key,
          version: VersionId,
          at: LastModified?.getTime() ?? 0,
          current: IsLatest === true,
        };
    if (page.IsTruncated !== true) return;
    marks = { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
  }
}

async function deleteVersion(client: S3Client, bucket: string, key: string, version: string): Promise<void> {
  // Without versions, a delete could hit what was renewed a moment ago.
  if (version === "null")
    throw new Error(`bucket ${bucket} keeps no versions: turn versioning on, then ${key} can be deleted`);
  try {
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: version }));
  } catch (error) {
    throw named(error, `delete ${key} from bucket ${bucket}`);
  }
}

function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

function named(cause: unknown, what: string): Error {
  return new Error(`${what}: ${cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)}`, {
    cause,
  });
}
