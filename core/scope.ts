/**
 * Whether a kind lives in a namespace, told without an API server: Kubernetes' own kinds by a table, custom ones by a
 * definition in the same bundle. What neither tells is unknown, and whoever limits something must not guess.
 */
import { groupOf, type KubeObject } from "./object.ts";
import { isFields, valueAt } from "./pointer.ts";

type Defined = "namespaced" | "cluster";
export type Scope = Defined | "unknown";

const CLUSTER: Readonly<Record<string, readonly string[]>> = {
  "": ["ComponentStatus", "Namespace", "Node", "PersistentVolume"],
  "admissionregistration.k8s.io": [
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
  ],
  "apiextensions.k8s.io": ["CustomResourceDefinition"],
  "apiregistration.k8s.io": ["APIService"],
  "authentication.k8s.io": ["SelfSubjectReview", "TokenReview"],
  "authorization.k8s.io": ["SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"],
  "certificates.k8s.io": ["CertificateSigningRequest", "ClusterTrustBundle"],
  "flowcontrol.apiserver.k8s.io": ["FlowSchema", "PriorityLevelConfiguration"],
  "internal.apiserver.k8s.io": ["StorageVersion"],
  "networking.k8s.io": ["IPAddress", "IngressClass", "ServiceCIDR"],
  "node.k8s.io": ["RuntimeClass"],
  "rbac.authorization.k8s.io": ["ClusterRole", "ClusterRoleBinding"],
  "resource.k8s.io": ["DeviceClass", "DeviceTaintRule", "ResourceSlice"],
  "scheduling.k8s.io": ["PriorityClass"],
  "storage.k8s.io": ["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"],
  "storagemigration.k8s.io": ["StorageVersionMigration"],
};

const NAMESPACED: Readonly<Record<string, readonly string[]>> = {
  "": [
    "Binding",
    "ConfigMap",
    "Endpoints",
    "Event",
    "LimitRange",
    "PersistentVolumeClaim",
    "Pod",
    "PodTemplate",
    "ReplicationController",
    "ResourceQuota",
    "Secret",
    "Service",
    "ServiceAccount",
  ],
  apps: ["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"],
  "authorization.k8s.io": ["LocalSubjectAccessReview"],
  autoscaling: ["HorizontalPodAutoscaler"],
  batch: ["CronJob", "Job"],
  "coordination.k8s.io": ["Lease", "LeaseCandidate"],
  "discovery.k8s.io": ["EndpointSlice"],
  "events.k8s.io": ["Event"],
  "networking.k8s.io": ["Ingress", "NetworkPolicy"],
  policy: ["PodDisruptionBudget"],
  "rbac.authorization.k8s.io": ["Role", "RoleBinding"],
  "resource.k8s.io": ["ResourceClaim", "ResourceClaimTemplate"],
  "storage.k8s.io": ["CSIStorageCapacity"],
};

const BUILT_IN = new Map<string, Scope>([...scoped(CLUSTER, "cluster"), ...scoped(NAMESPACED, "namespaced")]);

function scoped(table: Readonly<Record<string, readonly string[]>>, scope: Scope): [string, Scope][] {
  return Object.entries(table).flatMap(([group, kinds]) =>
    kinds.map((kind): [string, Scope] => [`${group}/${kind}`, scope]),
  );
}

/** Scope of a kind (`apiVersion`, `kind`) as far as a bundle and Kubernetes' own table tell. */
export type ScopeOf = (object: Pick<KubeObject, "apiVersion" | "kind">) => Scope;

/** `apiVersion/Kind` of all that the bundle's own definitions bring. */
export function kindsDefinedIn(bundle: readonly KubeObject[]): Set<string> {
  return new Set(bundle.flatMap(definitions).map(([api]) => api));
}

/** By `apiVersion/Kind`, of what the bundle's own definitions bring; of two the first counts. */
export function scopesDefinedIn(bundle: readonly KubeObject[]): Map<string, Defined> {
  return new Map(bundle.flatMap(definitions).toReversed());
}

/** Two definitions that differ tell nothing. */
export function scopesIn(bundle: readonly KubeObject[]): ScopeOf {
  const defined = new Map<string, Scope>();
  for (const [kind, scope] of bundle.flatMap(definitions)) {
    const other = defined.get(kind);
    defined.set(kind, other === undefined || other === scope ? scope : "unknown");
  }
  return ({ apiVersion, kind }) =>
    BUILT_IN.get(`${groupOf(apiVersion)}/${kind}`) ?? defined.get(`${apiVersion}/${kind}`) ?? "unknown";
}

/** `apiVersion/Kind` of each version that a CustomResourceDefinition brings; nothing of any other object. */
function definitions(object: KubeObject): [string, Defined][] {
  const spec = object["spec"];
  if (object.kind !== "CustomResourceDefinition" || !isFields(spec)) return [];
  if (groupOf(object.apiVersion) !== "apiextensions.k8s.io") return [];
  const scope = spec["scope"] === "Cluster" ? "cluster" : "namespaced";
  const versions = Array.isArray(spec["versions"]) ? spec["versions"] : [];
  const kind = String(valueAt(spec, ["names", "kind"]));
  return versions.map((version): [string, Defined] => [
    `${String(spec["group"])}/${String(valueAt(version, ["name"]))}/${kind}`,
    scope,
  ]);
}

/**
 * Where an object will stand: its own namespace, else the App's; `undefined` for what is cluster-scoped. What has an
 * unknown scope is taken as namespaced here: a limit on namespaces holds for it in any case.
 */
export function namespaceOf(object: KubeObject, scope: Scope, appNamespace: string): string | undefined {
  return scope === "cluster" ? undefined : (object.metadata.namespace ?? appNamespace);
}

/** The object as it will be applied, with the namespace that it will have. */
export function inNamespace(object: KubeObject, namespace: string | undefined): KubeObject {
  const { namespace: _, ...metadata } = object.metadata;
  return { ...object, metadata: namespace === undefined ? metadata : { ...metadata, namespace } };
}
