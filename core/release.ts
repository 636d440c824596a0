/**
 * A release: what an App becomes, on which clusters, with every input named. It freezes its target list in one
 * order; each target carries the statement that its cluster will be given.
 */
import * as z from "zod";
import type { SyncOptions } from "./app.ts";
import type { BundleRef } from "./bundle.ts";
import { bundleRefSchema } from "./bundle.ts";
import { chartFactsSchema } from "./chart-state.ts";
import { canonicalJson, sha256 } from "./digest.ts";
import { findingsSchema } from "./finding.ts";
import { isHook } from "./hooks.ts";
import { ORDER_BYTES_MAX } from "./limits.ts";
import { lossesSchema } from "./losses.ts";
import { refKey, refOf, type KubeObject } from "./object.ts";

export const releaseSchema = z.object({
  project: z.string(),
  app: z.string(),
  release: z.number().int().positive(),
  epoch: z.number().int().positive(),
  /** Why it exists: `commit`, `App edited`, `clusters changed`, `chart moved`, `App deleted`. */
  reason: z.string(),
  commit: z.string(),
  author: z.string(),
  message: z.string(),
  /** Digest of the kept source tree: rendering again never needs Git. */
  tree: z.string(),
  /** Of an App whose chart is not in its repository: which one it was. */
  chart: chartFactsSchema.optional(),
  appVersion: z.number().int(),
  /** Digest over all inputs. */
  inputs: z.string(),
  /** Digest of the index of target pages in the object store. */
  targets: z.string(),
  targetCount: z.number().int().nonnegative(),
  changed: z.number().int().nonnegative(),
  removed: z.number().int().nonnegative(),
  at: z.number(),
  /** What was found in it and withholds nothing; absent: nothing. */
  warnings: findingsSchema.optional(),
  /** What it would make vanish, where that is above the budget and asks for an approval. */
  losses: lossesSchema.optional(),
});
export type Release = z.infer<typeof releaseSchema>;

/** One cluster of a release. `carried`: bundle and options are as before, so its generation stays. */
export const targetSchema = z.object({
  cluster: z.string(),
  action: z.enum(["apply", "remove"]),
  /** Digest of what the statement orders, apart from release, generation, floor and an approved prune limit. */
  order: z.string(),
  bundle: bundleRefSchema.optional(),
  epoch: z.number().int().positive(),
  generation: z.number().int().positive(),
  release: z.number().int().positive(),
  carried: z.boolean(),
  statement: z.string(),
});
export type Target = z.infer<typeof targetSchema>;
export const targetPageSchema = z.object({ targets: z.array(targetSchema) });
export const targetIndexSchema = z.object({ pages: z.array(z.string()) });

/** What a cluster shall have: rendered, or gone. */
export type Wanted =
  | {
      cluster: string;
      action: "apply";
      bundle: BundleRef;
      namespace: string;
      sync: SyncOptions;
      pruneLimit: number;
    }
  | {
      cluster: string;
      action: "remove";
      deletion: "delete" | "orphan";
      pruneLimit: number;
      serviceAccount?: string | undefined;
    };

/** Order of a target list: the stage, then the hash of App and cluster, so that no cluster is always first. */
export function rankOrder(
  app: string,
  clusters: readonly string[],
  stage: (cluster: string) => number = () => 0,
): string[] {
  const ranked = clusters.map((name) => ({ name, stage: stage(name), hash: sha256(`${app}/${name}`) }));
  return ranked.sort((a, b) => a.stage - b.stage || (a.hash < b.hash ? -1 : 1)).map(({ name }) => name);
}

/** What stands between this order and its signature, for a person; undefined: nothing. */
export function orderTooLong(wanted: Wanted): string | undefined {
  const bytes = new TextEncoder().encode(orderText(wanted)).length;
  if (bytes <= ORDER_BYTES_MAX) return undefined;
  return (
    `the order for cluster ${wanted.cluster} takes ${bytes} bytes, and ${ORDER_BYTES_MAX} can be signed: ` +
    "shorten spec.sync.ignore, spec.health (the App's and the Project's for its kinds), or the checks among the gates of its stage"
  );
}

/** Equal orders have equal digests: such a target is carried and keeps its generation. */
export function orderDigest(wanted: Wanted): string {
  return sha256(orderText(wanted));
}

function orderText(wanted: Wanted): string {
  return canonicalJson({ ...wanted, cluster: undefined });
}

/** Keys of the objects of `before` that `after` lacks, in order: what a prune would delete. Hooks are held by no cluster, so none is lost. */
export function lossBetween(before: readonly KubeObject[], after: readonly KubeObject[]): string[] {
  const kept = new Set(after.map((object) => refKey(refOf(object))));
  return before
    .filter((object) => !isHook(object))
    .map((object) => refKey(refOf(object)))
    .filter((key) => !kept.has(key))
    .sort();
}
