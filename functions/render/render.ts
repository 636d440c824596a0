/**
 * Renders a folder of a repository into Kubernetes objects: a kustomization with the real Kustomize, anything else as
 * plain YAML. The same files and path give the same objects in the same order. Nothing outside of the given files is
 * read, nothing is fetched, nothing is run, and namespaces are left as they are. A repository that cannot be rendered is
 * an answer; only a broken installation (no engine) throws.
 */
import { readFile } from "node:fs/promises";
import { interpret } from "./interpret.ts";
import type { Limits } from "./interpret.ts";
import type { RenderJob } from "./job.ts";
import { MEMORY_BYTES_MAX_DEFAULT, TIMEOUT_MS_DEFAULT, WORKERS_DEFAULT } from "./limits.ts";
import { withMemoryMax } from "./memory-max.ts";
import { pack } from "./pack.ts";
import { RenderPool } from "./pool.ts";
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
type RenderRequest = { files: RepositoryFiles; path: string };

export type Renderer = {
  render: (request: RenderRequest) => Promise<RenderResult>;
  /** Ends all workers; renders under way are answered as failed. */
  close: () => Promise<void>;
};

type Selected = Exclude<Selection, RenderFailure>;

/** A renderer with a pool of its own; workers start with the first render. */
export function createRenderer(options: RendererOptions): Renderer {
  const limits: Limits = {
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS_DEFAULT,
    memoryBytesMax: options.memoryBytesMax ?? MEMORY_BYTES_MAX_DEFAULT,
  };
  const pool = new RenderPool({ ...limits, workersMax: options.workers ?? WORKERS_DEFAULT });
  let engine: Promise<WebAssembly.Module> | undefined;
  return {
    render: async ({ files, path }) => {
      const selected = select(files, path);
      if (selected.kind === "failed") return selected;
      const compiled =
        selected.kind === "kustomize" ? await (engine ??= compile(options.wasmFile, limits)) : undefined;
      const outcome = await pool.run(() => prepare(selected, compiled));
      return interpret(outcome, { files, selected, limits });
    },
    close: () => pool.close(),
  };
}

async function compile(wasmFile: string, { memoryBytesMax }: Limits): Promise<WebAssembly.Module> {
  return WebAssembly.compile(withMemoryMax(await readFile(wasmFile), memoryBytesMax));
}

function prepare(selected: Selected, engine: WebAssembly.Module | undefined): RenderJob {
  const files = pack(selected.files);
  return engine === undefined
    ? { kind: "yaml", files }
    : { kind: "kustomize", path: selected.folder, files, engine };
}
