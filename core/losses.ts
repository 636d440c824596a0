/**
 * What a release would make vanish, held against the budget of its App. Above the budget it waits for an approval, which
 * is bound to the digest of all that would go.
 */
import * as z from "zod";
import type { App } from "./app.ts";
import { digestOf } from "./digest.ts";
import { parseRefKey, refText } from "./object.ts";
import { countOf } from "./rollout/state.ts";
import { sentence } from "./text.ts";

/** Of one cluster. Keys are those of the objects; clusters with the same bundles share one list. */
export interface ClusterLoss {
  cluster: string;
  /** The App is taken off it. */
  leaves: boolean;
  keys: readonly string[];
}

const CLUSTERS_NAMED_MAX = 3;
const GROUPS_TOLD_MAX = 5;
const OBJECTS_TOLD_MAX = 10;
const OBJECT_CHARS_MAX = 120;

const lossGroupSchema = z.object({
  clusters: z.object({ count: z.number().int(), first: z.array(z.string()) }),
  leaves: z.boolean(),
  /** On each of them. */
  objects: z.number().int(),
  namespaces: z.number().int(),
  crds: z.number().int(),
  /** Namespaces and CustomResourceDefinitions first: what is in them goes with them. */
  listed: z.array(z.string()),
});
type LossGroup = z.infer<typeof lossGroupSchema>;

export const lossesSchema = z.object({
  /** Of everything that would vanish, by cluster. */
  digest: z.string(),
  /** Which limits it is above, in words. */
  over: z.array(z.string()),
  /** Objects, over all clusters. */
  objects: z.number().int(),
  clusters: z.number().int(),
  leaves: z.number().int(),
  /** Clusters that lose the same, the largest loss first; `more` groups are not told. */
  groups: z.array(lossGroupSchema),
  more: z.number().int(),
});
export type Losses = z.infer<typeof lossesSchema>;

type Budget = App["spec"]["rollout"]["budget"];

/** `placed`: on how many clusters the App is. Undefined: all of it is within the budget. */
export function lossesOver(all: readonly ClusterLoss[], budget: Budget, placed: number): Losses | undefined {
  const losses = all.filter(({ keys, leaves }) => leaves || keys.length > 0);
  const digests = digestsOf(losses);
  const digest = ({ keys }: ClusterLoss): string => digests.get(keys) ?? "";
  const groups = [...Map.groupBy(losses, (one) => `${one.leaves} ${digest(one)}`).values()]
    .map(groupOf)
    .sort((a, b) => b.objects - a.objects);
  const leaves = losses.filter((one) => one.leaves).length;
  const over = [...overEach(groups, budget), ...overAll(leaves, budget, placed)];
  if (over.length === 0) return undefined;
  return {
    digest: digestOf(losses.map((one) => [one.cluster, one.leaves, digest(one)])),
    over,
    objects: losses.reduce((sum, { keys }) => sum + keys.length, 0),
    clusters: losses.length,
    leaves,
    groups: groups.slice(0, GROUPS_TOLD_MAX),
    more: Math.max(0, groups.length - GROUPS_TOLD_MAX),
  };
}

/** Of each list once: thousands of clusters share a few. */
function digestsOf(losses: readonly ClusterLoss[]): Map<readonly string[], string> {
  const lists = new Set(losses.map(({ keys }) => keys));
  return new Map([...lists].map((keys) => [keys, digestOf(keys)]));
}

function groupOf(losses: readonly ClusterLoss[]): LossGroup {
  const { keys = [], leaves = false } = losses[0] ?? {};
  const heavy = keys.filter((key) => isNamespace(key) || isCrd(key));
  const listed = [...heavy, ...keys.filter((key) => !heavy.includes(key))].slice(0, OBJECTS_TOLD_MAX);
  return {
    clusters: {
      count: losses.length,
      first: losses.slice(0, CLUSTERS_NAMED_MAX).map(({ cluster }) => cluster),
    },
    leaves,
    objects: keys.length,
    namespaces: keys.filter(isNamespace).length,
    crds: keys.filter(isCrd).length,
    listed: listed.map((key) => sentence(refText(parseRefKey(key)), OBJECT_CHARS_MAX)),
  };
}

function isNamespace(key: string): boolean {
  const { group, kind } = parseRefKey(key);
  return group === "" && kind === "Namespace";
}

function isCrd(key: string): boolean {
  const { group, kind } = parseRefKey(key);
  return group === "apiextensions.k8s.io" && kind === "CustomResourceDefinition";
}

const PARTS = [
  { part: "objects", limit: "deletes", noun: "objects" },
  { part: "namespaces", limit: "namespaces", noun: "Namespaces" },
  { part: "crds", limit: "crds", noun: "CustomResourceDefinitions" },
] as const;

function overEach(groups: readonly LossGroup[], budget: Budget): string[] {
  return PARTS.flatMap(({ part, limit, noun }) => {
    const over = groups.filter((group) => group[part] > budget[limit]);
    const [worst] = over.toSorted((a, b) => b[part] - a[part]);
    if (worst === undefined) return [];
    const clusters = over.reduce((sum, group) => sum + group.clusters.count, 0);
    const where = clusters === 1 ? `on ${worst.clusters.first[0]}` : `on each of ${clusters} clusters`;
    const some = `${worst.listed.slice(0, 5).join(", ")}${worst.objects > 5 ? " …" : ""}`;
    return [`${worst[part]} ${noun} ${where} (${some}), the budget is ${limit}: ${budget[limit]}`];
  });
}

function overAll(leaves: number, { clusters }: Budget, placed: number): string[] {
  const limit = clusters === 0 ? 0 : countOf(clusters, placed);
  return leaves > limit
    ? [`the App from ${leaves} of ${placed} clusters, the budget is clusters: ${clusters}`]
    : [];
}

/** `it would delete 25 objects on east (…), the budget is deletes: 20`. */
export function lossWords({ over }: Pick<Losses, "over">): string {
  return `it would delete ${over.join("; ")}`;
}
