/**
 * One render worker: takes a job, answers it, takes the next. It holds no state between jobs but the engine's instance.
 * It may be ended at any moment from outside, so nothing here needs an orderly end.
 */
import { parentPort, workerData } from "node:worker_threads";
import { startEngine } from "./engine.ts";
import type { Engine, EngineRequest } from "./engine.ts";
import type { JobAnswer, RenderJob, WorkerSettings } from "./job.ts";
import { treeOf } from "./pack.ts";
import { noReads, recording } from "./reads.ts";
import { readYamlFiles } from "./yaml.ts";

const { memoryBytesMax } = workerData as WorkerSettings;
const port = parentPort;
if (port === null) throw new Error("functions/render/worker.ts runs as a worker thread only");
/** By what they are made for: the one that renders, the one that speaks Rego. */
const engines = new Map<"render" | "rego", Engine>();

port.on("message", (job: RenderJob) => port.postMessage(answer(job)));

function answer(job: RenderJob): JobAnswer {
  if (job.kind === "yaml") {
    const read = readYamlFiles(job.files);
    if (read.kind === "failed") return read;
    return {
      kind: "manifests",
      json: `{"ok":true,"manifests":${read.json}}`,
      memoryBytes: 0,
      reads: noReads(),
    };
  }
  const engine = engineFor(job.kind === "rego" ? "rego" : "render", job.engine);
  const { files } = job;
  const recorded = recording(treeOf(files));
  const rendered = engine.render(requestOf(job), recorded.tree);
  if (rendered.kind === "broken") return rendered;
  const json = new TextDecoder().decode(rendered.json);
  const memoryBytes = [...engines.values()].reduce((sum, one) => sum + one.memoryBytes(), 0);
  return { kind: "manifests", json, memoryBytes, reads: recorded.reads };
}

function requestOf(job: Exclude<RenderJob, { kind: "yaml" }>): EngineRequest {
  if (job.kind === "rego") return job.rego;
  const { kind, path } = job;
  return kind === "jsonnet" ? { kind, path, jsonnet: job.jsonnet } : { kind, path, helm: job.helm };
}

function engineFor(use: "render" | "rego", module: WebAssembly.Module): Engine {
  const engine = engines.get(use) ?? startEngine(module, memoryBytesMax);
  engines.set(use, engine);
  return engine;
}
