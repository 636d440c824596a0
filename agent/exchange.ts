/**
 * One HTTP request over Node's own client, and the head of its answer. Small on purpose: `fetch` and undici bring a
 * second HTTP stack into a process that idles in every cluster (docs/decisions/019-agent-memory.md).
 */
import { Agent as PlainAgent, request as plainRequest, type IncomingMessage } from "node:http";
import { Agent as TlsAgent, request as tlsRequest, type AgentOptions } from "node:https";

export type Connections = PlainAgent | TlsAgent;

export interface Exchange {
  method: string;
  headers: Record<string, string>;
  body?: string | undefined;
  connections: Connections;
  /** Until the head is there, or with `whole` until the body has ended. */
  timeoutMs: number;
  whole: boolean;
  signal?: AbortSignal | undefined;
}

/** Kept open between requests, `max` at once; `destroy` ends them all. */
export function openConnections(url: URL, max: number, options: AgentOptions = {}): Connections {
  const kept = { keepAlive: true, maxSockets: max };
  return url.protocol === "https:" ? new TlsAgent({ ...options, ...kept }) : new PlainAgent(kept);
}

/** Rejects when no head came; a body that breaks off is an error of the stream. */
export async function exchange(url: URL, wanted: Exchange): Promise<IncomingMessage> {
  try {
    return await once(url, wanted);
  } catch (error) {
    if (!(error instanceof StaleConnection)) throw error;
    return await once(url, wanted);
  }
}

/** The server closed a kept connection just as it was taken up again: nobody has seen the request. */
class StaleConnection extends Error {}

function once(url: URL, wanted: Exchange): Promise<IncomingMessage> {
  const { method, headers, body, connections, timeoutMs, whole, signal } = wanted;
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? tlsRequest : plainRequest;
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const request = send(url, { method, headers: { ...headers, ...length }, agent: connections });
    const late = setTimeout(
      () => request.destroy(new Error(`no answer in ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    const abort = (): void => void request.destroy(new Error("the request was given up"));
    signal?.addEventListener("abort", abort, { once: true });
    request.once("response", (response) => {
      if (!whole) clearTimeout(late);
      resolve(response);
    });
    request.once("error", (error: NodeJS.ErrnoException) =>
      reject(request.reusedSocket && error.code === "ECONNRESET" ? new StaleConnection() : error),
    );
    // A later error has nobody waiting for it; the stream of the body tells it.
    request.on("error", () => {});
    request.once("close", () => {
      clearTimeout(late);
      signal?.removeEventListener("abort", abort);
    });
    if (signal?.aborted === true) abort();
    else request.end(body);
  });
}
