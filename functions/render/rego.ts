/**
 * Policies in Rego, evaluated by the real Open Policy Agent: a WASI program of its own, in the same pool and under the
 * same bounds as renders. It has no network, no clock and no chance, so the same objects get the same answer.
 */
import * as z from "zod";
import { assertNever } from "#core/assert.ts";
import { sentence } from "#core/text.ts";
import { mebibytes } from "./limits.ts";
import type { JobOutcome } from "./pool.ts";

/** Beside `engine.wasm`. */
export const REGO_FILE = "rego.wasm";

/** `inputs` are Gatekeeper's: `review` and `parameters`. */
export type RegoRequest = { module: string; inputs: readonly unknown[] };

/** `violations` has the messages of each input, in order. */
export type RegoResult = { kind: "judged"; violations: string[][] } | { kind: "failed"; message: string };

const replySchema = z.object({
  ok: z.boolean(),
  violations: z.array(z.array(z.string())).default([]),
  message: z.string().default(""),
});

export function interpretRego(
  outcome: JobOutcome,
  { timeoutMs, memoryBytesMax }: { timeoutMs: number; memoryBytesMax: number },
): RegoResult {
  switch (outcome.kind) {
    case "manifests": {
      const reply = replySchema.parse(JSON.parse(outcome.json));
      return reply.ok
        ? { kind: "judged", violations: reply.violations }
        : failed(`cannot be evaluated: ${reply.message}`);
    }
    case "timeout":
      return failed(`took longer than ${timeoutMs} ms: make it simpler`);
    case "out-of-memory":
      return failed(`takes more memory than ${mebibytes(memoryBytesMax)}: make it simpler`);
    case "broken":
      return /out of memory|cannot allocate/.test(outcome.lastWords)
        ? failed(`takes more memory than ${mebibytes(memoryBytesMax)}: make it simpler`)
        : failed(`broke off: ${outcome.lastWords}`);
    case "died":
      return failed(`broke off: ${outcome.reason}`);
    case "refused":
      return failed("could not be looked at: the renderer is busy or shuts down; it is tried again");
    case "failed":
      return failed(outcome.error.message);
    default:
      return assertNever(outcome);
  }
}

function failed(message: string): RegoResult {
  return { kind: "failed", message: sentence(message) };
}
