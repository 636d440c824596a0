/**
 * A pool of render workers. Each has one job at a time, so that a job which takes too long, takes too much memory or
 * breaks its engine costs its own worker and nobody else's answer.
 *
 * Bounds: time by ending the worker's thread; WebAssembly memory by the maximum in the module (see `memory-max.ts`);
 * the JavaScript heap, where plain YAML is read, by the thread's resource limits. Workers start when there is a job for
 * them, and one that ends is replaced with the next job. Idle workers do not keep the process alive.
 */
import { Worker } from "node:worker_threads";
import type { JobAnswer, RenderJob, WorkerSettings } from "./job.ts";
import { QUEUE_MAX } from "./limits.ts";

/** WebAssembly memory never shrinks: a worker whose engine holds more than this share of the maximum is replaced. */
const MEMORY_KEPT_SHARE = 0.5;
const MEBIBYTE = 1024 * 1024;

export type PoolOptions = { workersMax: number; timeoutMs: number; memoryBytesMax: number };

/** What became of a job. `died`: the thread ended by itself, `reason` says what it said last. */
export type JobOutcome =
  | JobAnswer
  | { kind: "timeout" }
  | { kind: "out-of-memory" }
  | { kind: "died"; reason: string }
  | { kind: "refused"; reason: "closed" | "full" };

type Waiting = { prepare: () => RenderJob; settle: (outcome: JobOutcome) => void };
type Running = { settle: (outcome: JobOutcome) => void; timer: NodeJS.Timeout };

export class RenderPool {
  readonly #options: PoolOptions;
  readonly #idle: Worker[] = [];
  readonly #running = new Map<Worker, Running>();
  readonly #ending = new Set<Promise<unknown>>();
  #queue: Waiting[] = [];
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Runs a job on the next free worker. `prepare` is called when there is one: its buffer then moves to the worker. */
  run(prepare: () => RenderJob): Promise<JobOutcome> {
    if (this.#closed) return Promise.resolve({ kind: "refused", reason: "closed" });
    if (this.#queue.length >= QUEUE_MAX) return Promise.resolve({ kind: "refused", reason: "full" });
    return new Promise((settle) => {
      this.#queue.push({ prepare, settle });
      this.#startNext();
    });
  }

  /** Ends every worker; jobs that wait or run are answered as refused. */
  async close(): Promise<void> {
    this.#closed = true;
    const waiting = this.#queue;
    this.#queue = [];
    for (const { settle } of waiting) settle({ kind: "refused", reason: "closed" });
    for (const worker of this.#running.keys()) this.#settle(worker, { kind: "refused", reason: "closed" });
    for (const worker of this.#idle.splice(0)) this.#end(worker);
    await Promise.all(this.#ending);
  }

  #startNext(): void {
    const worker = this.#queue.length === 0 ? undefined : this.#takeWorker();
    if (worker === undefined) return;
    const waiting = this.#queue.shift();
    if (waiting === undefined) return;
    const timer = setTimeout(() => this.#settle(worker, { kind: "timeout" }), this.#options.timeoutMs);
    this.#running.set(worker, { settle: waiting.settle, timer });
    const job = waiting.prepare();
    worker.ref();
    worker.postMessage(job, [job.files.bytes.buffer]);
  }

  #takeWorker(): Worker | undefined {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    return this.#running.size < this.#options.workersMax ? this.#startWorker() : undefined;
  }

  #startWorker(): Worker {
    const { memoryBytesMax } = this.#options;
    const settings: WorkerSettings = { memoryBytesMax };
    const worker = new Worker(new URL("worker.ts", import.meta.url), {
      workerData: settings,
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(memoryBytesMax / MEBIBYTE) },
    });
    worker.on("message", (answer: JobAnswer) => this.#settle(worker, answer));
    worker.on("error", (cause) => this.#settle(worker, outcomeOf(cause)));
    worker.on("exit", (code) => {
      this.#settle(worker, { kind: "died", reason: `it exited with code ${code}` });
      const index = this.#idle.indexOf(worker);
      if (index >= 0) this.#idle.splice(index, 1);
    });
    return worker;
  }

  /** Answers the worker's job, if it has one; keeps the worker only when it is as good as new. */
  #settle(worker: Worker, outcome: JobOutcome): void {
    const running = this.#running.get(worker);
    if (running === undefined) return;
    clearTimeout(running.timer);
    this.#running.delete(worker);
    if (this.#isReusable(outcome)) {
      worker.unref();
      this.#idle.push(worker);
    } else {
      this.#end(worker);
    }
    running.settle(outcome);
    this.#startNext();
  }

  #isReusable(outcome: JobOutcome): boolean {
    if (outcome.kind === "manifests") {
      return outcome.memoryBytes <= this.#options.memoryBytesMax * MEMORY_KEPT_SHARE;
    }
    return outcome.kind === "failed";
  }

  #end(worker: Worker): void {
    const ended = worker.terminate().finally(() => this.#ending.delete(ended));
    this.#ending.add(ended);
  }
}

function outcomeOf(cause: unknown): JobOutcome {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "ERR_WORKER_OUT_OF_MEMORY") return { kind: "out-of-memory" };
  return { kind: "died", reason: cause instanceof Error ? cause.message : String(cause) };
}
