/**
 * Kustomizations that use what Kustomize documents, one thing each; the real `kustomize build --enable-helm` says what is
 * right. Files lie at the root, the kustomization that is built in `app`.
 */
import { configMap, deployment, type Texts } from "./support.ts";

export interface KustomizeCase {
  name: string;
  files: Texts;
}

const base: Texts = {
  "base/kustomization.yaml": "resources: [deployment.yaml, service.yaml, config.yaml]\n",
  "base/deployment.yaml": deployment("web"),
  "base/service.yaml":
    "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { selector: { app: web }, ports: [{ port: 80 }] }\n",
  "base/config.yaml": configMap("settings", "{ key: value }"),
};
const overlay = (kustomization: string, more: Texts = {}): Texts => ({
  ...base,
  "app/kustomization.yaml": kustomization,
  ...more,
});
const chart = (at: string, template: string, values = "colour: red\n"): Texts => ({
  [`${at}/Chart.yaml`]: `apiVersion: v2\nname: ${at.split("/").at(-1) ?? ""}\nversion: 1.0.0\n`,
  [`${at}/values.yaml`]: values,
  [`${at}/templates/a.yaml`]: template,
});
const coloured =
  'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ .Release.Name }}-c, namespace: {{ .Release.Namespace }} }\ndata: { colour: {{ .Values.colour }}, shape: {{ .Values.shape | default "none" }} }\n';

