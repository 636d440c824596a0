/**
 * Evaluates Policies over bundles in a process of its own: an expression that takes for ever or all memory costs that
 * process and is told, and nothing of the hub is within its reach. One process for one look at an App; without
 * Policies none is started.
 */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { assertNever } from "#core/assert.ts";
import type { Bundle } from "#core/bundle.ts";
import { mergeFindings, NO_FINDINGS, type Findings } from "#core/finding.ts";
import type { Policy } from "#core/policy.ts";
import { sentence } from "#core/text.ts";
import { replySchema, type BundleText, type Job, type Reply, type Setup } from "./job.ts";
import type { Context } from "./judge.ts";

/** All bundles of one App against its Policies of one mode, start of the process included. */
const POLICIES_MS_MAX = 15_000;
const POLICIES_MEMORY_MIB_MAX = 512;
const STARTUP_MS_MAX = 10_000;

export interface PolicyLimits {
  timeoutMs?: number;
  memoryMiB?: number;
}

export type Judged =
  | { kind: "judged"; findings: Findings }
  /** No answer came: which policy was being looked at, and why there is none. */
  | { kind: "failed"; policy: string | undefined; message: string };

export async function judgeBundles(
  policies: readonly Policy[],
  context: Context,
  bundles: readonly Bundle[],
  { timeoutMs = POLICIES_MS_MAX, memoryMiB = POLICIES_MEMORY_MIB_MAX }: PolicyLimits = {},
): Promise<Judged> {
  if (policies.length === 0 || bundles.length === 0) return { kind: "judged", findings: NO_FINDINGS };
  const talk = new Talk(startProcess(memoryMiB), timeoutMs);
  try {
    let findings = NO_FINDINGS;
    const ready = await talk.ask({ kind: "setup", policies: [...policies], context });
    if (ready.kind === "failed") return ready;
    for (const { text } of bundles) {
      const judged = await talk.ask({ kind: "bundle", text });
      if (judged.kind === "failed") return judged;
      findings = mergeFindings(findings, judged.findings);
    }
    return { kind: "judged", findings };
  } finally {
    await talk.end();
  }
}

function startProcess(memoryMiB: number): ChildProcess {
  return fork(fileURLToPath(new URL("policy-process.ts", import.meta.url)), [], {
    env: {},
    execArgv: [`--max-old-space-size=${memoryMiB}`],
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    serialization: "advanced",
  });
}

/** One question at a time, within one time for all of them. */
class Talk {
  readonly #child: ChildProcess;
  readonly #timeoutMs: number;
  readonly #startedAt = performance.now();
  readonly #failure = Promise.withResolvers<Judged>();
  readonly #exited = Promise.withResolvers<void>();
  readonly #timer: NodeJS.Timeout;
  #policy: string | undefined;
  #settle: (judged: Judged) => void = () => undefined;

  constructor(child: ChildProcess, timeoutMs: number) {
    this.#child = child;
    this.#timeoutMs = timeoutMs;
    // Its own clock stops it first, unless it does not even start.
    this.#timer = setTimeout(() => this.#failure.resolve(this.#tooLong()), timeoutMs + STARTUP_MS_MAX);
    child.on("message", (message) => this.#hear(replySchema.parse(message)));
    child.on("exit", (code, signal) => this.#gone(signal ?? `code ${code}`));
    child.on("error", (error) => this.#gone(error.message));
  }

  ask(message: Setup | BundleText): Promise<Judged> {
    const { promise, resolve } = Promise.withResolvers<Judged>();
    this.#settle = resolve;
    const timeoutMs = Math.max(1, Math.ceil(this.#timeoutMs - (performance.now() - this.#startedAt)));
    this.#child.send({ ...message, timeoutMs } satisfies Job, (error) => {
      if (error !== null) this.#gone(error.message);
    });
    return Promise.race([promise, this.#failure.promise]);
  }

  async end(): Promise<void> {
    clearTimeout(this.#timer);
    this.#child.kill("SIGKILL");
    await this.#exited.promise;
  }

  #hear(reply: Reply): void {
    switch (reply.kind) {
      case "at":
        this.#policy = reply.policy;
        return;
      case "ready":
        return this.#settle({ kind: "judged", findings: NO_FINDINGS });
      case "judged":
        return this.#settle(reply);
      case "timeout":
        return this.#settle(this.#tooLong());
      case "broken":
        return this.#settle(this.#failed(`cannot be evaluated: ${sentence(reply.message)}`));
      default:
        assertNever(reply);
    }
  }

  #gone(how: string): void {
    const why = `took more memory than it may, or broke off (${how}): make its expressions simpler`;
    this.#failure.resolve(this.#failed(why));
    this.#exited.resolve();
  }

  #tooLong(): Judged {
    return this.#failed(`took longer than ${this.#timeoutMs} ms: make its expressions simpler`);
  }

  #failed(message: string): Judged {
    return { kind: "failed", policy: this.#policy, message };
  }
}
