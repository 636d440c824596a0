/**
 * The object store on S3. "Never overwrites" is S3's own conditional write, so it holds among any number of
 * writers. A lost answer to a write that was made shows as "exists" on the retry: who needs to know whether it was
 * the first reads the object back and compares.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  GetObjectCommand,
  NoSuchKey,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { checkObjectKey, checkObjectSize } from "./key.ts";
import type { ObjectStore } from "./port.ts";

const CONFLICT_TRIES_MAX = 6;
const CONFLICT_BACKOFF_MS = 50;

/**
 * Needs `s3:GetObject`, `s3:PutObject` on the bucket's objects and `s3:ListBucket` on the bucket: without the
 * last, S3 answers 403 instead of 404 for an object that is absent, and `get` throws.
 */
export function createS3Store(options: { client: S3Client; bucket: string }): ObjectStore {
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

function statusOf(error: unknown): number | undefined {
  return error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;
}

function named(cause: unknown, what: string): Error {
  return new Error(`${what}: ${cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)}`, {
    cause,
  });
}
