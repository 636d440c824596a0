/**
 * Charts on the engine: the same objects as the real `helm template` makes, and what a render asked of the cluster.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import type { KubeObject } from "#core/object.ts";
import { ensureTool } from "../../../cli/dev/tools.ts";
import { answersTo } from "#core/asked.ts";
import type { HelmOptions } from "../../../functions/render/helm.ts";
import type { RenderResult } from "../../../functions/render/result.ts";
import { HELM_CASES, type HelmCase } from "./helm-cases.ts";
import { errorOf, objectsOf, useRenderer, type Texts } from "./support.ts";

const renderer = useRenderer();
let helm: string;
let known: string[];

beforeAll(async () => {
  helm = join(await ensureTool("helm"), "helm");
  known = await knownToHelm();
}, 900_000);

/** The APIs that the program takes for granted; here they are told, as a cluster's agent would. */
async function knownToHelm(): Promise<string[]> {
  const [object] = await template({
    name: "",
    files: {
      "Chart.yaml": "apiVersion: v2\nname: app\nversion: 0.1.0\n",
      "templates/a.yaml":
        'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { all: {{ .Capabilities.APIVersions | join "," | quote }} }\n',
    },
  }).then(sorted);
  return (object as unknown as { data: { all: string } }).data.all.split(",");
}

const atRoot = (files: Texts): Texts =>
  Object.fromEntries(
    Object.entries(files).map(([path, text]) => [
      path.startsWith("/") ? path.slice(1) : `charts/app/${path}`,
      text,
    ]),
  );

function optionsOf({ values, valuesFiles, kubeVersion, apiVersions }: Partial<HelmCase>): HelmOptions {
  return {
    release: "rel",
    namespace: "ns",
    values: values ?? {},
    valuesFiles: valuesFiles ?? [],
    skipCrds: false,
    capabilities: { kubeVersion: kubeVersion ?? "v1.34.0", apiVersions: [...known, ...(apiVersions ?? [])] },
  };
}

const ours = (one: HelmCase): Promise<RenderResult> =>
  renderer.render(atRoot(one.files), "charts/app", optionsOf(one));