export const KUSTOMIZE_CASES: readonly KustomizeCase[] = [
  {
    name: "labels with selectors and templates, and without",
    files: overlay(
      "resources: [../base]\nlabels:\n  - { pairs: { team: a }, includeSelectors: true }\n  - { pairs: { tier: b }, includeTemplates: true }\n  - { pairs: { plain: c } }\n",
    ),
  },
  { name: "commonLabels", files: overlay("resources: [../base]\ncommonLabels: { owner: me }\n") },
  {
    name: "labels with fields of their own",
    files: overlay(
      "resources: [../base]\nlabels:\n  - pairs: { x: 'yes' }\n    fields: [{ path: spec/template/metadata/labels, kind: Deployment, create: true }]\n",
    ),
  },
  { name: "buildMetadata", files: overlay("resources: [../base]\nbuildMetadata: [originAnnotations]\n") },
  {
    name: "patchesStrategicMerge with a deletion",
    files: overlay("resources: [../base]\npatchesStrategicMerge: [p.yaml]\n", {
      "app/p.yaml": "$patch: delete\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\n",
    }),
  },
  {
    name: "a strategic merge that replaces a list",
    files: overlay(
      'resources: [../base]\npatches:\n  - patch: |\n      apiVersion: apps/v1\n      kind: Deployment\n      metadata: { name: web }\n      spec: { template: { spec: { containers: [ { $patch: replace }, { name: other, image: "x:1" } ] } } }\n',
    ),
  },
  {
    name: "a patch for all of a kind by label selector",
    files: overlay(
      "resources: [../base]\nlabels: [{ pairs: { hit: 'yes' } }]\npatches:\n  - target: { kind: Deployment|Service, labelSelector: 'app!=x' }\n    patch: |-\n      - { op: add, path: /metadata/annotations, value: { patched: 'yes' } }\n",
    ),
  },
  {
    name: "patches that change name and kind where allowed",
    files: overlay(
      "resources: [../base]\npatches:\n  - target: { kind: ConfigMap }\n    options: { allowNameChange: true, allowKindChange: true }\n    patch: |-\n      - { op: replace, path: /metadata/name, value: renamed }\n",
    ),
  },
  {
    name: "patchesJson6902 with test, copy and remove",
    files: overlay(
      "resources: [../base]\npatchesJson6902:\n  - target: { version: v1, kind: ConfigMap, name: settings }\n    patch: |-\n      - { op: test, path: /data/key, value: value }\n      - { op: copy, from: /data/key, path: /data/other }\n      - { op: remove, path: /data/key }\n",
    ),
  },
  {
    name: "generators that merge with and replace the base's",
    files: {
      ...base,
      "base2/kustomization.yaml": "configMapGenerator: [{ name: g, literals: [a=1, b=2] }]\n",
      "app/kustomization.yaml":
        "resources: [../base2]\nconfigMapGenerator: [{ name: g, behavior: merge, literals: [b=3, c=4] }]\n",
    },
  },
  {
    name: "generatorOptions, and options of one generator",
    files: overlay(
      "resources: [../base]\ngeneratorOptions: { disableNameSuffixHash: true, labels: { all: 'yes' }, annotations: { count: '1' } }\nconfigMapGenerator:\n  - { name: one, literals: [a=b] }\n  - { name: two, literals: [a=b], options: { immutable: true } }\nsecretGenerator:\n  - { name: three, type: kubernetes.io/basic-auth, literals: [username=u, password=p] }\n",
    ),
  },
  {
    name: "hashed names in every kind of reference",
    files: overlay(
      "resources: [pod.yaml]\nconfigMapGenerator: [{ name: c, literals: [a=b] }]\nsecretGenerator: [{ name: s, literals: [a=b] }]\n",
      {
        "app/pod.yaml":
          "apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nspec:\n  imagePullSecrets: [{ name: s }]\n  volumes:\n    - { name: v, projected: { sources: [{ configMap: { name: c } }, { secret: { name: s } }] } }\n  containers:\n    - name: m\n      image: i\n      env: [{ name: E, valueFrom: { secretKeyRef: { name: s, key: a } } }, { name: F, valueFrom: { configMapKeyRef: { name: c, key: a } } }]\n",
      },
    ),
  },
  {
    name: "namePrefix through two overlays, with references",
    files: {
      ...base,
      "mid/kustomization.yaml": "resources: [../base, role.yaml]\nnamePrefix: mid-\n",
      "mid/role.yaml":
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: sa }\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: { name: rb }\nroleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: r }\nsubjects: [{ kind: ServiceAccount, name: sa, namespace: default }]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: { name: r }\nrules: []\n",
      "app/kustomization.yaml": "resources: [../mid]\nnamePrefix: top-\nnamespace: shop\n",
    },
  },
  {
    name: "images by digest, by tag suffix and by name",
    files: overlay(
      "resources: [../base]\nimages:\n  - { name: nginx, digest: 'sha256:24a0c4b4a4c0eb97a1aabb8e29f18e917d05abfe1b7a7c07857230879ce7d3d3' }\n",
    ),
  },
  {
    name: "replacements with delimiters, from a file, into several targets",
    files: overlay("resources: [../base]\nreplacements: [{ path: r.yaml }]\n", {
      "app/r.yaml":
        "source: { kind: Service, name: web, fieldPath: metadata.name }\ntargets:\n  - select: { kind: ConfigMap }\n    fieldPaths: [data.host]\n    options: { create: true }\n  - select: { kind: Deployment }\n    fieldPaths: ['spec.template.spec.containers.0.image']\n    options: { delimiter: ':', index: 0 }\n",
    }),
  },
  {
    name: "vars, as old kustomizations have them",
    files: overlay(
      "resources: [../base, job.yaml]\nvars: [{ name: SVC, objref: { kind: Service, name: web, apiVersion: v1 } }]\n",
      {
        "app/job.yaml":
          "apiVersion: batch/v1\nkind: Job\nmetadata: { name: j }\nspec: { template: { spec: { restartPolicy: Never, containers: [{ name: c, image: i, args: ['$(SVC)'] }] } } }\n",
      },
    ),
  },
  {
    name: "components in a component, over a shared base",
    files: overlay("resources: [../base]\ncomponents: [../parts/a, ../parts/b]\n", {
      "parts/a/kustomization.yaml":
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -a\ncomponents: [../c]\n",
      "parts/b/kustomization.yaml":
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: { b: 'yes' }\n",
      "parts/c/kustomization.yaml":
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [c.yaml]\n",
      "parts/c/c.yaml": configMap("from-c"),
    }),
  },
  {
    name: "CRDs' fields as references, and configurations of transformers",
    files: overlay("resources: [../base, thing.yaml]\nnamePrefix: x-\nconfigurations: [refs.yaml]\n", {
      "app/thing.yaml":
        "apiVersion: e.com/v1\nkind: Thing\nmetadata: { name: t }\nspec: { settingsRef: { name: settings } }\n",
      "app/refs.yaml":
        "nameReference:\n  - kind: ConfigMap\n    fieldSpecs: [{ path: spec/settingsRef/name, kind: Thing }]\n",
    }),
  },
  {
    name: "built-in transformers and generators as resources",
    files: overlay("resources: [../base]\ntransformers: [t.yaml]\ngenerators: [g.yaml]\n", {
      "app/t.yaml":
        "apiVersion: builtin\nkind: PrefixSuffixTransformer\nmetadata: { name: n }\nprefix: pre-\nfieldSpecs: [{ path: metadata/name, kind: Service }]\n",
      "app/g.yaml":
        "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: { name: made }\nliterals: [a=b]\n",
    }),
  },
  {
    name: "sortOptions",
    files: overlay("resources: [../base]\nsortOptions: { order: legacy }\n"),
  },
  {
    name: "inline patch of many documents",
    files: overlay(
      "resources: [../base]\npatches:\n  - patch: |\n      apiVersion: v1\n      kind: ConfigMap\n      metadata: { name: settings }\n      data: { more: 'x' }\n      ---\n      apiVersion: v1\n      kind: Service\n      metadata: { name: web }\n      spec: { type: LoadBalancer }\n",
    ),
  },
  {
    name: "a namespace for everything but what has no namespace, with role bindings",
    files: overlay("resources: [../base, rbac.yaml]\nnamespace: shop\n", {
      "app/rbac.yaml":
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: default }\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: { name: crb }\nroleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view }\nsubjects: [{ kind: ServiceAccount, name: default, namespace: other }]\n",
    }),
  },
  {
    name: "a chart in the repository",
    files: overlay(
      "namespace: shop\nresources: [../base]\nhelmCharts: [{ name: paint, releaseName: wall, namespace: walls }]\n",
      chart("app/charts/paint", coloured),
    ),
  },
  {
    name: "a chart with inline values, and a patch over its objects",
    files: overlay(
      "helmCharts:\n  - { name: paint, releaseName: wall, valuesInline: { colour: blue, shape: round } }\npatches:\n  - target: { kind: ConfigMap }\n    patch: |-\n      - { op: add, path: /data/extra, value: 'yes' }\nnamePrefix: p-\n",
      chart("app/charts/paint", coloured),
    ),
  },
  ...["override", "merge", "replace"].map((valuesMerge): KustomizeCase => ({
    name: `a chart with a values file and inline values: ${valuesMerge}`,
    files: overlay(
      `helmCharts:\n  - { name: paint, releaseName: wall, valuesFile: v.yaml, valuesInline: { colour: inline }, valuesMerge: ${valuesMerge} }\n`,
      { ...chart("app/charts/paint", coloured), "app/v.yaml": "colour: file\nshape: file\n" },
    ),
  })),
  {
    name: "charts in a home of their own, with more values files, versions and APIs",
    files: overlay(
      "helmGlobals: { chartHome: ../charts }\nhelmCharts:\n  - { name: paint, releaseName: a, additionalValuesFiles: [one.yaml, two.yaml] }\n  - { name: probe, releaseName: b, kubeVersion: 1.29.0, apiVersions: [e.com/v1] }\n",
      {
        ...chart("charts/paint", coloured),
        ...chart(
          "charts/probe",
          'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: probe }\ndata: { v: {{ .Capabilities.KubeVersion.Version }}, has: {{ .Capabilities.APIVersions.Has "e.com/v1" | quote }} }\n',
        ),
        "app/one.yaml": "colour: one\nshape: one\n",
        "app/two.yaml": "shape: two\n",
      },
    ),
  },
  {
    name: "a chart in a base, with CRDs, and without hooks",
    files: {
      "app/kustomization.yaml": "resources: [../lib]\nnamespace: other\n",
      "lib/kustomization.yaml":
        "helmCharts: [{ name: paint, releaseName: wall, includeCRDs: true, skipHooks: true }]\n",
      ...chart("lib/charts/paint", coloured),
      "lib/charts/paint/crds/x.yaml":
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: xs.e.com }\n",
      "lib/charts/paint/templates/hook.yaml":
        'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: h, annotations: { "helm.sh/hook": pre-install } }\n',
    },
  },
];
