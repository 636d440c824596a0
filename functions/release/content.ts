/**
 * Content-addressed documents in the object store: source trees, bundles, target pages. A name holds the digest
 * of what it names, so a write that came twice is the same write. Gzip is only transport.
 */
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { openBundle, type Bundle, type BundleRef } from "#core/bundle.ts";
import { canonicalJson, sha256 } from "#core/digest.ts";
import { BUNDLE_BYTES_MAX, TARGETS_PER_PAGE } from "#core/limits.ts";
import type { KubeObject } from "#core/object.ts";
import { targetIndexSchema, targetPageSchema, type Target } from "#core/release.ts";
import { keepObject } from "../objects/keep.ts";
import type { ObjectStore } from "../objects/port.ts";
import { bundleKey, pageKey, treeKey } from "./content-key.ts";
import { remembered } from "./remembered.ts";

const zip = promisify(gzip);
const unzip = promisify(gunzip);
const TREE_BYTES_MAX = 128 * 1024 * 1024;
/** Target lists of fifty Apps on five hundred clusters each; as much again at most for their indexes. */
const REMEMBERED_BYTES_MAX = 32 * 1024 * 1024;

export type Files = ReadonlyMap<string, Uint8Array>;
type Readable = Pick<ObjectStore, "get">;

type Writable = Pick<ObjectStore, "put" | "renew">;

async function putZipped(store: Writable, key: string, bytes: Uint8Array): Promise<void> {
  await keepObject(store, key, await zip(bytes));
}

async function getZipped(store: Readable, key: string, bytesMax: number): Promise<Uint8Array> {
  const zipped = await store.get(key);
  if (zipped === undefined) throw new Error(`the object store has no ${key}`);
  return unzip(zipped, { maxOutputLength: bytesMax });
}

export async function putBundle(store: Writable, bundle: Bundle): Promise<void> {
  await putZipped(store, bundleKey(bundle.digest), new TextEncoder().encode(bundle.text));
}

export async function getBundleObjects(store: Readable, ref: BundleRef): Promise<KubeObject[]> {
  const opened = openBundle(await getZipped(store, bundleKey(ref.digest), BUNDLE_BYTES_MAX), ref);
  if (opened.kind === "refused") throw new Error(opened.message);
  return opened.objects;
}

/** A tree is a header (JSON: path and size of each file, in order of the paths), its length in 4 bytes before it, and the bytes. */
export async function putTree(store: Writable, files: Files): Promise<string> {
  const paths = [...files.keys()].sort();
  const contents = paths.map((path) => files.get(path) ?? new Uint8Array());
  const header = Buffer.from(
    JSON.stringify(paths.map((path, index) => [path, contents[index]?.byteLength ?? 0])),
  );
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.byteLength);
  const packed = Buffer.concat([length, header, ...contents]);
  const digest = sha256(packed);
  await putZipped(store, treeKey(digest), packed);
  return digest;
}

export async function getTree(store: Readable, digest: string): Promise<Files> {
  const packed = Buffer.from(await getZipped(store, treeKey(digest), TREE_BYTES_MAX));
  const headerEnd = 4 + packed.readUInt32BE(0);
  const header = JSON.parse(packed.subarray(4, headerEnd).toString()) as [string, number][];
  const files = new Map<string, Uint8Array>();
  let offset = headerEnd;
  for (const [path, size] of header) {
    files.set(path, packed.subarray(offset, offset + size));
    offset += size;
  }
  return files;
}

/** Pages of 100 targets and an index of their digests; returns the digest of the index. */
export async function putTargets(store: Writable, targets: readonly Target[]): Promise<string> {
  const pages: string[] = [];
  for (let start = 0; start < targets.length; start += TARGETS_PER_PAGE)
    pages.push(await putDocument(store, { targets: targets.slice(start, start + TARGETS_PER_PAGE) }));
  return putDocument(store, { pages });
}

/** Ranks `from` up to, not including, `to`; only the pages that hold them are read. */
export async function getTargets(
  store: Readable,
  index: string,
  from: number,
  to: number,
): Promise<Target[]> {
  if (to <= from) return [];
  const pages = await indexOf(store, index);
  const first = Math.floor(from / TARGETS_PER_PAGE);
  const digests = pages.slice(first, Math.ceil(to / TARGETS_PER_PAGE));
  const read = await Promise.all(digests.map((digest) => pageOf(store, digest)));
  return read.flat().slice(from - first * TARGETS_PER_PAGE, to - first * TARGETS_PER_PAGE);
}

/** Of a target list, in parts: digests of its pages, one page, and a page or an index put back. For export and import. */
export async function getTargetPages(store: Readable, index: string): Promise<string[]> {
  return targetIndexSchema.parse((await getDocument(store, index)).document).pages;
}

export async function getTargetPage(store: Readable, digest: string): Promise<Target[]> {
  return targetPageSchema.parse((await getDocument(store, digest)).document).targets;
}

const indexOf = remembered(REMEMBERED_BYTES_MAX, async (store: Readable, digest) => {
  const { document, bytes } = await getDocument(store, digest);
  return { value: targetIndexSchema.parse(document).pages, size: bytes };
});

const pageOf = remembered(REMEMBERED_BYTES_MAX, async (store: Readable, digest) => {
  const { document, bytes } = await getDocument(store, digest);
  return { value: targetPageSchema.parse(document).targets, size: bytes };
});

export async function putDocument(store: Writable, document: unknown): Promise<string> {
  const text = canonicalJson(document);
  const digest = sha256(text);
  await putZipped(store, pageKey(digest), new TextEncoder().encode(text));
  return digest;
}

async function getDocument(store: Readable, digest: string): Promise<{ document: unknown; bytes: number }> {
  const bytes = await getZipped(store, pageKey(digest), BUNDLE_BYTES_MAX);
  return { document: JSON.parse(new TextDecoder().decode(bytes)), bytes: bytes.byteLength };
}
