/**
 * Renders an App for its clusters: clusters with the same inputs are one group and one render; equal output is one
 * bundle. Any failure fails the whole release with its place: half a release is never made.
 */
import type { App } from "#core/app.ts";
import { duplicateIn, makeBundle, type Bundle } from "#core/bundle.ts";
import type { Cluster } from "#core/cluster.ts";
import { parseRefKey, refText, type KubeObject } from "#core/object.ts";
import { fill } from "#core/template.ts";
import type { AppError } from "#core/view.ts";
import type { Renderer } from "../render/render.ts";
import type { Files } from "./content.ts";

export type Rendered =
  | { kind: "rendered"; bundles: Map<string, Bundle> }
  | { kind: "failed"; error: Omit<AppError, "commit"> };

/** `bundles` by cluster name. */
export async function renderTargets(
  renderer: Renderer,
  app: App,
  files: Files,
  clusters: readonly Cluster[],
): Promise<Rendered> {
  const groups = new Map<string, string[]>();
  for (const cluster of clusters) {
    const path = fill(app.spec.path, cluster);
    if (path.kind === "failed") return { kind: "failed", error: { message: `spec.path: ${path.message}` } };
    groups.set(path.text, [...(groups.get(path.text) ?? []), cluster.metadata.name]);
  }
  const bundles = new Map<string, Bundle>();
  for (const [path, names] of groups) {
    const result = await renderer.render({ files, path });
    if (result.kind === "failed") return result;
    const bundle = bundleOf(path, result.objects);
    if (bundle.kind === "failed") return bundle;
    for (const name of names) bundles.set(name, bundle.bundle);
  }
  return { kind: "rendered", bundles };
}

function bundleOf(
  path: string,
  objects: readonly KubeObject[],
): { kind: "made"; bundle: Bundle } | { kind: "failed"; error: Omit<AppError, "commit"> } {
  const twice = duplicateIn(objects);
  if (twice === undefined) return { kind: "made", bundle: makeBundle(objects) };
  const object = refText(parseRefKey(twice));
  return {
    kind: "failed",
    error: { message: `${object} stands twice in ${path}: remove or rename one`, file: path, object },
  };
}
