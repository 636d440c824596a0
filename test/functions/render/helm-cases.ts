/**
 * Charts written for these tests: each uses some of what charts use, and the real `helm template` says what is right.
 * `files` lie below `charts/app` unless they start with a slash.
 */
import { configMap, type Texts } from "./support.ts";

export interface HelmCase {
  name: string;
  files: Texts;
  values?: Record<string, unknown>;
  valuesFiles?: readonly string[];
  kubeVersion?: string;
  apiVersions?: readonly string[];
}

const chart = (extra = ""): string =>
  `apiVersion: v2\nname: app\nversion: 1.2.3\nappVersion: "4.5"\n${extra}`;
const data = (name: string, ...lines: string[]): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\ndata:\n${lines.map((line) => `  ${line}\n`).join("")}`;

export const HELM_CASES: readonly HelmCase[] = [
  {
    name: "values, defaults and quotes",
    files: {
      "Chart.yaml": chart(),
      "values.yaml": "greeting: hello\nnested: { a: 1, b: true }\n",
      "templates/a.yaml": data(
        "a",
        "greeting: {{ .Values.greeting | quote }}",
        "a: {{ .Values.nested.a | quote }}",
        'none: {{ .Values.none | default "dflt" | quote }}',
      ),
    },
  },
  {
    name: "release, chart and files objects",
    files: {
      "Chart.yaml": chart(),
      "extra/config.ini": "[a]\nb=c\n",
      "extra/other.txt": "text\n",
      "templates/a.yaml": data(
        "{{ .Release.Name }}-x",
        "namespace: {{ .Release.Namespace }}",
        "chart: {{ .Chart.Name }}-{{ .Chart.Version }}-{{ .Chart.AppVersion }}",
        "install: {{ .Release.IsInstall | quote }}",
        "upgrade: {{ .Release.IsUpgrade | quote }}",
        "revision: {{ .Release.Revision | quote }}",
        "service: {{ .Release.Service }}",
        "template: {{ .Template.Name }}",
        'ini: {{ .Files.Get "extra/config.ini" | quote }}',
        'glob: {{ (.Files.Glob "extra/*").AsConfig | quote }}',
        'secret: {{ (.Files.Glob "extra/*.txt").AsSecrets | quote }}',
        'lines: x{{ range .Files.Lines "extra/config.ini" }}{{ . }};{{ end }}',
      ),
    },
  },
  {
    name: "named templates, include, nindent and tpl",
    files: {
      "Chart.yaml": chart(),
      "values.yaml": 'tmpl: "{{ .Release.Name }}-from-values"\n',
      "templates/_helpers.tpl":
        '{{- define "app.labels" -}}\napp: {{ .Chart.Name }}\nrelease: {{ .Release.Name }}\n{{- end }}\n',
      "templates/a.yaml":
        'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  labels:\n    {{- include "app.labels" . | nindent 4 }}\ndata:\n  t: {{ tpl .Values.tmpl . }}\n',
    },
  },
  {
    name: "range, with, if, else and whitespace control",
    files: {
      "Chart.yaml": chart(),
      "values.yaml": "list: [a, b, c]\nmap: { x: 1, y: 2 }\non: true\n",
      "templates/a.yaml": `apiVersion: v1
