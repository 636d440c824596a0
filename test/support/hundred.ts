/** A hundred manifests of the shapes that real repositories hold, with all that a server fills in left out. */
import type { KubeObject } from "#core/object.ts";

type Fields = Record<string, unknown>;

const object = (
  apiVersion: string,
  kind: string,
  name: string,
  fields: Fields,
  metadata: Fields = {},
): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, ...metadata },
  ...fields,
});

function podSpec(name: string): Fields {
  return {
    serviceAccountName: name,
    containers: [
      {
        name: "main",
        image: `registry.example/${name}:1.2.3`,
        ports: [{ containerPort: 8080 }, { name: "metrics", containerPort: 9090, protocol: "TCP" }],
        env: [
          { name: "ZONE", value: "a" },
          { name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
          { name: "KEY", valueFrom: { secretKeyRef: { name, key: "key" } } },
        ],
        // Spelled as people do: the server keeps 1, 1500m and 1Gi.
        resources: { requests: { cpu: "1000m", memory: "1024Mi" }, limits: { cpu: 1.5, memory: "2Gi" } },
        readinessProbe: { httpGet: { path: "/ready", port: 8080 } },
        volumeMounts: [{ name: "config", mountPath: "/etc/config" }],
        securityContext: { capabilities: { drop: ["ALL"] } },
      },
    ],
    initContainers: [{ name: "init", image: "registry.example/init:1", command: ["true"] }],
    volumes: [
      { name: "config", configMap: { name } },
      { name: "secret", secret: { secretName: name, optional: true } },
      { name: "tmp", emptyDir: {} },
    ],
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: "zone",
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: { app: name } },
      },
    ],
  };
}

/** What one service of a shop brings along: twenty objects. */
function service(name: string): KubeObject[] {
  const labels = { app: name, "app.kubernetes.io/part-of": "shop" };
  const matchLabels = { app: name };
  const template = { metadata: { labels, annotations: { "checksum/config": "0f" } }, spec: podSpec(name) };
  const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name };
  const role = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name };
  const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list"] }];
  const backend = { service: { name, port: { number: 80 } } };
  const job = { template: { spec: { ...podSpec(name), restartPolicy: "OnFailure" } } };
  const claim = {
    metadata: { name: "data" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1024Mi" } } },
  };
  return [
    object("v1", "ServiceAccount", name, { automountServiceAccountToken: false }),
    object("v1", "ConfigMap", name, { data: { "app.yaml": "a: 1\nb: [1, 2]\n", empty: "" } }, { labels }),
    object("v1", "ConfigMap", `${name}-fixed`, {
      immutable: true,
      data: { a: "1" },
      binaryData: { b: "AAEC" },
    }),
    object("v1", "Secret", name, { stringData: { key: "value" } }),
    object("v1", "Secret", `${name}-tls`, {
      type: "kubernetes.io/tls",
      data: { "tls.crt": "", "tls.key": "" },
    }),
    object(
      "v1",
      "Service",
      name,
      {
        spec: {
          selector: matchLabels,
          ports: [
            { port: 80, targetPort: 8080 },
            { name: "metrics", port: 9090 },
          ].map((port, index) => ({ name: `p${index}`, ...port })),
        },
      },
      { labels },
    ),
    object("v1", "Service", `${name}-headless`, {
      spec: { clusterIP: "None", selector: matchLabels, ports: [{ port: 80 }] },
    }),
    object("v1", "Service", `${name}-external`, {
      spec: { type: "ExternalName", externalName: "db.example.com" },
    }),
    object("apps/v1", "Deployment", name, {
      spec: { selector: { matchLabels }, template, strategy: { rollingUpdate: { maxSurge: "25%" } } },
    }),
    object("apps/v1", "StatefulSet", `${name}-db`, {
      spec: {
        serviceName: `${name}-headless`,
        replicas: 1,
        selector: { matchLabels },
        template,
        volumeClaimTemplates: [claim],
      },
    }),
    object("apps/v1", "DaemonSet", `${name}-agent`, { spec: { selector: { matchLabels }, template } }),
    object("v1", "PersistentVolumeClaim", `${name}-files`, {
      spec: { ...claim.spec, storageClassName: "none" },
    }),
    object("autoscaling/v2", "HorizontalPodAutoscaler", name, {
      spec: {
        maxReplicas: 5,
        scaleTargetRef,
        metrics: [
          {
            type: "Resource",
            resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } },
          },
        ],
      },
    }),
    object("policy/v1", "PodDisruptionBudget", name, {
      spec: { maxUnavailable: 1, selector: { matchLabels } },
    }),
    object("networking.k8s.io/v1", "Ingress", name, {
      spec: {
        ingressClassName: "web",
        tls: [{ hosts: ["a.example.com"], secretName: `${name}-tls` }],
        rules: [{ host: "a.example.com", http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }],
      },
    }),
    object("networking.k8s.io/v1", "NetworkPolicy", name, {
      spec: {
        podSelector: { matchLabels },
        ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 8080 }] }],
      },
    }),
    object("rbac.authorization.k8s.io/v1", "Role", name, { rules }),
    object("rbac.authorization.k8s.io/v1", "RoleBinding", name, {
      roleRef: role,
      subjects: [{ kind: "ServiceAccount", name }],
    }),
    object("batch/v1", "CronJob", name, { spec: { schedule: "0 3 * * *", jobTemplate: { spec: job } } }),
    object("batch/v1", "Job", name, { spec: job }),
  ];
}

