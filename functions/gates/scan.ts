/** Whether every image of a release was scanned, and found to be within the gate's limit. */
import type { Gate, Verdict } from "#core/gate.ts";
import { imagesIn, judgeScans, SCANS_MAX } from "#core/scan.ts";
import type { BundleRef } from "#core/bundle.ts";
import type { ObjectStore } from "../objects/port.ts";
import { getBundleObjects, getTargetPage, getTargetPages } from "../release/content.ts";
import type { Db } from "../store/db.ts";
import { listScans } from "../store/scan.ts";
import { GateTrouble, type Question } from "./ask.ts";

type Spec = NonNullable<Gate["scan"]>;

interface ScanDeps {
  db: Db;
  objects: Pick<ObjectStore, "get">;
}

const BUNDLES_MAX = 500;
const LISTS_KEPT_MAX = 50;

/** Of a list of targets, by its digest: it never changes, and each try would read it again. */
const known = new Map<string, ReadonlySet<string>>();

/** Throws `GateTrouble`. */
export async function judgeScan(
  { db, objects }: ScanDeps,
  { rollout }: Question,
  spec: Spec,
): Promise<Verdict> {
  const images = known.get(rollout.targets) ?? (await imagesOf(objects, rollout.targets));
  known.set(rollout.targets, images);
  const [oldest] = known.keys();
  if (known.size > LISTS_KEPT_MAX && oldest !== undefined) known.delete(oldest);
  return judgeScans(images, await listScans(db, rollout), spec);
}

async function imagesOf(objects: ScanDeps["objects"], targets: string): Promise<ReadonlySet<string>> {
  const images = new Set<string>();
  for (const bundle of await bundlesOf(objects, targets)) {
    for (const image of imagesIn(await getBundleObjects(objects, bundle))) images.add(image);
    if (images.size > SCANS_MAX)
      throw new GateTrouble(
        `the release has more than ${SCANS_MAX} images: split the App, or leave this gate out`,
      );
  }
  return images;
}

/** Each once; most clusters share theirs. */
async function bundlesOf(objects: ScanDeps["objects"], targets: string): Promise<BundleRef[]> {
  const bundles = new Map<string, BundleRef>();
  for (const page of await getTargetPages(objects, targets)) {
    for (const { bundle } of await getTargetPage(objects, page))
      if (bundle !== undefined) bundles.set(bundle.digest, bundle);
    if (bundles.size > BUNDLES_MAX)
      throw new GateTrouble(
        `the release has more than ${BUNDLES_MAX} different bundles: split the App, or leave this gate out`,
      );
  }
  return [...bundles.values()];
}
