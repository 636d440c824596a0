/**
 * What clusters tell of their API servers, in the object store under the digest of its canonical JSON: lists of APIs, and
 * shapes of kinds. Equal clusters share one; what a digest names never changes.
 */
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { sha256 } from "#core/digest.ts";
import { APIS_BODY_BYTES_MAX } from "#core/limits.ts";
import { keepObject } from "../objects/keep.ts";
import type { ObjectStore } from "../objects/port.ts";

const zip = promisify(gzip);
const unzip = promisify(gunzip);

export type Readable = Pick<ObjectStore, "get">;

/** Each has names of its own: a list that a cluster tells of is a list, whatever else has its digest. */
export type ApiNoun = "apis" | "schemas";
const keyOf = (noun: ApiNoun, digest: string): string =>
  `apis/${digest}.${noun === "apis" ? "" : `${noun}.`}json.gz`;

/** `bytes` are canonical JSON and have this digest: the caller has looked. */
export async function putApiDocument(
  store: Pick<ObjectStore, "put" | "renew">,
  noun: ApiNoun,
  digest: string,
  bytes: Uint8Array,
): Promise<void> {
  await keepObject(store, keyOf(noun, digest), await zip(bytes));
}

/** Whoever asks is about to name it. */
export async function hasApiDocument(
  store: Pick<ObjectStore, "renew">,
  noun: ApiNoun,
  digest: string,
): Promise<boolean> {
  return (await store.renew(keyOf(noun, digest))) !== "absent";
}

/** Undefined where it is not there. */
export async function findApiDocument(store: Readable, noun: ApiNoun, digest: string): Promise<unknown> {
  const zipped = await store.get(keyOf(noun, digest));
  if (zipped === undefined) return undefined;
  const bytes = await unzip(zipped, { maxOutputLength: APIS_BODY_BYTES_MAX });
  if (sha256(bytes) !== digest)
    throw new Error(`${keyOf(noun, digest)} in the object store is not what it names`);
  return JSON.parse(bytes.toString());
}

/** Throws where it is not there: nothing told is not the same as an empty list. */
export async function readApiDocument(store: Readable, noun: ApiNoun, digest: string): Promise<unknown> {
  const document = await findApiDocument(store, noun, digest);
  if (document === undefined)
    throw new Error(`the object store has no ${keyOf(noun, digest)}, which a cluster names`);
  return document;
}
