/**
 * The kinds that a simulated cluster serves without any definition: the built-in ones that people's manifests
 * name. A real cluster tells its own by discovery.
 */

const NAMESPACED: Readonly<Record<string, readonly string[]>> = {
  v1: [
    "ConfigMap",
    "Secret",
    "Service",
    "ServiceAccount",
    "Pod",
    "PersistentVolumeClaim",
    "ReplicationController",
    "ResourceQuota",
    "LimitRange",
    "Endpoints",
    "Event",
    "PodTemplate",
  ],
  "apps/v1": ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ControllerRevision"],
  "batch/v1": ["Job", "CronJob"],
  "autoscaling/v1": ["HorizontalPodAutoscaler"],
  "autoscaling/v2": ["HorizontalPodAutoscaler"],
  "networking.k8s.io/v1": ["Ingress", "NetworkPolicy"],
  "policy/v1": ["PodDisruptionBudget"],
  "rbac.authorization.k8s.io/v1": ["Role", "RoleBinding"],
  "coordination.k8s.io/v1": ["Lease"],
  "discovery.k8s.io/v1": ["EndpointSlice"],
};

const CLUSTER_WIDE: Readonly<Record<string, readonly string[]>> = {
  v1: ["Namespace", "Node", "PersistentVolume"],
  "rbac.authorization.k8s.io/v1": ["ClusterRole", "ClusterRoleBinding"],
  "apiextensions.k8s.io/v1": ["CustomResourceDefinition"],
  "apiregistration.k8s.io/v1": ["APIService"],
  "storage.k8s.io/v1": ["StorageClass", "CSIDriver"],
  "scheduling.k8s.io/v1": ["PriorityClass"],
  "networking.k8s.io/v1": ["IngressClass"],
  "node.k8s.io/v1": ["RuntimeClass"],
  "admissionregistration.k8s.io/v1": [
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
  ],
};

export type Scope = "namespaced" | "cluster";

/** Keyed `apiVersion/Kind`. */
export const BUILTIN_KINDS: ReadonlyMap<string, Scope> = new Map([
  ...keysOf(NAMESPACED).map((key) => [key, "namespaced"] as const),
  ...keysOf(CLUSTER_WIDE).map((key) => [key, "cluster"] as const),
]);

function keysOf(kinds: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(kinds).flatMap(([version, names]) => names.map((name) => `${version}/${name}`));
}
