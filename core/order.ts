/**
 * In which order objects are applied and pruned. Waves by Argo CD's `sync-wave` annotation first; within a wave by
 * kind, what others need before what needs it. Custom resources follow every built-in kind but the gates that
 * intercept requests: an operator that ships in the same bundle stands before what it serves.
 */
import { groupOf, type KubeObject, type ObjectRef } from "./object.ts";

export const SYNC_WAVE_ANNOTATION = "argocd.argoproj.io/sync-wave";

/** One row per step; the kinds of a row do not need each other. */
const STEPS: readonly (readonly string[])[] = [
  [
    "/Namespace",
    "apiextensions.k8s.io/CustomResourceDefinition",
    "scheduling.k8s.io/PriorityClass",
    "storage.k8s.io/StorageClass",
    "storage.k8s.io/CSIDriver",
    "node.k8s.io/RuntimeClass",
    "networking.k8s.io/IngressClass",
  ],
  [
    "/ResourceQuota",
    "/LimitRange",
    "/ServiceAccount",
    "networking.k8s.io/NetworkPolicy",
    "rbac.authorization.k8s.io/Role",
    "rbac.authorization.k8s.io/ClusterRole",
    "/ConfigMap",
    "/Secret",
    "/PersistentVolume",
  ],
  [
    "rbac.authorization.k8s.io/RoleBinding",
    "rbac.authorization.k8s.io/ClusterRoleBinding",
    "/PersistentVolumeClaim",
  ],
  ["/Service"],
  [
    "/Pod",
    "/ReplicationController",
    "apps/ReplicaSet",
    "apps/Deployment",
    "apps/StatefulSet",
    "apps/DaemonSet",
    "batch/Job",
    "batch/CronJob",
  ],
  ["autoscaling/HorizontalPodAutoscaler", "policy/PodDisruptionBudget", "networking.k8s.io/Ingress"],
  // Every kind that stands in no other row.
  [],
  [
    "admissionregistration.k8s.io/ValidatingAdmissionPolicy",
    "admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding",
    "admissionregistration.k8s.io/MutatingWebhookConfiguration",
    "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
    "apiregistration.k8s.io/APIService",
  ],
];

const STEP_OF = new Map(STEPS.flatMap((kinds, step) => kinds.map((kind) => [kind, step] as const)));
const OTHERS_STEP = STEPS.findIndex((kinds) => kinds.length === 0);

/**
 * Batches to apply one after the other; the objects of one batch may go at the same time. Stable: objects of one
 * batch keep the order of the bundle. A `sync-wave` that is no whole number counts as 0, as in Argo CD.
 */
export function applyWaves(objects: readonly KubeObject[]): KubeObject[][] {
  return batches(objects, (object) => [waveOf(object), stepOf(groupOf(object.apiVersion), object.kind)]);
}

/** Batches of hooks: by their wave, then by kind. Stable like `applyWaves`. */
export function hookBatches<T extends { object: KubeObject; wave: number }>(hooks: readonly T[]): T[][] {
  return batches(hooks, ({ object, wave }) => [wave, stepOf(groupOf(object.apiVersion), object.kind)]);
}

/** The reverse, by kind alone: what is gone from the bundle has no wave any more. Stable like `applyWaves`. */
export function pruneOrder<T extends Pick<ObjectRef, "group" | "kind">>(refs: readonly T[]): T[][] {
  return batches(refs, (ref) => [0, -stepOf(ref.group, ref.kind)]);
}

type Place = readonly [wave: number, step: number];

function batches<T>(items: readonly T[], placeOf: (item: T) => Place): T[][] {
  const byPlace = new Map<string, { place: Place; items: T[] }>();
  for (const item of items) {
    const place = placeOf(item);
    const batch = byPlace.get(place.join());
    if (batch === undefined) byPlace.set(place.join(), { place, items: [item] });
    else batch.items.push(item);
  }
  const sorted = [...byPlace.values()].sort((a, b) => a.place[0] - b.place[0] || a.place[1] - b.place[1]);
  return sorted.map((batch) => batch.items);
}

/** The wave an object asks for; 0 without a usable annotation. */
export function waveOf(object: KubeObject): number {
  const text = object.metadata.annotations?.[SYNC_WAVE_ANNOTATION] ?? "";
  return /^[+-]?\d{1,9}$/.test(text) ? Number(text) : 0;
}

function stepOf(group: string, kind: string): number {
  return STEP_OF.get(`${group}/${kind}`) ?? OTHERS_STEP;
}
