/**
 * One render worker: takes a job, answers it, takes the next. It holds no state between jobs but the engine's instance.
 * It may be ended at any moment from outside, so nothing here needs an orderly end.
 */
import { parentPort, workerData } from "node:worker_threads";
import { startEngine } from "./engine.ts";
import type { Engine } from "./engine.ts";
import type { JobAnswer, RenderJob, WorkerSettings } from "./job.ts";
import { treeOf } from "./pack.ts";
import { readYamlFiles } from "./yaml.ts";

const { memoryBytesMax } = workerData as WorkerSettings;
const port = parentPort;
if (port === null) throw new Error("functions/render/worker.ts runs as a worker thread only");
let engine: Engine | undefined;

port.on("message", (job: RenderJob) => port.postMessage(answer(job)));

function answer(job: RenderJob): JobAnswer {
  if (job.kind === "yaml") {
    const read = readYamlFiles(job.files);
    if (read.kind === "failed") return read;
    return { kind: "manifests", json: `{"ok":true,"manifests":${read.json}}`, memoryBytes: 0 };
  }
  engine ??= startEngine(job.engine, memoryBytesMax);
  const rendered = engine.render({ kind: job.kind, path: job.path }, treeOf(job.files));
  if (rendered.kind === "broken") return rendered;
  const json = new TextDecoder().decode(rendered.json);
  return { kind: "manifests", json, memoryBytes: engine.memoryBytes() };
}
