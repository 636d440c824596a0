/**
 * What a scan of an image found, as CI tells it for one release, and whether a release's images are within a limit. An
 * image is the text that stands in the manifests: nothing is guessed about tags and registries.
 */
import * as z from "zod";
import { SEVERITIES, type Severity, type Verdict } from "./gate.ts";
import type { KubeObject } from "./object.ts";
import { isFields } from "./pointer.ts";

/** Of one release. */
export const SCANS_MAX = 200;
/** In one request. */
const SCANS_PER_REQUEST_MAX = 100;
const IMAGE_CHARS_MAX = 500;

const count = z.number().int().min(0).max(1_000_000).default(0);
const foundSchema = z.strictObject({ critical: count, high: count, medium: count, low: count });
export const scanSchema = z.strictObject({
  image: z.string().min(1).max(IMAGE_CHARS_MAX),
  found: foundSchema,
  /** Which program looked, in its own words. */
  scanner: z.string().min(1).max(100).optional(),
});
export const scansSchema = z.strictObject({ scans: z.array(scanSchema).min(1).max(SCANS_PER_REQUEST_MAX) });

/** `by` is who told, `at` when (milliseconds since 1970). */
export const scanViewSchema = z.object({ ...scanSchema.shape, by: z.string(), at: z.number() });
export type ScanView = z.infer<typeof scanViewSchema>;

/** Every `image` of a container, also in kinds that nobody here knows. */
export function imagesIn(objects: readonly KubeObject[]): Set<string> {
  const images = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) return value.forEach(visit);
    if (!isFields(value)) return;
    for (const [name, item] of Object.entries(value)) {
      if (/^(initContainers|ephemeralContainers|containers)$/.test(name) && Array.isArray(item))
        for (const one of item)
          if (isFields(one) && typeof one["image"] === "string") images.add(one["image"]);
      visit(item);
    }
  };
  objects.forEach(visit);
  return images;
}

/** No report yet is no fault: CI may still be at work. */
export function judgeScans(
  images: ReadonlySet<string>,
  scans: readonly ScanView[],
  { severity, max }: { severity: Severity; max: number },
): Verdict {
  if (images.size === 0) return { kind: "pass", message: "the release has no image" };
  const known = new Map(scans.map((scan) => [scan.image, scan]));
  const counted = [...images].sort().map((image) => ({ image, count: countOf(known.get(image), severity) }));
  const worst = counted.flatMap(({ image, count: n }) => (n === undefined ? [] : [{ image, n }]));
  worst.sort((a, b) => b.n - a.n);
  const [first] = worst;
  const others = worst.filter(({ n }) => n > max).length - 1;
  const what = severity === "critical" ? severity : `${severity} or worse`;
  if (first !== undefined && first.n > max)
    return {
      kind: "fail",
      value: String(first.n),
      message: `${first.image}: ${first.n} ${what}, at most ${max}${more(others)}`,
    };
  const missing = counted.filter((one) => one.count === undefined);
  if (missing.length > 0)
    return { kind: "wait", message: `no report for ${missing[0]?.image ?? ""}${more(missing.length - 1)}` };
  const n = first?.n ?? 0;
  return {
    kind: "pass",
    value: String(n),
    message: `${first?.image ?? ""} is the worst of ${images.size}: ${n} ${what}`,
  };
}

function countOf(scan: ScanView | undefined, severity: Severity): number | undefined {
  if (scan === undefined) return undefined;
  const meant = SEVERITIES.slice(0, SEVERITIES.indexOf(severity) + 1);
  return meant.reduce((sum, one) => sum + scan.found[one], 0);
}

function more(others: number): string {
  return others > 0 ? ` (and ${others} more)` : "";
}
