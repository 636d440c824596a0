/**
 * Built-in APIs that Kubernetes has deprecated or removed: since which 1.x, and what to write instead. From the Kubernetes
 * deprecation guide and the life cycles in k8s.io/api (1.35); what was alpha is not in here.
 */
type Row = [
  apiVersion: string,
  kinds: string,
  deprecated: number,
  removed: number | undefined,
  instead: string,
];

const FLOWS = "FlowSchema PriorityLevelConfiguration";
const CLAIMS = "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice";
const POD_SECURITY = "Pod Security Admission, by labels of the Namespace";

const ROWS: readonly Row[] = [
  [
    "admissionregistration.k8s.io/v1beta1",
    "MutatingWebhookConfiguration ValidatingWebhookConfiguration",
    16,
    22,
    "admissionregistration.k8s.io/v1",
  ],
  [
    "admissionregistration.k8s.io/v1beta1",
    "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding",
    31,
    34,
    "admissionregistration.k8s.io/v1",
  ],
  ["apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", 16, 22, "apiextensions.k8s.io/v1"],
  ["apiregistration.k8s.io/v1beta1", "APIService", 19, 22, "apiregistration.k8s.io/v1"],
  ["apps/v1beta1", "ControllerRevision Deployment StatefulSet", 8, 16, "apps/v1"],
  ["apps/v1beta2", "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet", 9, 16, "apps/v1"],
  ["authentication.k8s.io/v1beta1", "TokenReview", 19, 22, "authentication.k8s.io/v1"],
  ["authentication.k8s.io/v1beta1", "SelfSubjectReview", 30, 33, "authentication.k8s.io/v1"],
  [
    "authorization.k8s.io/v1beta1",
    "LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
    19,
    22,
    "authorization.k8s.io/v1",
  ],
  ["autoscaling/v2beta1", "HorizontalPodAutoscaler", 22, 25, "autoscaling/v2"],
  ["autoscaling/v2beta2", "HorizontalPodAutoscaler", 23, 26, "autoscaling/v2"],
  ["batch/v1beta1", "CronJob", 21, 25, "batch/v1"],
  ["certificates.k8s.io/v1beta1", "CertificateSigningRequest", 19, 22, "certificates.k8s.io/v1"],
  ["coordination.k8s.io/v1beta1", "Lease", 19, 22, "coordination.k8s.io/v1"],
  ["discovery.k8s.io/v1beta1", "EndpointSlice", 21, 25, "discovery.k8s.io/v1"],
  ["events.k8s.io/v1beta1", "Event", 22, 25, "events.k8s.io/v1"],
  ["extensions/v1beta1", "DaemonSet Deployment ReplicaSet", 8, 16, "apps/v1"],
  ["extensions/v1beta1", "NetworkPolicy", 9, 16, "networking.k8s.io/v1"],
  ["extensions/v1beta1", "PodSecurityPolicy", 11, 16, POD_SECURITY],
  ["extensions/v1beta1", "Ingress", 14, 22, "networking.k8s.io/v1"],
  ["flowcontrol.apiserver.k8s.io/v1beta1", FLOWS, 23, 26, "flowcontrol.apiserver.k8s.io/v1"],
  ["flowcontrol.apiserver.k8s.io/v1beta2", FLOWS, 26, 29, "flowcontrol.apiserver.k8s.io/v1"],
  ["flowcontrol.apiserver.k8s.io/v1beta3", FLOWS, 29, 32, "flowcontrol.apiserver.k8s.io/v1"],
  ["networking.k8s.io/v1beta1", "Ingress IngressClass", 19, 22, "networking.k8s.io/v1"],
  ["networking.k8s.io/v1beta1", "IPAddress ServiceCIDR", 34, 37, "networking.k8s.io/v1"],
  ["node.k8s.io/v1beta1", "RuntimeClass", 22, 25, "node.k8s.io/v1"],
  ["policy/v1beta1", "PodDisruptionBudget", 21, 25, "policy/v1"],
  ["policy/v1beta1", "PodSecurityPolicy", 21, 25, POD_SECURITY],
  [
    "rbac.authorization.k8s.io/v1beta1",
    "ClusterRole ClusterRoleBinding Role RoleBinding",
    17,
    22,
    "rbac.authorization.k8s.io/v1",
  ],
  ["resource.k8s.io/v1beta1", CLAIMS, 35, 38, "resource.k8s.io/v1"],
  ["resource.k8s.io/v1beta2", CLAIMS, 36, 39, "resource.k8s.io/v1"],
  ["scheduling.k8s.io/v1beta1", "PriorityClass", 14, 22, "scheduling.k8s.io/v1"],
  ["storage.k8s.io/v1beta1", "CSIDriver StorageClass VolumeAttachment", 19, 22, "storage.k8s.io/v1"],
  ["storage.k8s.io/v1beta1", "CSINode", 17, 22, "storage.k8s.io/v1"],
  ["storage.k8s.io/v1beta1", "CSIStorageCapacity", 24, 27, "storage.k8s.io/v1"],
  ["storage.k8s.io/v1beta1", "VolumeAttributesClass", 34, 37, "storage.k8s.io/v1"],
  ["v1", "ComponentStatus", 19, undefined, "the health endpoints of the components"],
  ["v1", "Endpoints", 33, undefined, "discovery.k8s.io/v1 EndpointSlice"],
];

/** Minors of Kubernetes 1: `deprecated: 21` is 1.21. */
export interface Retired {
  deprecated: number;
  removed: number | undefined;
  instead: string;
}

const RETIRED: ReadonlyMap<string, Retired> = new Map(
  ROWS.flatMap(([apiVersion, kinds, deprecated, removed, instead]) =>
    kinds.split(" ").map((kind) => [`${apiVersion}/${kind}`, { deprecated, removed, instead }] as const),
  ),
);

/** `api` as in `policy/v1beta1/PodSecurityPolicy`. */
export function retiredApi(api: string): Retired | undefined {
  return RETIRED.get(api);
}

/** 34 for `v1.34.0`. */
export function minorNumber(kubeVersion: string): number {
  return Number(kubeVersion.split(".")[1]);
}
