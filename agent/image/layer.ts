/** Layers of an OCI image: the same files give the same bytes, whenever and wherever they are packed. */
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { packTar } from "modern-tar";
import type { ImageFile } from "./parts.ts";

export interface Blob {
  mediaType: string;
  digest: string;
  size: number;
  bytes: Uint8Array;
}

/** `diffId` is the digest before it was packed, which the configuration names. */
export interface Layer extends Blob {
  diffId: string;
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export function blobOf(mediaType: string, bytes: Uint8Array): Blob {
  return { mediaType, digest: digestOf(bytes), size: bytes.length, bytes };
}

const EPOCH = new Date(0);
const owner = { uid: 0, gid: 0, mtime: EPOCH };

export async function layerOf(files: readonly ImageFile[]): Promise<Layer> {
  const folders = foldersOf(files).map((path) => ({
    header: { ...owner, name: `${path}/`, type: "directory" as const, size: 0, mode: 0o755 },
  }));
  const tar = await packTar([...folders, ...files.map(entryOf)]);
  const bytes = gzipSync(tar, { level: 9 });
  const blob = blobOf("application/vnd.oci.image.layer.v1.tar+gzip", bytes);
  return { ...blob, diffId: digestOf(tar) };
}

function entryOf({ path, content, link, executable }: ImageFile) {
  const header = { ...owner, name: path, mode: executable === true ? 0o755 : 0o644 };
  if (link !== undefined)
    return { header: { ...header, type: "symlink" as const, linkname: link, size: 0, mode: 0o777 } };
  return { header: { ...header, type: "file" as const, size: content.length }, body: content };
}

function foldersOf(files: readonly ImageFile[]): string[] {
  const found = new Set<string>();
  for (const { path } of files)
    for (let end = path.indexOf("/"); end > 0; end = path.indexOf("/", end + 1))
      found.add(path.slice(0, end));
  return [...found].sort();
}
