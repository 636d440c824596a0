/** One question to somebody else's server, bounded in time and size. What goes wrong there is evidence, never a fault of ours. */
import type { Gate } from "#core/gate.ts";
import type { Rollout } from "#core/rollout.ts";
import { sentence } from "#core/text.ts";
import { readText } from "../outbound/body.ts";
import type { OutboundFetch } from "../outbound/port.ts";
import { OutboundRefused } from "../outbound/refused.ts";
import type { SecretStore } from "../secrets/port.ts";

/** Nothing was learned. The sentence is shown to people: place, reason and fix, never a value. */
export class GateTrouble extends Error {
  override readonly name = "GateTrouble";
}

export interface Question {
  readonly rollout: Rollout;
  readonly gate: Gate;
  readonly stage: string;
  readonly attempt: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly http: OutboundFetch;
  readonly secrets: Pick<SecretStore, "get">;
}

const ASK_MS_MAX = 15_000;
const ANSWER_BYTES_MAX = 64 * 1024;

export interface ServerAnswer {
  readonly status: number;
  readonly text: string;
}

/** Throws `GateTrouble`. */
export async function ask(http: OutboundFetch, url: string, init: RequestInit): Promise<ServerAnswer> {
  const signal = AbortSignal.timeout(ASK_MS_MAX);
  try {
    const response = await http(url, { ...init, signal });
    return { status: response.status, text: await readText(response, ANSWER_BYTES_MAX) };
  } catch (error) {
    if (error instanceof OutboundRefused) throw new GateTrouble(error.message);
    throw new GateTrouble(sentence(`no answer of ${new URL(url).host}: ${causeOf(error)}`));
  }
}

/** `fetch` hides the reason in a chain of causes. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown cause";
  if (error.name === "TimeoutError") return `nothing within ${ASK_MS_MAX / 1000} s`;
  if (error.cause !== undefined) return causeOf(error.cause);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}

/** Undefined for what is no JSON: it fits no schema. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
