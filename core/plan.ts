/**
 * What may be taken over and what may be deleted, decided before a byte is written. Ownership is told by marks on
 * the object: a label to select by, an annotation that names hub, project and App. Fairlead's own namespace,
 * definitions and identity, and the namespaces that Kubernetes needs, are never pruned.
 */
import { digestOf } from "./digest.ts";
import type { Inventory } from "./inventory.ts";
import { NAME_CHARS_MAX } from "./limits.ts";
import { MANAGER, managersOf } from "./managed.ts";
import { parseRefKey, refKey, refOf, refText, type KubeObject, type ObjectRef } from "./object.ts";

export const AGENT_NAMESPACE = "fairlead-system";
/** Name of the agent's ClusterRole and its binding. */
const AGENT_IDENTITY = "fairlead-agent";
export const APP_LABEL = "fairlead.dev/app";
export const OWNER_ANNOTATION = "fairlead.dev/owner";
/** `disabled` on a live object keeps it in the cluster when its bundle drops it. */
export const PRUNE_ANNOTATION = "fairlead.dev/prune";

const EXAMPLES_MAX = 5;
const KEPT_NAMESPACES = new Set([
  AGENT_NAMESPACE,
  "default",
  "kube-system",
  "kube-public",
  "kube-node-lease",
]);

export interface Owner {
  hub: string;
  project: string;
  app: string;
}

export interface PruneEntry extends ObjectRef {
  key: string;
  apiVersion: string;
  uid: string | undefined;
  hook: boolean;
}

export type PrunePlan =
  | { kind: "none" }
  | { kind: "prune"; entries: PruneEntry[] }
  | { kind: "over-limit"; count: number; limit: number; examples: string[] };

/** What the inventory holds and the bundle does not, sorted by key; what is never deleted is left out. */
export function dropped(inventory: Inventory, desired: readonly KubeObject[]): PruneEntry[] {
  const wanted = new Set(desired.map((object) => refKey(refOf(object))));
  return Object.entries(inventory.entries)
    .filter(([key]) => !wanted.has(key) && !isProtected(parseRefKey(key)))
    .map(([key, { apiVersion, uid, hook = false }]) => ({ ...parseRefKey(key), key, apiVersion, uid, hook }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

/**
 * Of what was dropped, what is to be deleted. `limit` is the signed prune limit: above it nothing at all is. `pruneOrder`
 * says which go first.
 */
export function planPrune(entries: PruneEntry[], limit: number): PrunePlan {
  if (entries.length === 0) return { kind: "none" };
  // What a hook left behind is nobody's to miss.
  const counted = entries.filter((entry) => !entry.hook);
  if (counted.length <= limit) return { kind: "prune", entries };
  const examples = counted.slice(0, EXAMPLES_MAX).map(refText);
  return { kind: "over-limit", count: counted.length, limit, examples };
}

/** What no statement can make the agent delete. */
export function isProtected(ref: ObjectRef): boolean {
  if (ref.namespace === AGENT_NAMESPACE) return true;
  if (ref.group === "" && ref.kind === "Namespace") return KEPT_NAMESPACES.has(ref.name);
  if (ref.kind === "CustomResourceDefinition") return ref.name.endsWith(".fairlead.dev");
  return ref.group === "rbac.authorization.k8s.io" && ref.namespace === "" && ref.name === AGENT_IDENTITY;
}

/** The object with the owner's label and annotation; nothing else of it changes. */
export function mark(object: KubeObject, owner: Owner): KubeObject {
  const { labels, annotations } = object.metadata;
  return {
    ...object,
    metadata: {
      ...object.metadata,
      labels: { ...labels, [APP_LABEL]: appLabel(owner) },
      annotations: { ...annotations, [OWNER_ANNOTATION]: ownerMark(owner) },
    },
  };
}

/** `<project>.<app>`; where that is too long for a label value, cut and told apart by a digest. */
export function appLabel(owner: Pick<Owner, "project" | "app">): string {
  const text = `${owner.project}.${owner.app}`;
  if (text.length <= NAME_CHARS_MAX) return text;
  const tail = digestOf(text).slice(0, 10);
  return `${text.slice(0, NAME_CHARS_MAX - tail.length - 1)}.${tail}`.replace(/[-.]{2,}/, ".");
}

/** `<hub>/<project>/<app>`. */
export function ownerMark(owner: Owner): string {
  return `${owner.hub}/${owner.project}/${owner.app}`;
}

/**
 * Why a live object must not be written for `owner`: undefined when it is ours, nobody's and `adopt` is set, or `released`
 * by the App that it belonged to (`core/moving.ts`).
 * Namespaces are no exception: a bundle that names an existing one asks for `adopt`.
 */
export function ownerRefusal(
  live: KubeObject,
  owner: Owner,
  options: { adopt: boolean; released?: boolean },
): string | undefined {
  const held = markOn(live);
  const text = refText(refOf(live));
  if (held === ownerMark(owner) || options.released === true) return undefined;
  if (held !== undefined) return `${text} belongs to another App (${held}); remove it from one of the two`;
  return options.adopt
    ? undefined
    : `${text} exists and is not managed by Fairlead; set sync.adopt to take it over`;
}

/**
 * Why a live object of the inventory must not be deleted for `owner`; undefined when it may. Its UID is the
 * business of the delete's precondition.
 */
export function pruneRefusal(live: KubeObject, owner: Owner): string | undefined {
  const ref = refOf(live);
  const text = refText(ref);
  if (isProtected(ref)) return `${text} is kept: Fairlead never deletes it`;
  const held = markOn(live);
  if (held === undefined) return `${text} is kept: it no longer carries the owner mark ${ownerMark(owner)}`;
  if (held !== ownerMark(owner)) return `${text} is kept: it belongs to another App (${held})`;
  if (!managersOf(live).some((entry) => entry.manager === MANAGER && entry.operation === "Apply"))
    return `${text} is kept: field manager ${MANAGER} holds no field of it any more`;
  if (live.metadata.annotations?.[PRUNE_ANNOTATION] === "disabled")
    return `${text} is kept: its annotation ${PRUNE_ANNOTATION} is disabled`;
  return undefined;
}

/** `<hub>/<project>/<app>` as it stands on a live object. */
export function markOn(live: KubeObject): string | undefined {
  return live.metadata.annotations?.[OWNER_ANNOTATION];
}
