/**
 * The process that evaluates Policies, with no environment and nothing to lose: whoever started it ends it. It ends by
 * itself when it takes too long or when its parent is gone.
 */
import { runInNewContext } from "node:vm";
import type { Job, Reply } from "./job.ts";
import { compilePolicy, judge, objectsIn, type CompiledPolicy, type Context } from "./judge.ts";

let setup: { compiled: CompiledPolicy[]; context: Context } | undefined;

function send(reply: Reply): void {
  process.send?.(reply);
}

function answer(job: Job): Reply {
  if (job.kind === "setup") {
    setup = { context: job.context, compiled: job.policies.map(compilePolicy) };
    return { kind: "ready" };
  }
  if (setup === undefined) throw new Error("functions/policy/policy-process.ts takes its setup first");
  const { compiled, context } = setup;
  const findings = judge(compiled, objectsIn(job.text), context, (policy) => send({ kind: "at", policy }));
  return { kind: "judged", findings };
}

/** Only this kind of call can be stopped from within: also a regular expression that would never end. */
function bounded(job: Job): Reply {
  try {
    return runInNewContext("run()", { run: () => answer(job) }, { timeout: job.timeoutMs }) as Reply;
  } catch (error) {
    // The error may be one of the other context: no `Error` of this one.
    const { code, message } = error as { code?: unknown; message?: unknown };
    if (code === "ERR_SCRIPT_EXECUTION_TIMEOUT") return { kind: "timeout" };
    return { kind: "broken", message: String(message ?? error) };
  }
}

process.on("disconnect", () => process.exit());
process.on("message", (job: Job) => send(bounded(job)));