async function template(one: HelmCase): Promise<KubeObject[]> {
  const root = await mkdtemp(join(tmpdir(), "fairlead-helm-"));
  try {
    for (const [path, text] of Object.entries({
      ...atRoot(one.files),
      "own-values.json": JSON.stringify(one.values ?? {}),
    })) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
    const values = [...(one.valuesFiles ?? []), "own-values.json"].flatMap((file) => ["-f", file]);
    const apis = (one.apiVersions ?? []).flatMap((api) => ["--api-versions", api]);
    const version = ["--kube-version", one.kubeVersion ?? "v1.34.0"];
    const args = [
      "template",
      "rel",
      "charts/app",
      "-n",
      "ns",
      "--include-crds",
      ...values,
      ...apis,
      ...version,
    ];
    const { stdout } = await promisify(execFile)(helm, args, {
      cwd: root,
      env: { ...process.env, HOME: root, XDG_CACHE_HOME: root, XDG_CONFIG_HOME: root, XDG_DATA_HOME: root },
    });
    return parseAllDocuments(stdout, { version: "1.1" })
      .map((document) => document.toJS() as KubeObject | null)
      .filter((object) => object !== null);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

const sorted = (objects: readonly KubeObject[]): KubeObject[] =>
  objects.toSorted((a, b) => (a.kind + a.metadata.name < b.kind + b.metadata.name ? -1 : 1));

describe("render of a chart", () => {
  it.each(HELM_CASES)("makes the same objects as helm: $name", async (one) => {
    const [mine, theirs] = [objectsOf(await ours(one)), await template(one)];
    expect(theirs.length).toBeGreaterThan(0);
    expect(sorted(mine)).toEqual(sorted(theirs));
  });

  it("gives the same bytes for the same files, whatever was rendered in between", async () => {
    const [first, second] = [HELM_CASES[3], HELM_CASES[9]];
    if (first === undefined || second === undefined) throw new Error("no cases");
    const before = JSON.stringify(objectsOf(await ours(first)));
    await ours(second);
    expect(JSON.stringify(objectsOf(await ours(first)))).toBe(before);
  });
});

const chart = "apiVersion: v2\nname: app\nversion: 0.1.0\n";
const failing = async (files: Texts, values: Record<string, unknown> = {}) =>
  errorOf(await ours({ name: "", files: { "Chart.yaml": chart, ...files }, values }));

describe("a chart that cannot be rendered", () => {
  it("names the template and the line", async () => {
    expect(await failing({ "templates/a.yaml": "a: b\nc: {{ .Values.x.y }}\n" })).toMatchObject({
      file: "charts/app/templates/a.yaml",
      line: 2,
      message: expect.stringContaining("nil pointer") as string,
    });
    expect(await failing({ "templates/a.yaml": "{{ if }}\n" })).toMatchObject({
      file: "charts/app/templates/a.yaml",
      line: 1,
    });
    expect(
      await failing({ "templates/a.yaml": 'x: {{ required "port is needed" .Values.port }}\n' }),
    ).toMatchObject({ file: "charts/app/templates/a.yaml", line: 1, message: "port is needed" });
    expect(await failing({ "templates/a.yaml": '{{ fail "not like this" }}' })).toMatchObject({
      message: expect.stringContaining("not like this") as string,
      file: "charts/app/templates/a.yaml",
    });
  });

  it("names a dependency that was not fetched, with the way out", async () => {
    const files = { "Chart.yaml": `${chart}dependencies: [{ name: sub, version: 1.0.0 }]\n` };
    expect((await failing(files)).message).toContain("helm dependency build");
  });

  it("says which value breaks the schema", async () => {
    const schema = JSON.stringify({ properties: { port: { type: "integer" } } });
    const found = await failing({ "values.schema.json": schema, "templates/a.yaml": "" }, { port: "x" });
    expect(found.message).toContain("port");
  });

  it("is told that a library renders nothing, and which Kubernetes a chart wants", async () => {
    expect((await failing({ "Chart.yaml": `${chart}type: library\n` })).message).toContain("library");
    expect((await failing({ "Chart.yaml": `${chart}kubeVersion: ">=1.40-0"\n` })).message).toContain("1.40");
  });

  it("ends an endless recursion and a monstrous output, and the next render works", async () => {
    const endless = '{{- define "a" -}}{{ include "a" . }}{{- end -}}{{ include "a" . }}';
    expect((await failing({ "templates/a.yaml": endless })).message).toMatch(/recursion|nested|rendering/i);
    const huge =
      '{{ range until 100000 }}{{ range until 1000 }}{{ repeat 1000 "xxxxxxxxxx" }}{{ end }}{{ end }}';
    expect((await failing({ "templates/a.yaml": huge })).message).toMatch(/memory|longer than/);
    const [first] = HELM_CASES;
    if (first === undefined) throw new Error("no cases");
    expect(objectsOf(await ours(first))).toHaveLength(1);
  }, 120_000);
});

describe("what a render asked of the cluster", () => {
  const asked = async (template: string) => {
    const result = await ours({ name: "", files: { "Chart.yaml": chart, "templates/a.yaml": template } });
    return result.asked;
  };

  it("is nothing for a chart that does not look", async () => {
    expect(await asked("")).toEqual({ kubeVersion: false, apis: [], allApis: false });
  });

  it("are the APIs it asked for by name, on the way that the render took", async () => {
    const template =
      '{{ if .Capabilities.APIVersions.Has "a/v1" }}{{ .Capabilities.APIVersions.Has "b/v1" }}{{ else }}{{ if .Capabilities.APIVersions.Has "c/v1" }}{{ end }}{{ end }}';
    expect(await asked(template)).toEqual({ kubeVersion: false, apis: ["a/v1", "c/v1"], allApis: false });
  });

  it("is the version when it is read, or the chart demands one", async () => {
    expect((await asked("{{ if .Capabilities.KubeVersion.Minor }}{{ end }}"))?.kubeVersion).toBe(true);
  });

  it("is all where a template takes the list or the whole", async () => {
    expect((await asked("{{ if has 1 .Capabilities.APIVersions }}{{ end }}"))?.allApis).toBe(true);
    expect(await asked("{{ $c := .Capabilities }}")).toMatchObject({ kubeVersion: true, allApis: true });
  });

  it("is compared by its answers: what was not asked makes no difference", () => {
    const one = { kubeVersion: "v1.33.0", apiVersions: ["a/v1", "x/v1"] };
    const two = { kubeVersion: "v1.34.0", apiVersions: ["a/v1", "y/v1"] };
    const apis = { kubeVersion: false, apis: ["a/v1"], allApis: false };
    expect(answersTo(apis, one)).toBe(answersTo(apis, two));
    expect(answersTo({ ...apis, apis: ["x/v1"] }, one)).not.toBe(answersTo({ ...apis, apis: ["x/v1"] }, two));
    expect(answersTo({ ...apis, kubeVersion: true }, one)).not.toBe(
      answersTo({ ...apis, kubeVersion: true }, two),
    );
    expect(answersTo({ ...apis, allApis: true }, one)).not.toBe(answersTo({ ...apis, allApis: true }, two));
  });
});
