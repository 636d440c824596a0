/**
 * What the render tests share: a repository written as text, one renderer per test file on the engine built from this
 * tree, and small manifests.
 */
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { ensureTool } from "../../../cli/dev/tools.ts";
import { createRenderer } from "../../../functions/render/render.ts";
import type { Renderer, RendererOptions } from "../../../functions/render/render.ts";
import type { HelmOptions } from "../../../functions/render/helm.ts";
import type { JsonnetOptions } from "../../../functions/render/jsonnet.ts";
import type { RenderError, RenderResult } from "../../../functions/render/result.ts";

export type Texts = Readonly<Record<string, string>>;

export function repository(texts: Texts): Map<string, Uint8Array> {
  const encoder = new TextEncoder();
  return new Map(Object.entries(texts).map(([path, text]) => [path, encoder.encode(text)]));
}

/** The path of the built engine; the first call on a machine builds it. */
export async function engineFile(): Promise<string> {
  return join(await ensureTool("render-engine"), "engine.wasm");
}

export type TestRenderer = {
  render: (texts: Texts, path: string, helm?: HelmOptions, jsonnet?: JsonnetOptions) => Promise<RenderResult>;
  objects: (texts: Texts, path: string) => Promise<KubeObject[]>;
  error: (texts: Texts, path: string) => Promise<RenderError>;
};

/** A renderer for the tests of one file, ended after them. */
export function useRenderer(options: Omit<RendererOptions, "wasmFile"> = {}): TestRenderer {
  let renderer: Renderer;
  beforeAll(async () => {
    renderer = createRenderer({ wasmFile: await engineFile(), workers: 1, ...options });
  }, 600_000);
  afterAll(() => renderer.close());
  const render: TestRenderer["render"] = (texts, path, helm, jsonnet) =>
    renderer.render({
      files: repository(texts),
      path,
      ...(helm === undefined ? {} : { helm }),
      ...(jsonnet === undefined ? {} : { jsonnet }),
    });
  return {
    render,
    objects: async (texts, path) => objectsOf(await render(texts, path)),
    error: async (texts, path) => errorOf(await render(texts, path)),
  };
}

export function objectsOf(result: RenderResult): KubeObject[] {
  if (result.kind === "failed") expect.fail(`the render failed: ${JSON.stringify(result.error)}`);
  return result.objects;
}

export function errorOf(result: RenderResult): RenderError {
  if (result.kind === "rendered")
    expect.fail(`rendered instead of failing: ${JSON.stringify(result.objects)}`);
  return result.error;
}

export function deployment(name: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: 1
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      containers:
        - { name: main, image: "nginx:1.27" }
`;
}

export function configMap(name: string, data = "{ key: value }"): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: ${data}\n`;
}
