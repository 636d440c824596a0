/**
 * Renders against the programs that others start once per App: 1,000 small kustomizations and 200 charts, ours through
 * the pool as the hub does it, theirs as processes, two at a time each, in the same run on the same files. The programs
 * are asked for a sample and counted up.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { capabilitiesOf } from "#core/capabilities.ts";
import { ensureTool } from "../../cli/dev/tools.ts";
import type { HelmOptions } from "../../functions/render/helm.ts";
import { createRenderer, type Renderer } from "../../functions/render/render.ts";

const KUSTOMIZATIONS = 1_000;
const CHARTS = 200;
const SAMPLE = 50;
const PARALLEL = 2;

type Files = Map<string, Uint8Array>;

export async function benchRender(): Promise<Record<string, string>> {
  const wasmFile = join(await ensureTool("render-engine"), "engine.wasm");
  const [kustomize, helm] = [
    join(await ensureTool("kustomize"), "kustomize"),
    join(await ensureTool("helm"), "helm"),
  ];
  const root = await mkdtemp(join(tmpdir(), "fairlead-bench-render-"));
  const files = repository();
  await unpack(root, files);
  const since = performance.now();
  const renderer = createRenderer({ wasmFile, workers: PARALLEL });
  try {
    await kustomized(renderer, files, 0);
    const startMs = performance.now() - since;
    const ours = {
      kustomize: await perRender(KUSTOMIZATIONS, (n) => kustomized(renderer, files, n)),
      warm: await perRender(KUSTOMIZATIONS, (n) => kustomized(renderer, files, n)),
      helm: await perRender(CHARTS, (n) => charted(renderer, files, n)),
    };
    const theirs = {
      kustomize: await perRender(SAMPLE, (n) => run(kustomize, ["build", `k/app${n}`], root)),
      helm: await perRender(SAMPLE, (n) => run(helm, ["template", "rel", `h/app${n}`], root)),
    };
    return {
      "engine read, compiled, started, first render": `${startMs.toFixed(0)} ms`,
      [`${KUSTOMIZATIONS} kustomizations, ms each: ours, kustomize (sample of ${SAMPLE})`]: told(
        ours.kustomize,
        theirs.kustomize,
      ),
      "the same again, the engine's hot code being compiled": told(ours.warm, theirs.kustomize),
      [`${CHARTS} charts, ms each: ours, helm (sample of ${SAMPLE})`]: told(ours.helm, theirs.helm),
      "memory of this process with its workers, MiB": (process.memoryUsage().rss / 1024 / 1024).toFixed(0),
    };
  } finally {
    await renderer.close();
    await rm(root, { recursive: true, force: true });
  }
}

function told(ours: number, theirs: number): string {
  return `${ours.toFixed(2)}, ${theirs.toFixed(2)}: ${(theirs / ours).toFixed(1)} ×`;
}

/** Wall-clock milliseconds for one of `count`, at most `PARALLEL` at once. */
async function perRender(count: number, render: (n: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const since = performance.now();
  const lane = async (): Promise<void> => {
    while (next < count) await render(next++);
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
  return (performance.now() - since) / count;
}

async function kustomized(renderer: Renderer, files: Files, n: number): Promise<void> {
  const result = await renderer.render({ files: below(files, `k/app${n}`), path: `k/app${n}` });
  if (result.kind === "failed") throw new Error(result.error.message);
}

async function charted(renderer: Renderer, files: Files, n: number): Promise<void> {
  const result = await renderer.render({
    files: below(files, `h/app${n}`),
    path: `h/app${n}`,
    helm: options(),
  });
  if (result.kind === "failed") throw new Error(result.error.message);
}

const options = (): HelmOptions => ({
  release: "rel",
  namespace: "default",
  values: {},
  valuesFiles: [],
  skipCrds: false,
  capabilities: capabilitiesOf(undefined, undefined),
});

/** One repository for each App, as most have; one of 5,000 files for all would measure the copying of files. */
function below(files: Files, folder: string): Files {
  const found: Files = new Map();
  for (const name of NAMES[folder.startsWith("k") ? "k" : "h"]) {
    const content = files.get(`${folder}/${name}`);
    if (content !== undefined) found.set(`${folder}/${name}`, content);
  }
  return found;
}

const NAMES = {
  k: ["kustomization.yaml", "deployment.yaml", "service.yaml", "patch.yaml"],
  h: [
    "Chart.yaml",
    "values.yaml",
    "templates/_helpers.tpl",
    "templates/deployment.yaml",
    "templates/service.yaml",
  ],
};

function repository(): Files {
  const texts: [string, string][] = [];
  for (let n = 0; n < KUSTOMIZATIONS; n += 1) texts.push(...kustomization(`k/app${n}`, n));
  for (let n = 0; n < CHARTS; n += 1) texts.push(...chart(`h/app${n}`));
  return new Map(texts.map(([path, text]) => [path, new TextEncoder().encode(text)]));
}

const deployment = (name: string, labels: string): string =>
  `apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: ${name}\n  labels:\n    ${labels}\nspec:\n  replicas: 1\n  selector: { matchLabels: { app: web } }\n  template:\n    metadata: { labels: { app: web } }\n    spec: { containers: [ { name: main, image: "nginx:1.27" } ] }\n`;
const service =
  "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { selector: { app: web }, ports: [ { port: 80 } ] }\n";

/** Path and text of its four files. */
export function kustomization(folder: string, n: number, replicas = 3): [string, string][] {
  return [
    [
      `${folder}/kustomization.yaml`,
      `resources: [deployment.yaml, service.yaml]\nnamePrefix: a${n}-\npatches: [{ path: patch.yaml }]\nlabels: [{ pairs: { index: "${n}" } }]\n`,
    ],
    [`${folder}/deployment.yaml`, deployment("web", "app: web")],
    [`${folder}/service.yaml`, service],
    [
      `${folder}/patch.yaml`,
      `apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { replicas: ${replicas} }\n`,
    ],
  ];
}

function chart(folder: string): [string, string][] {
  return [
    [`${folder}/Chart.yaml`, "apiVersion: v2\nname: shop\nversion: 0.1.0\n"],
    [`${folder}/values.yaml`, "name: web\n"],
    [
      `${folder}/templates/_helpers.tpl`,
      '{{- define "labels" -}}app: {{ .Values.name }}\n    release: {{ .Release.Name }}{{- end -}}\n',
    ],
    [`${folder}/templates/deployment.yaml`, deployment("{{ .Values.name }}", '{{ include "labels" . }}')],
    [`${folder}/templates/service.yaml`, service],
  ];
}

async function unpack(root: string, files: Files): Promise<void> {
  for (const [path, content] of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

async function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  await promisify(execFile)(program, args, { cwd, env: { ...process.env, HOME: cwd } });
}
