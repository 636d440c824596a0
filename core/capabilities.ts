/**
 * What charts may know of a cluster: its Kubernetes minor and the APIs it serves. The patch release is left out, so that
 * clusters which differ in nothing else share their renders.
 */
import * as z from "zod";

export const APIS_MAX = 5000;
export const API_CHARS_MAX = 400;

/** `apiVersions` as Helm names them: `apps/v1`, and `apps/v1/Deployment`. */
export interface Capabilities {
  /** `v1.34.0` */
  kubeVersion: string;
  apiVersions: readonly string[];
}

/** Of one cluster. What it has not told is filled up with the standard, and nothing is held against it. */
export interface ClusterCapabilities extends Capabilities {
  versionTold: boolean;
  apisTold: boolean;
}

/** A list as it is told, compared and kept: sorted, nothing twice. Its digest is that of its canonical JSON. */
export const apiListSchema = z
  .array(z.string().min(1).max(API_CHARS_MAX))
  .max(APIS_MAX)
  .refine((apis) => apis.every((api, at) => at === 0 || (apis[at - 1] ?? "") < api), "must be sorted");

/** Undefined where the list is too long to be told. `served` are pairs such as `apps/v1`, `Deployment`. */
export function apiList(served: Iterable<readonly [apiVersion: string, kind: string]>): string[] | undefined {
  const found = new Set<string>();
  for (const [apiVersion, kind] of served) found.add(apiVersion).add(`${apiVersion}/${kind}`);
  const apis = [...found].filter((api) => api.length <= API_CHARS_MAX).sort();
  return apis.length > APIS_MAX ? undefined : apis;
}

/** `v1.34.4+k3s1` and `1.34` are `v1.34.0`; undefined for what is no version of Kubernetes. */
export function minorOf(version: string): string | undefined {
  const [, major, minor] = /^v?(\d{1,3})\.(\d{1,3})/.exec(version) ?? [];
  return major === undefined || minor === undefined ? undefined : `v${major}.${minor}.0`;
}

/** A cluster that has not told its version or APIs yet counts as a plain one of this version. */
export const STANDARD_KUBERNETES = "v1.34.0";

/** What an API server of that version serves by itself. */
const STANDARD: Readonly<Record<string, string>> = {
  v1: "Binding ComponentStatus ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume PersistentVolumeClaim Pod PodTemplate ReplicationController ResourceQuota Secret Service ServiceAccount",
  "admissionregistration.k8s.io/v1":
    "MutatingWebhookConfiguration ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration",
  "apiextensions.k8s.io/v1": "CustomResourceDefinition",
  "apiregistration.k8s.io/v1": "APIService",
  "apps/v1": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
  "authentication.k8s.io/v1": "SelfSubjectReview TokenReview",
  "authorization.k8s.io/v1":
    "LocalSubjectAccessReview SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
  "autoscaling/v1": "HorizontalPodAutoscaler",
  "autoscaling/v2": "HorizontalPodAutoscaler",
  "batch/v1": "CronJob Job",
  "certificates.k8s.io/v1": "CertificateSigningRequest",
  "coordination.k8s.io/v1": "Lease",
  "discovery.k8s.io/v1": "EndpointSlice",
  "events.k8s.io/v1": "Event",
  "flowcontrol.apiserver.k8s.io/v1": "FlowSchema PriorityLevelConfiguration",
  "networking.k8s.io/v1": "Ingress IngressClass IPAddress NetworkPolicy ServiceCIDR",
  "node.k8s.io/v1": "RuntimeClass",
  "policy/v1": "PodDisruptionBudget",
  "rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding Role RoleBinding",
  "resource.k8s.io/v1": "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice",
  "scheduling.k8s.io/v1": "PriorityClass",
  "storage.k8s.io/v1":
    "CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment VolumeAttributesClass",
};

export const STANDARD_APIS: readonly string[] = Object.entries(STANDARD).flatMap(([version, kinds]) => [
  version,
  ...kinds.split(" ").map((kind) => `${version}/${kind}`),
]);

/** What is known of a cluster, filled up with the standard. */
export function capabilitiesOf(
  version: string | undefined,
  apis: readonly string[] | undefined,
): ClusterCapabilities {
  const minor = version === undefined ? undefined : minorOf(version);
  return {
    kubeVersion: minor ?? STANDARD_KUBERNETES,
    apiVersions: apis ?? STANDARD_APIS,
    versionTold: minor !== undefined,
    apisTold: apis !== undefined,
  };
}
