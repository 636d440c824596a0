/**
 * The transport to the hub, over Node's own client: as much of `fetch` as the hub's calls need. No redirect is
 * followed; a body is unpacked on the way, and read by who bounds it.
 */
import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { exchange, openConnections, type Connections } from "./exchange.ts";

export interface HubRequest {
  method: string;
  headers: Record<string, string>;
  redirect: "error";
  signal: AbortSignal;
  body?: string;
}

/** What an answer has to have; a `Response` has it too. */
export interface HubResponse {
  ok: boolean;
  status: number;
  headers: { get(name: string): string | null };
  body: AsyncIterable<Uint8Array> | null;
}

const CONNECTIONS = 4;

/** Connections stay open between calls, for each kind of address. `proxy`: variables as a shell has them. */
export function createHubFetch(
  timeoutMs: number,
  proxy: Readonly<Record<string, string | undefined>> = {},
): (url: string, init: HubRequest) => Promise<HubResponse> {
  const kept = new Map<string, Connections>();
  return async (text, { method, headers, signal, body }) => {
    const url = new URL(text);
    const connections =
      kept.get(url.protocol) ?? openConnections(url, CONNECTIONS, { proxyEnv: { ...proxy } });
    kept.set(url.protocol, connections);
    const answer = await exchange(url, {
      method,
      headers: { ...headers, "accept-encoding": "gzip" },
      body,
      signal,
      connections,
      timeoutMs,
      whole: true,
    });
    const { statusCode: status = 0 } = answer;
    const get = (name: string): string | null => {
      const value = answer.headers[name];
      return typeof value === "string" ? value : null;
    };
    return { ok: status >= 200 && status < 300, status, headers: { get }, body: unpacked(answer) };
  };
}

/** Packed bodies come out as what was packed; whoever reads bounds that, so a small one cannot fill the memory. */
function unpacked(answer: IncomingMessage): AsyncIterable<Uint8Array> {
  if (answer.headers["content-encoding"] !== "gzip") return answer;
  const body = createGunzip();
  // Either end's error ends the other; the reader is told by the body.
  pipeline(answer, body, () => {});
  return body;
}
