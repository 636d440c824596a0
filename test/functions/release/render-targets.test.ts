/** How many renders a fleet costs: as many as there are distinct inputs and distinct answers, not clusters. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { appSchema, type App } from "#core/app.ts";
import { STANDARD_APIS, type Capabilities } from "#core/capabilities.ts";
import { clusterSchema, type Cluster } from "#core/cluster.ts";
import { ensureTool } from "../../../cli/dev/tools.ts";
import { renderTargets, type Rendered } from "../../../functions/release/render-targets.ts";
import { createRenderer, type Renderer } from "../../../functions/render/render.ts";

let renderer: Renderer;
beforeAll(async () => {
  renderer = createRenderer({ wasmFile: join(await ensureTool("render-engine"), "engine.wasm"), workers: 1 });
}, 600_000);
afterAll(() => renderer?.close());

const API = { apiVersion: "fairlead.dev/v1" };
const app = (spec: object): App =>
  appSchema.parse({
    ...API,
    kind: "App",
    metadata: { name: "shop" },
    spec: { source: "fleet", clusters: {}, path: "chart", ...spec },
  });
const cluster = (
  name: string,
  labels: Record<string, string> = {},
  values: Record<string, string> = {},
): Cluster => clusterSchema.parse({ ...API, kind: "Cluster", metadata: { name, labels }, spec: { values } });
const chart = (template: string): Map<string, Uint8Array> =>
  new Map(
    Object.entries({
      "chart/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
      "chart/values.yaml": "greeting: hello\nregion: none\n",
      "chart/values-eu.yaml": "greeting: hallo\n",
      "chart/templates/a.yaml": template,
    }).map(([path, text]) => [path, new TextEncoder().encode(text)]),
  );
const configMap = (data: string): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n${data}`;
function dataOf(rendered: Rendered, name: string): unknown {
  if (rendered.kind === "failed") throw new Error(rendered.error.message);
  const { objects } = JSON.parse(rendered.bundles.get(name)?.text ?? "") as { objects: { data: unknown }[] };
  return objects[0]?.data;
}

describe("values of a chart", () => {
  const values = configMap("  all: {{ .Values.greeting }} {{ .Values.region }} {{ .Release.Name }}\n");

  it("come from the chart, files, the App, and the first override that matches", async () => {
    const shop = app({
      helm: { values: { region: "${cluster.labels.region:=nowhere}" } },
      overrides: [
        { clusters: { matchLabels: { region: "eu" } }, helm: { valuesFiles: ["values-eu.yaml"] } },
        { clusters: {}, helm: { values: { greeting: "last" } } },
      ],
    });
    const clusters = [cluster("a", { region: "eu" }), cluster("b", { region: "us" }), cluster("c")];
    const rendered = await renderTargets(renderer, shop, chart(values), clusters);
    expect(dataOf(rendered, "a")).toEqual({ all: "hallo eu shop" });
    expect(dataOf(rendered, "b")).toEqual({ all: "last us shop" });
    expect(dataOf(rendered, "c")).toEqual({ all: "last nowhere shop" });
  });

  it("come from all overrides that match, in order, where the App says so", async () => {
    const shop = app({
      overrideMode: "all",
      overrides: [
        { clusters: {}, helm: { values: { greeting: "one", region: "one" } } },
        { clusters: {}, helm: { values: { region: "two" } } },
      ],
    });
    const rendered = await renderTargets(renderer, shop, chart(values), [cluster("a")]);
    expect(dataOf(rendered, "a")).toEqual({ all: "one two shop" });
  });

  it("name the field and the cluster of a variable that is missing", async () => {
    const shop = app({ helm: { values: { deep: [{ x: "${cluster.values.none}" }] } } });
    const rendered = await renderTargets(renderer, shop, chart(values), [cluster("a")]);
    expect(rendered).toMatchObject({
      kind: "failed",
      error: {
        message: expect.stringMatching(
          /spec\.helm\.values\.deep\[0\]\.x: no cluster\.values\.none .*for cluster a$/,
        ) as string,
      },
    });
  });
});

describe("arguments of a Jsonnet program", () => {
  it("come from the App and its overrides, with the cluster's variables put in", async () => {
    const program =
      'function(env, n=1) { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" }, data: { all: env + n + std.extVar("x") } }';
    const files = new Map([["chart/main.jsonnet", new TextEncoder().encode(program)]]);
    const shop = app({
      jsonnet: { tlas: { env: "${cluster.labels.env}" }, extVars: { x: true } },
      overrides: [{ clusters: { matchLabels: { env: "eu" } }, jsonnet: { tlas: { n: 3 } } }],
    });
    const clusters = ["eu", "us", "us"].map((env, n) => cluster(`${env}${n}`, { env }));
    const rendered = await renderTargets(renderer, shop, files, clusters);
    expect(rendered).toMatchObject({ kind: "rendered", renders: 2 });
    expect(dataOf(rendered, "eu0")).toEqual({ all: "eu3true" });
    expect(dataOf(rendered, "us2")).toEqual({ all: "us1true" });
  });
});

describe("renders of a fleet", () => {
  it("are as many as distinct inputs and answers: 1,000 clusters, 1,000 lists of APIs, 3 answers, 40 values", async () => {
    const template = `{{- $c := "none" }}{{- if .Capabilities.APIVersions.Has "one.example/v1" }}{{ $c = "one" }}{{- else if .Capabilities.APIVersions.Has "two.example/v1" }}{{ $c = "two" }}{{ end }}\n${configMap("  answer: {{ $c }}\n  group: {{ .Values.group }}\n")}`;
    const clusters = Array.from({ length: 1000 }, (_, n) => cluster(`c${n}`, {}, { group: `g${n % 40}` }));
    const capabilities = new Map<string, Capabilities>(
      clusters.map(({ metadata: { name } }, n) => {
        const own = [
          `own${n}.example/v1`,
          ...([["one.example/v1"], ["two.example/v1"], []][Math.floor(n / 40) % 3] ?? []),
        ];
        return [name, { kubeVersion: `v1.${30 + (n % 5)}.0`, apiVersions: [...STANDARD_APIS, ...own] }];
      }),
    );
    const shop = app({ helm: { values: { group: "${cluster.values.group}" } } });
    const rendered = await renderTargets(renderer, shop, chart(template), clusters, capabilities);
    if (rendered.kind === "failed") throw new Error(rendered.error.message);
    expect(rendered.renders).toBe(3 * 40);
    expect(new Set(rendered.bundles.values()).size).toBe(3 * 40);
    expect(rendered.bundles.size).toBe(1000);
    expect(dataOf(rendered, "c0")).toEqual({ answer: "one", group: "g0" });
    expect(dataOf(rendered, "c41")).toEqual({ answer: "two", group: "g1" });
    expect(dataOf(rendered, "c82")).toEqual({ answer: "none", group: "g2" });
  }, 120_000);

  it("is one where nothing differs, whatever the clusters are", async () => {
    const clusters = Array.from({ length: 50 }, (_, n) => cluster(`c${n}`, { n: `${n}` }));
    const rendered = await renderTargets(renderer, app({}), chart(configMap("  a: b\n")), clusters);
    expect(rendered).toMatchObject({ kind: "rendered", renders: 1 });
  });
});

describe("variables in rendered objects", () => {
  const plain = (text: string): Map<string, Uint8Array> =>
    new Map([["chart/a.yaml", new TextEncoder().encode(text)]]);
  const text =
    'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata: { name: "${cluster.name}", region: "${cluster.labels.region:=none}", literal: "$${x}" }\nreplicas: "${int:cluster.values.replicas:=2}"\nlist: [ "${bool:cluster.values.on:=false}" ]\n';
  const objectOf = (rendered: Rendered, name: string): unknown => {
    if (rendered.kind === "failed") throw new Error(rendered.error.message);
    return (JSON.parse(rendered.bundles.get(name)?.text ?? "") as { objects: unknown[] }).objects[0];
  };

  it("are left as they stand unless the App asks for them", async () => {
    const rendered = await renderTargets(renderer, app({}), plain(text), [cluster("a"), cluster("b")]);
    expect(objectOf(rendered, "a")).toMatchObject({ data: { name: "${cluster.name}" } });
    expect(rendered).toMatchObject({ renders: 1 });
  });

  it("are filled for each cluster from one render, numbers and booleans where it is said so", async () => {
    const clusters = [cluster("a", { region: "eu" }, { replicas: "5", on: "true" }), cluster("b")];
    const rendered = await renderTargets(renderer, app({ variables: true }), plain(text), clusters);
    expect(rendered).toMatchObject({ renders: 1 });
    expect(objectOf(rendered, "a")).toMatchObject({
      data: { name: "a", region: "eu", literal: "${x}" },
      replicas: 5,
      list: [true],
    });
    expect(objectOf(rendered, "b")).toMatchObject({
      data: { name: "b", region: "none" },
      replicas: 2,
      list: [false],
    });
  });

  it("name the object, the variable and the clusters that lack it", async () => {
    const wanting = text.replace(":=none", "");
    const clusters = [cluster("a", { region: "eu" }), ...["b", "c"].map((name) => cluster(name))];
    const rendered = await renderTargets(renderer, app({ variables: true }), plain(wanting), clusters);
    expect(rendered).toMatchObject({
      kind: "failed",
      error: {
        message: expect.stringMatching(/^ConfigMap a: no cluster\.labels\.region .*for cluster/) as string,
      },
    });
    const wrong = await renderTargets(renderer, app({ variables: true }), plain(text), [
      cluster("a", {}, { replicas: "many" }),
    ]);
    expect(wrong).toMatchObject({
      kind: "failed",
      error: { message: expect.stringContaining('is "many", which is no int') as string },
    });
  });
});

describe("hooks of a chart", () => {
  it("come along, but for those of tests", async () => {
    const hook = (name: string, events: string): string =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}, annotations: { "helm.sh/hook": "${events}" } }\n`;
    const text = ["test", "pre-delete", "post-rollback", "pre-install,pre-upgrade", "post-install,test"]
      .map((events, n) => hook(`h${n}`, events))
      .join("---\n");
    const rendered = await renderTargets(renderer, app({}), chart(text), [cluster("a")]);
    if (rendered.kind === "failed") throw new Error(rendered.error.message);
    const { objects } = JSON.parse(rendered.bundles.get("a")?.text ?? "") as {
      objects: { metadata: { name: string } }[];
    };
    expect(objects.map(({ metadata }) => metadata.name).sort()).toEqual(["h1", "h2", "h3", "h4"]);
  });
});
