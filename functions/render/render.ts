/**
 * Renders a folder of a repository into Kubernetes objects: a kustomization with the real Kustomize, a chart with the
 * real Helm, a program with the real Jsonnet, anything else as plain YAML. The same files and path give the same objects in the same order. Nothing
 * outside of the given files is read, nothing is fetched, nothing is run, and namespaces are left as they are. A repository that cannot be rendered is
 * an answer; only a broken installation (no engine) throws.
 */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { helmRequest, type HelmOptions } from "./helm.ts";
import { interpret } from "./interpret.ts";
import { NO_JSONNET_OPTIONS, type JsonnetOptions } from "./jsonnet.ts";
import type { Limits } from "./interpret.ts";
import type { RenderJob } from "./job.ts";
import { MEMORY_BYTES_MAX_DEFAULT, TIMEOUT_MS_DEFAULT, WORKERS_DEFAULT } from "./limits.ts";
import { withMemoryMax } from "./memory-max.ts";
import { pack } from "./pack.ts";
import { RenderPool } from "./pool.ts";
import { interpretRego, REGO_FILE, type RegoRequest, type RegoResult } from "./rego.ts";
import { failed } from "./result.ts";
import type { RenderFailure, RenderResult } from "./result.ts";
import { select } from "./select.ts";
import type { RepositoryFiles, Selection } from "./select.ts";

export type RendererOptions = {
  /** The built engine, `engine.wasm`. Read at the first render that needs it. */
  wasmFile: string;
  /** Renders at the same time. */
  workers?: number;
  /** One render, start of its worker included, time in the queue not. */
  timeoutMs?: number;
  /** One worker. */
  memoryBytesMax?: number;
};

/** `files` by path from the root of the repository; `path` is the folder to render, "" or "." for the root. */
type RenderRequest = {
  files: RepositoryFiles;
  path: string;
  helm?: HelmOptions;
  jsonnet?: JsonnetOptions;
  /** The folder is a chart, whatever else lies in it. */
  isChart?: boolean;
};

export type Renderer = {
  render: (request: RenderRequest) => Promise<RenderResult>;
  /** Holds inputs against a Policy's module; without inputs, only tells whether it compiles. */
  rego: (request: RegoRequest) => Promise<RegoResult>;
  /** Ends all workers; renders under way are answered as failed. */
  close: () => Promise<void>;
};

const NO_CHART_OPTIONS = "the folder holds a chart, and this caller renders none";

type Selected = Exclude<Selection, RenderFailure>;

/** A renderer with a pool of its own; workers start with the first render. */
export function createRenderer(options: RendererOptions): Renderer {
  const limits: Limits = {
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS_DEFAULT,
    memoryBytesMax: options.memoryBytesMax ?? MEMORY_BYTES_MAX_DEFAULT,
  };
  const pool = new RenderPool({ ...limits, workersMax: options.workers ?? WORKERS_DEFAULT });
  let engine: Promise<WebAssembly.Module> | undefined;
  let regoEngine: Promise<WebAssembly.Module> | undefined;
  return {
    render: async ({ files, path, helm, jsonnet, isChart }) => {
      const selected = select(files, path, isChart);
      if (selected.kind === "failed") return selected;
      if (selected.kind === "helm" && helm === undefined) return failed(NO_CHART_OPTIONS);
      const compiled =
        selected.kind === "yaml" ? undefined : await (engine ??= compile(options.wasmFile, limits));
      const outcome = await pool.run(() => prepare(selected, compiled, { helm, jsonnet }));
      return interpret(outcome, { files, selected, limits });
    },
    rego: async (rego) => {
      const compiled = await (regoEngine ??= compile(join(dirname(options.wasmFile), REGO_FILE), limits));
      const files = pack([]);
      return interpretRego(await pool.run(() => ({ kind: "rego", rego, files, engine: compiled })), limits);
    },
    close: () => pool.close(),
  };
}

async function compile(wasmFile: string, { memoryBytesMax }: Limits): Promise<WebAssembly.Module> {
  return WebAssembly.compile(withMemoryMax(await readFile(wasmFile), memoryBytesMax));
}

function prepare(
  selected: Selected,
  engine: WebAssembly.Module | undefined,
  {
    helm,
    jsonnet = NO_JSONNET_OPTIONS,
  }: { helm: HelmOptions | undefined; jsonnet?: JsonnetOptions | undefined },
): RenderJob {
  const { kind, folder: path } = selected;
  const files = pack(selected.files);
  if (engine === undefined || kind === "yaml") return { kind: "yaml", files };
  if (kind === "jsonnet") return { kind, path, jsonnet, files, engine };
  return { kind, path, helm: helm === undefined ? undefined : helmRequest(helm), files, engine };
}