/** Kinds of a custom group whose schema has defaults, and what is not in any namespace. `suffix` keeps tests apart. */
function shared(suffix: string): KubeObject[] {
  const group = `${suffix}.shop.example.com`;
  const properties = {
    spec: {
      type: "object",
      properties: {
        size: { type: "integer", default: 3 },
        mode: { type: "string", default: "fast" },
        ports: {
          type: "array",
          items: {
            type: "object",
            properties: { port: { type: "integer" }, protocol: { type: "string", default: "TCP" } },
          },
        },
        limit: { "x-kubernetes-int-or-string": true },
        free: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
    },
    status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  };
  const version = {
    name: "v1",
    served: true,
    storage: true,
    subresources: { status: {} },
    schema: { openAPIV3Schema: { type: "object", properties } },
  };
  const names = { kind: "Basket", plural: "baskets" };
  const hook = {
    name: `hook.${group}`,
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    failurePolicy: "Ignore",
    clientConfig: { service: { name: "hook", namespace: "default", path: "/" } },
    rules: [{ apiGroups: [group], apiVersions: ["*"], operations: ["CREATE"], resources: ["nothing"] }],
  };
  const clusterRole = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: group };
  const basket = (name: string, spec: Fields) => object(`${group}/v1`, "Basket", name, { spec });
  return [
    object("apiextensions.k8s.io/v1", "CustomResourceDefinition", `baskets.${group}`, {
      spec: { group, scope: "Namespaced", names, versions: [version] },
    }),
    basket("plain", {}),
    basket("full", {
      size: 1,
      limit: "10%",
      ports: [{ port: 80 }],
      free: { any: { deep: [1, null, "x"] }, float: 1.5 },
    }),
    object("rbac.authorization.k8s.io/v1", "ClusterRole", group, {
      rules: [{ apiGroups: [group], resources: ["*"], verbs: ["*"] }],
    }),
    object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", group, {
      roleRef: clusterRole,
      subjects: [{ kind: "Group", name: group, apiGroup: "rbac.authorization.k8s.io" }],
    }),
    object("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", group, { webhooks: [hook] }),
    object("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", group, { webhooks: [hook] }),
    object("scheduling.k8s.io/v1", "PriorityClass", suffix, { value: 1000, description: "for the shop" }),
    object("networking.k8s.io/v1", "IngressClass", suffix, { spec: { controller: "example.com/web" } }),
    object("v1", "ResourceQuota", "quota", { spec: { hard: { "requests.cpu": "100", pods: 200 } } }),
    object("v1", "LimitRange", "limits", {
      spec: { limits: [{ type: "Container", default: { cpu: "2000m" } }] },
    }),
    object("storage.k8s.io/v1", "StorageClass", suffix, { provisioner: "example.com/none" }),
  ];
}

export function hundredManifests(suffix: string): KubeObject[] {
  return [...shared(suffix), ...["cart", "catalog", "checkout", "mail", "search"].flatMap(service)];
}
