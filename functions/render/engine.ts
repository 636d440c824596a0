/**
 * One instance of the render engine inside a worker: puts a request into its memory, calls it, copies the answer out.
 * The engine reads the repository through two calls that are answered from the packed files, and has nothing else.
 * An instance that trapped or ended itself is never called again; the caller throws its whole worker away.
 */
import type { HelmRequest } from "./helm.ts";
import type { JsonnetOptions } from "./jsonnet.ts";
import type { RegoRequest } from "./rego.ts";
import type { Tree } from "./pack.ts";
import { createSandbox } from "./sandbox.ts";
import type { Sandbox } from "./sandbox.ts";

/** Go's collector works hard from here on, so that it does not run into the maximum while there is garbage to find. */
const MEMORY_TARGET_SHARE = 0.75;
const ABSENT = -1;
const FOLDER = -2;

type Exports = {
  memory: WebAssembly.Memory;
  _initialize: () => void;
  alloc: (size: number) => number;
  render: () => bigint;
  release: () => void;
};

/** A render, or a question to the engine that speaks Rego: both have the same exports. */
export type EngineRequest =
  | { kind: "kustomize" | "helm"; path: string; helm: HelmRequest | undefined }
  | { kind: "jsonnet"; path: string; jsonnet: JsonnetOptions }
  | RegoRequest;

/** The answer's JSON, undecoded; `broken` when the instance panicked, with its last words. */
type EngineAnswer = { kind: "answered"; json: Uint8Array } | { kind: "broken"; lastWords: string };

export type Engine = {
  render: (request: EngineRequest, tree: Tree) => EngineAnswer;
  memoryBytes: () => number;
};

/** Instantiates the engine; `memoryBytesMax` is the maximum that was written into the module. */
export function startEngine(module: WebAssembly.Module, memoryBytesMax: number): Engine {
  const sandbox = createSandbox(Math.floor(memoryBytesMax * MEMORY_TARGET_SHARE));
  const repository = createRepository();
  const imports = { ...sandbox.imports, fairlead: repository.imports };
  const exports = new WebAssembly.Instance(module, imports).exports as Exports;
  sandbox.attach(exports.memory);
  repository.attach(exports.memory);
  exports["_initialize"]();
  return {
    render: (request, tree) => {
      repository.show(tree);
      return render(exports, sandbox, request);
    },
    memoryBytes: () => exports.memory.buffer.byteLength,
  };
}

function render(exports: Exports, sandbox: Sandbox, request: EngineRequest): EngineAnswer {
  sandbox.lastWords();
  try {
    const encoded = new TextEncoder().encode(JSON.stringify(request));
    const requestAt = exports.alloc(encoded.length);
    new Uint8Array(exports.memory.buffer).set(encoded, requestAt);
    const packed = BigInt.asUintN(64, exports.render());
    const [answerAt, size] = [Number(packed >> 32n), Number(packed & 0xffff_ffffn)];
    const json = new Uint8Array(exports.memory.buffer, answerAt, size).slice();
    exports.release();
    return { kind: "answered", json };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return { kind: "broken", lastWords: `${sandbox.lastWords()} ${reason}`.trim() };
  }
}

/** The calls that `engine/tree.go` makes. A path arrives as an address and a size. */
function createRepository() {
  let memory: WebAssembly.Memory | undefined;
  let shown: Tree | undefined;
  let listed: Uint8Array = new Uint8Array();
  const find = (pathAt: number, pathSize: number) => {
    if (memory === undefined) throw new Error("the engine asked for a file before its memory was attached");
    return shown?.find(new TextDecoder().decode(new Uint8Array(memory.buffer, pathAt >>> 0, pathSize)));
  };
  return {
    attach: (attached: WebAssembly.Memory) => {
      memory = attached;
    },
    show: (tree: Tree) => {
      shown = tree;
    },
    imports: {
      find: (pathAt: number, pathSize: number) => {
        const found = find(pathAt, pathSize);
        if (found === undefined) return ABSENT;
        return found.kind === "folder" ? FOLDER : found.content.length;
      },
      list: (pathAt: number, pathSize: number) => {
        if (memory === undefined)
          throw new Error("the engine asked for files before its memory was attached");
        const folder = new TextDecoder().decode(new Uint8Array(memory.buffer, pathAt >>> 0, pathSize));
        listed = new TextEncoder().encode(shown?.below(folder).join("\n") ?? "");
        return listed.length;
      },
      listed: (bufferAt: number) => {
        if (memory !== undefined) new Uint8Array(memory.buffer).set(listed, bufferAt >>> 0);
      },
      read: (pathAt: number, pathSize: number, bufferAt: number) => {
        const found = find(pathAt, pathSize);
        if (memory === undefined || found?.kind !== "file")
          throw new Error("the engine read what is not a file");
        new Uint8Array(memory.buffer).set(found.content, bufferAt >>> 0);
      },
    },
  };
}