kind: ConfigMap
metadata: { name: a }
data:
{{- range $i, $e := .Values.list }}
  key{{ $i }}: {{ $e }}
{{- end }}
{{- range $k, $v := .Values.map }}
  {{ $k }}: {{ $v | quote }}
{{- end }}
{{- with .Values.missing }}
  never: {{ . }}
{{- else }}
  otherwise: "yes"
{{- end }}
{{- if and .Values.on (not .Values.off) }}
  on: "true"
{{- end }}
`,
    },
  },
  {
    name: "sprig functions that depend on nothing but their input",
    files: {
      "Chart.yaml": chart(),
      "templates/a.yaml": data(
        "a",
        'upper: {{ "abc" | upper }}',
        'b64: {{ "abc" | b64enc }}',
        'sha: {{ "abc" | sha256sum }}',
        'trunc: {{ "abcdefgh" | trunc 3 }}',
        'suffix: {{ "abc-" | trimSuffix "-" }}',
        'dict: {{ dict "a" 1 "b" (list 1 2) | toJson | quote }}',
        'merge: {{ merge (dict "a" 1) (dict "a" 2 "b" 3) | toJson | quote }}',
        'semver: {{ semverCompare ">=1.2-0" "1.3.0" | quote }}',
        'regex: {{ regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W" }}',
        'ternary: {{ ternary "y" "n" true }}',
        "num: {{ add 1 2 | mul 3 | quote }}",
        'split: {{ (split "," "a,b")._1 }}',
        'yaml: {{ "a: [1, 2]" | fromYaml | toYaml | quote }}',
        "has: {{ has 2 (list 1 2) | quote }}",
        'adler: {{ adler32sum "x" | quote }}',
        'until: {{ untilStep 0 6 2 | join "-" }}',
        'kebab: {{ "SomeName" | kebabcase }}',
        'float: {{ float64 "1.5" | quote }}',
        "int: {{ int64 3000000 | quote }}",
        'toml: {{ dict "a" 1 | toToml | quote }}',
      ),
    },
  },
  {
    name: "large numbers of values as Helm reads them",
    files: {
      "Chart.yaml": chart(),
      "values.yaml": "big: 12345678\nsmall: 12\nfloat: 1.50\nexp: 1e3\n",
      "templates/a.yaml": data(
        "a",
        "big: {{ .Values.big | quote }}",
        'plain: {{ printf "%v" .Values.big | quote }}',
        "int: {{ int .Values.big | quote }}",
        "float: {{ .Values.float | quote }}",
        "exp: {{ .Values.exp | quote }}",
      ),
    },
  },
  {
    name: "values files in order, and the App's values over them",
    files: {
      "Chart.yaml": chart(),
      "values.yaml": "a: 1\nb: 1\nc: 1\nd: { x: 1, y: 1 }\nl: [1]\n",
      "/env/one.yaml": "b: 2\nc: 2\nd: { y: 2 }\nl: [2, 3]\n",
      "/env/two.yaml": "c: 3\n",
      "templates/a.yaml": data("a", "all: {{ .Values | toJson | quote }}"),
    },
    valuesFiles: ["env/one.yaml", "env/two.yaml"],
    values: { d: { z: "set" } },
  },
  {
    name: "a null that takes a default away",
    files: {
      "Chart.yaml": chart(),
      "values.yaml": "keep: 1\ngone: { a: 1 }\npart: { a: 1, b: 2 }\n",
      "templates/a.yaml": data("a", "all: {{ .Values | toJson | quote }}"),
    },
    values: { gone: null, part: { a: null } },
  },
  {
    name: "a subchart with its own values and the parent's over them",
    files: {
      "Chart.yaml": chart('dependencies: [{ name: sub, version: "0.1.0" }]\n'),
      "values.yaml": "sub: { colour: blue }\nglobal: { region: eu }\n",
      "templates/a.yaml": data("a", "region: {{ .Values.global.region }}"),
      "charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 0.1.0\n",
      "charts/sub/values.yaml": "colour: red\nshape: round\n",
      "charts/sub/templates/b.yaml": data(
        "{{ .Release.Name }}-sub",
        "colour: {{ .Values.colour }}",
        "shape: {{ .Values.shape }}",
        "region: {{ .Values.global.region }}",
      ),
    },
  },
  ...[true, false].map((enabled): HelmCase => ({
    name: `a subchart behind a condition that is ${enabled}`,
    files: {
      "Chart.yaml": chart('dependencies: [{ name: sub, version: "0.1.0", condition: sub.enabled }]\n'),
      "values.yaml": "sub: { enabled: false }\n",
      "templates/a.yaml": data("a", "x: y"),
      "charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 0.1.0\n",
      "charts/sub/templates/b.yaml": data("b", "x: y"),
    },
    values: { sub: { enabled } },
  })),
  {
    name: "tags, aliases and imported values",
    files: {
      "Chart.yaml": chart(
        "dependencies:\n  - { name: sub, version: 0.1.0, alias: first, tags: [front] }\n  - { name: sub, version: 0.1.0, alias: second, tags: [back], import-values: [{ child: exported, parent: got }] }\n",
      ),
      "values.yaml": "tags: { front: true, back: true }\nfirst: { n: 1 }\nsecond: { n: 2 }\n",
      "templates/a.yaml": data("a", "got: {{ .Values.got | toJson | quote }}"),
      "charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 0.1.0\n",
      "charts/sub/values.yaml": "n: 0\nexported: { k: v }\n",
      "charts/sub/templates/b.yaml": data("b-{{ .Values.n }}", "chart: {{ .Chart.Name }}"),
    },
  },
  {
    name: "a library chart's templates",
    files: {
      "Chart.yaml": chart("dependencies: [{ name: lib, version: 0.1.0 }]\n"),
      "templates/a.yaml": '{{ include "lib.configmap" (dict "name" "from-lib" "root" .) }}\n',
      "charts/lib/Chart.yaml": "apiVersion: v2\nname: lib\nversion: 0.1.0\ntype: library\n",
      "charts/lib/templates/_cm.tpl":
        '{{- define "lib.configmap" -}}\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: {{ .name }} }\ndata: { release: {{ .root.Release.Name }} }\n{{- end -}}\n',
    },
  },
  {
    name: "CRDs, also of a subchart",
    files: {
      "Chart.yaml": chart("dependencies: [{ name: sub, version: 0.1.0 }]\n"),
      "crds/one.yaml":
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: ones.x.io }\n---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: twos.x.io }\n",
      "templates/a.yaml": data("a", "x: y"),
      "charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 0.1.0\n",
      "charts/sub/crds/three.yaml":
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: threes.x.io }\n",
    },
  },
  {
    name: "hooks with weights, and tests",
    files: {
      "Chart.yaml": chart(),
      "templates/pre.yaml":
        'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: pre\n  annotations: { "helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-weight": "-5", "helm.sh/hook-delete-policy": before-hook-creation }\n',
      "templates/post.yaml":
        'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: post\n  annotations: { "helm.sh/hook": post-install }\n',
      "templates/tests/test.yaml":
        'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: test\n  annotations: { "helm.sh/hook": test }\n',
      "templates/a.yaml": data("a", "x: y"),
    },
  },
  {
    name: "capabilities: the version",
    files: {
      "Chart.yaml": chart('kubeVersion: ">=1.28-0"\n'),
      "templates/a.yaml": data(
        "a",
        "v: {{ .Capabilities.KubeVersion.Version }}",
        "m: {{ .Capabilities.KubeVersion.Major }}-{{ .Capabilities.KubeVersion.Minor }}",
        "s: {{ .Capabilities.KubeVersion }}",
        "g: {{ .Capabilities.KubeVersion.GitVersion }}",
        'c: {{ semverCompare ">=1.30-0" .Capabilities.KubeVersion.Version | quote }}',
      ),
    },
    kubeVersion: "v1.33.0",
  },
  {
    name: "capabilities: an API that is there, and one that is not",
    files: {
      "Chart.yaml": chart(),
      "templates/a.yaml": `{{- if .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" }}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: { name: m }
{{- else }}
${data("none", "x: y")}{{- end }}
---
{{- if .Capabilities.APIVersions.Has "absent.example/v1/Thing" }}
${data("absent", "x: y")}
{{- end }}
`,
    },
    apiVersions: ["monitoring.coreos.com/v1"],
  },
  {
    name: "capabilities taken as a list",
    files: {
      "Chart.yaml": chart(),
      "templates/a.yaml": data(
        "a",
        "len: {{ len .Capabilities.APIVersions | quote }}",
        'has: {{ has "apps/v1" .Capabilities.APIVersions | quote }}',
      ),
    },
  },
  {
    name: "capabilities passed on whole",
    files: {
      "Chart.yaml": chart(),
      "templates/_h.tpl":
        '{{- define "v" -}}{{ .KubeVersion.Minor }}{{ .APIVersions.Has "apps/v1" }}{{- end }}',
      "templates/a.yaml": data("a", 'v: {{ include "v" .Capabilities | quote }}'),
    },
  },
  {
    name: "lookup, which finds nothing",
    files: {
      "Chart.yaml": chart(),
      "templates/a.yaml": data(
        "a",
        'found: {{ lookup "v1" "Secret" "default" "x" | toJson | quote }}',
        '{{ if not (lookup "v1" "Secret" "default" "x") }}fresh: "yes"{{ end }}',
      ),
    },
  },
  {
    name: "lists and several documents in one template",
    files: {
      "Chart.yaml": chart(),
      "templates/a.yaml": `${configMap("one")}---\n# only a comment\n---\n${configMap("two")}---\n`,
    },
  },
  {
    name: "the order of installation by kind",
    files: {
      "Chart.yaml": chart(),
      "templates/z.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: { name: space }\n",
      "templates/a.yaml":
        "apiVersion: v1\nkind: Service\nmetadata: { name: s }\nspec: { ports: [ { port: 80 } ] }\n",
      "templates/b.yaml": "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: sa }\n",
    },
  },
  {
    name: ".helmignore, dotfiles and NOTES.txt",
    files: {
      "Chart.yaml": chart(),
      ".helmignore": "# no drafts\n*.draft\nsecret/\n/top.txt\n",
      "templates/.hidden.yaml": "this is { no yaml",
      "templates/NOTES.txt": "Thank you for installing {{ .Chart.Name }}.",
      "templates/a.yaml": data("a", 'files: {{ range $p, $_ := .Files.Glob "**" }}{{ $p }},{{ end }}'),
      "notes.draft": "x",
      "top.txt": "x",
      "kept.txt": "x",
    },
  },
  {
    name: ".helmignore of folders",
    files: {
      "Chart.yaml": chart(),
      ".helmignore": "secret/\n*.bak\nci/*.yaml\n",
      "secret/a.txt": "x",
      "deep/secret/b.txt": "x",
      "x.bak": "x",
      "ci/v.yaml": "x: y",
      "ci/v.txt": "x",
      "templates/a.yaml": data("a", 'files: {{ range $p, $_ := .Files.Glob "**" }}{{ $p }},{{ end }}'),
    },
  },
  {
    name: "values checked by their schema",
    files: {
      "Chart.yaml": chart(),
      "values.yaml": "port: 80\n",
      "values.schema.json": JSON.stringify({
        $schema: "http://json-schema.org/draft-07/schema#",
        type: "object",
        properties: { port: { type: "integer", minimum: 1 } },
      }),
      "templates/a.yaml": data("a", "port: {{ .Values.port | quote }}"),
    },
    values: { port: 8080 },
  },
  {
    name: "required values and fail that is not reached",
    files: {
      "Chart.yaml": chart(),
      "values.yaml": "must: here\n",
      "templates/a.yaml":
        '{{- if eq .Values.must "nope" }}{{ fail "never" }}{{ end }}\n' +
        data("a", 'must: {{ required "must is needed" .Values.must }}'),
    },
  },
  {
    name: "a chart of the old apiVersion with requirements.yaml",
    files: {
      "Chart.yaml": "apiVersion: v1\nname: app\nversion: 0.1.0\n",
      "requirements.yaml": "dependencies: [{ name: sub, version: 0.1.0 }]\n",
      "templates/a.yaml": data("a", "x: y"),
      "charts/sub/Chart.yaml": "apiVersion: v1\nname: sub\nversion: 0.1.0\n",
      "charts/sub/templates/b.yaml": data("b", "x: y"),
    },
  },
  {
    name: "YAML anchors and block texts in a template",
    files: {
      "Chart.yaml": chart(),
      "templates/a.yaml":
        "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n  one: &x |\n    line 1\n    line 2\n  two: *x\n  three: >-\n    folded\n    text\n",
    },
  },
];
