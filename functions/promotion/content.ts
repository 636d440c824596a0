/** What a promoted release brings, from what the hub kept of it: its tree, its chart, the images that it runs. */
import type { Promotion } from "#core/promotion.ts";
import type { PromotedValues } from "#core/promotion/change.ts";
import { tagsOf } from "#core/promotion/images.ts";
import type { Release } from "#core/release.ts";
import type { ObjectStore } from "../objects/port.ts";
import { getBundleObjects, getTargets, getTree, type Files } from "../release/content.ts";
import { GitFailure } from "../source/git-failure.ts";

type Readable = Pick<ObjectStore, "get">;

const BUNDLES_MAX = 50;

export async function treeOf(objects: Readable, { spec }: Promotion, release: Release): Promise<Files> {
  return spec.change.copy.length === 0 ? new Map<string, Uint8Array>() : getTree(objects, release.tree);
}

/** Bundles are read only where an image's tag is asked for. */
export async function valuesOf(
  objects: Readable,
  { spec }: Promotion,
  release: Release,
): Promise<PromotedValues> {
  const wanted = spec.change.set.flatMap(({ image }) => (image === undefined ? [] : [image]));
  const tags = new Map<string, Set<string>>(wanted.map((image) => [image, new Set()]));
  if (wanted.length > 0) await addTags(objects, release, tags);
  return {
    commit: release.commit,
    chart: release.chart?.version,
    images: new Map([...tags].map(([image, found]) => [image, [...found].sort()])),
  };
}

async function addTags(
  objects: Readable,
  release: Release,
  tags: ReadonlyMap<string, Set<string>>,
): Promise<void> {
  const targets = await getTargets(objects, release.targets, 0, release.targetCount);
  const bundles = new Map(
    targets.flatMap(({ bundle }) => (bundle === undefined ? [] : [[bundle.digest, bundle]])),
  );
  if (bundles.size > BUNDLES_MAX)
    throw new GitFailure(
      "too-large",
      `Release ${release.release} has ${bundles.size} different bundles, and images are looked for in ${BUNDLES_MAX} at most; take commit instead`,
    );
  for (const bundle of bundles.values()) {
    const rendered = await getBundleObjects(objects, bundle);
    for (const [image, found] of tags) for (const tag of tagsOf(image, rendered)) found.add(tag);
  }
}
