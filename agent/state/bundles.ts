/**
 * The last good bundles in the cluster, gzipped, in Secrets of at most 900 kB: the agent heals without the hub. Two
 * slots in turn, so that the bundle in force is whole until the record names the new one.
 */
import { gzipSync } from "node:zlib";
import { BUNDLE_BYTES_MAX } from "#core/limits.ts";
import type { Kube } from "../kube/port.ts";
import type { KeptRecord } from "./record.ts";
import { dropState, readBytes, writeBytes } from "./system.ts";

/** A Secret holds 1 MiB at most; the rest is for its metadata. */
const CHUNK_BYTES_MAX = 900_000;
const CHUNKS_MAX = Math.ceil(BUNDLE_BYTES_MAX / CHUNK_BYTES_MAX) + 1;

export type Place = NonNullable<KeptRecord["bundle"]>;

export function packBundle(bytes: Uint8Array): Uint8Array {
  return gzipSync(bytes);
}

/** Writes into the slot that is not in use; the caller's record makes it count. */
export async function writeBundle(
  kube: Kube,
  app: string,
  packed: Uint8Array,
  inUse: Place | undefined,
): Promise<Place> {
  const slot = inUse?.slot === "a" ? "b" : "a";
  const chunks = Math.max(1, Math.ceil(packed.byteLength / CHUNK_BYTES_MAX));
  for (let index = 0; index < chunks; index += 1)
    await writeBytes(
      kube,
      chunkName(app, slot, index),
      packed.subarray(index * CHUNK_BYTES_MAX, (index + 1) * CHUNK_BYTES_MAX),
    );
  return { slot, chunks };
}

/** Undefined when a chunk is gone. */
export async function readBundle(kube: Kube, app: string, place: Place): Promise<Uint8Array | undefined> {
  const parts: Uint8Array[] = [];
  for (let index = 0; index < Math.min(place.chunks, CHUNKS_MAX); index += 1) {
    const part = await readBytes(kube, chunkName(app, place.slot, index));
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

export async function dropBundles(kube: Kube, app: string): Promise<void> {
  for (const slot of ["a", "b"] as const)
    for (let index = 0; index < CHUNKS_MAX; index += 1)
      if (!(await dropState(kube, "Secret", chunkName(app, slot, index)))) break;
}

function chunkName(app: string, slot: Place["slot"], index: number): string {
  return `fairlead-bundle-${app}-${slot}-${index}`;
}
