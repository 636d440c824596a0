/** An OCI image layout in a folder: one index over the images of all architectures, each blob under its digest. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { blobOf, type Blob, type Layer } from "./layer.ts";
import type { Arch } from "./parts.ts";

/** The Debian and Kubernetes habit for "nobody in particular". */
export const IMAGE_USER = 65532;

export interface Image {
  arch: Arch;
  layers: Layer[];
  entrypoint: readonly string[];
  /** `NAME=value` */
  env: readonly string[];
  labels: Readonly<Record<string, string>>;
}

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const described = ({ mediaType, digest, size }: Blob) => ({ mediaType, digest, size });

/** Digest of the index: what a chart names. */
export async function writeLayout(folder: string, images: readonly Image[]): Promise<string> {
  const blobs = join(folder, "blobs/sha256");
  await rm(folder, { recursive: true, force: true });
  await mkdir(blobs, { recursive: true });
  const keep = async (blob: Blob): Promise<Blob> => {
    await writeFile(join(blobs, blob.digest.slice("sha256:".length)), blob.bytes);
    return blob;
  };
  const manifests = [];
  for (const image of images) {
    for (const layer of image.layers) await keep(layer);
    const config = await keep(configOf(image));
    const manifest = await keep(manifestOf(config, image.layers));
    manifests.push({ ...described(manifest), platform: { architecture: image.arch, os: "linux" } });
  }
  const index = blobOf(
    "application/vnd.oci.image.index.v1+json",
    json({ schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests }),
  );
  await writeFile(join(folder, "index.json"), index.bytes);
  await writeFile(join(folder, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
  return index.digest;
}

function configOf({ arch, layers, entrypoint, env, labels }: Image): Blob {
  const config = {
    architecture: arch,
    os: "linux",
    config: {
      User: `${IMAGE_USER}:${IMAGE_USER}`,
      Entrypoint: entrypoint,
      WorkingDir: "/",
      Labels: labels,
      Env: ["PATH=/usr/bin", "NODE_ENV=production", ...env],
    },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
  };
  return blobOf("application/vnd.oci.image.config.v1+json", json(config));
}

function manifestOf(config: Blob, layers: readonly Layer[]): Blob {
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  return blobOf(
    mediaType,
    json({ schemaVersion: 2, mediaType, config: described(config), layers: layers.map(described) }),
  );
}
