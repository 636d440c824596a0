/**
 * A bundle: the rendered manifests of one App for a group of clusters, immutable and named by its content.
 * The digest is over canonical, uncompressed JSON; compression is only transport.
 */
import * as z from "zod";
import { canonicalJson, DIGEST_PATTERN, sha256 } from "./digest.ts";
import { BUNDLE_BYTES_MAX, BUNDLE_OBJECTS_MAX } from "./limits.ts";
import { kubeObjectSchema, refKey, refOf, type KubeObject } from "./object.ts";

export interface Bundle {
  digest: string;
  /** Canonical JSON of `{ objects }`. */
  text: string;
  size: number;
  objects: readonly KubeObject[];
}

export const bundleRefSchema = z.object({
  digest: z.string().regex(DIGEST_PATTERN),
  size: z.number().int().positive().max(BUNDLE_BYTES_MAX),
});
export type BundleRef = z.infer<typeof bundleRefSchema>;

const bundleSchema = z.object({ objects: z.array(kubeObjectSchema).min(1).max(BUNDLE_OBJECTS_MAX) });

/** Bytes of `text` in UTF-8; `objects` keep their order. */
export function makeBundle(objects: readonly KubeObject[]): Bundle {
  const text = canonicalJson({ objects });
  return { digest: sha256(text), text, size: new TextEncoder().encode(text).byteLength, objects };
}

export type OpenedBundle = { kind: "opened"; objects: KubeObject[] } | { kind: "refused"; message: string };

/** Checks size and digest before a byte is parsed. */
export function openBundle(bytes: Uint8Array, ref: BundleRef): OpenedBundle {
  if (bytes.byteLength !== ref.size)
    return refused(`bundle has ${bytes.byteLength} bytes, its statement says ${ref.size}`);
  const digest = sha256(bytes);
  if (digest !== ref.digest) return refused(`bundle digest is ${digest}, its statement says ${ref.digest}`);
  const parsed = bundleSchema.safeParse(JSON.parse(new TextDecoder().decode(bytes)));
  if (!parsed.success) return refused(`bundle ${ref.digest} does not hold objects: ${parsed.error.message}`);
  return { kind: "opened", objects: parsed.data.objects };
}

function refused(message: string): OpenedBundle {
  return { kind: "refused", message };
}

/** The first identity that stands twice, or undefined. */
export function duplicateIn(objects: readonly KubeObject[]): string | undefined {
  const seen = new Set<string>();
  for (const object of objects) {
    const key = refKey(refOf(object));
    if (seen.has(key)) return key;
    seen.add(key);
  }
  return undefined;
}
