/**
 * One JSON request to the API server and its answer, over one pool of connections. Bounded in time and size; what
 * is not success becomes a `KubeError` with the server's own reason. Never retries: that is the loop's decision.
 */
import type { IncomingMessage } from "node:http";
import * as z from "zod";
import { sentence } from "#core/text.ts";
import { exchange, openConnections } from "../exchange.ts";
import { KubeError } from "./port.ts";

const CONNECTIONS = 8;
/** Each open stream has a connection of its own: a watch for every kind. */
const STREAMS_MAX = 250;
const REQUEST_TIMEOUT_MS = 30_000;
/** etcd keeps 1.5 MiB per object; a discovery of thousands of kinds is the largest answer asked for here. */
export const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** Where the server is and how to prove who we are. PEM texts throughout. */
export interface KubeAddress {
  /** With a path where the server stands behind one. */
  server: string;
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
  /** The name in the server's certificate where it is not the host's. */
  serverName?: string | undefined;
  /** Only ever from a kubeconfig that says so. */
  skipTlsVerify?: boolean | undefined;
  /** The `authorization` header; asked for each request, as tokens rotate. `fresh` after a 401. */
  authorization?: ((fresh: boolean) => Promise<string | undefined>) | undefined;
}

export interface WireRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With query, without the server's own path. */
  path: string;
  accept?: string;
  contentType?: string;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
}

export interface Wire {
  /** Parsed JSON of a 2xx answer; everything else throws a `KubeError`. */
  send(request: WireRequest): Promise<unknown>;
  /** The body of a 2xx answer, whatever it is. */
  text(request: WireRequest): Promise<string>;
  /** The body of a 2xx answer as it comes, for as long as it comes or until `signal`; errors are `KubeError`s. */
  stream(request: WireRequest, signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export function createWire(address: KubeAddress, timeoutMs: number = REQUEST_TIMEOUT_MS): Wire {
  const url = new URL(address.server);
  const prefix = url.pathname.replace(/\/$/, "");
  const calls = openConnections(url, CONNECTIONS, tlsOf(address));
  const streams = openConnections(url, STREAMS_MAX, tlsOf(address));
  const closing = new AbortController();

  async function open(request: WireRequest, fresh: boolean, signal?: AbortSignal): Promise<IncomingMessage> {
    const authorization = await address.authorization?.(fresh);
    return await exchange(new URL(prefix + request.path, url), {
      method: request.method,
      headers: {
        accept: request.accept ?? "application/json",
        "user-agent": "fairlead-agent",
        ...request.headers,
        ...(authorization === undefined ? {} : { authorization }),
        ...(request.body === undefined ? {} : { "content-type": request.contentType ?? "application/json" }),
      },
      body: request.body === undefined ? undefined : JSON.stringify(request.body),
      connections: signal === undefined ? calls : streams,
      timeoutMs,
      whole: signal === undefined,
      signal: signal ?? closing.signal,
    });
  }

  /** A token may have been replaced since it was read: a 401 is worth one more try. */
  async function opened(request: WireRequest, signal?: AbortSignal): Promise<IncomingMessage> {
    const answer = await open(request, false, signal);
    if (answer.statusCode !== 401 || address.authorization === undefined) return answer;
    answer.resume();
    return await open(request, true, signal);
  }

  async function answered(request: WireRequest): Promise<Answer> {
    try {
      return await whole(await opened(request), request);
    } catch (error) {
      throw error instanceof KubeError ? error : noAnswer(address.server, request, error);
    }
  }

  return {
    send: async (request) => read(await answered(request), request),
    async text(request) {
      const answer = await answered(request);
      if (answer.status !== 200) read(answer, request);
      return answer.text;
    },
    async *stream(request, signal) {
      const both = AbortSignal.any([signal, closing.signal]);
      try {
        const answer = await opened(request, both);
        if (answer.statusCode !== 200) read(await whole(answer, request), request);
        for await (const chunk of answer) yield chunk as Uint8Array;
      } catch (error) {
        throw error instanceof KubeError ? error : noAnswer(address.server, request, error);
      }
    },
    // Requests still under way would keep a stopping agent alive for their whole time limit.
    async close() {
      closing.abort();
      calls.destroy();
      streams.destroy();
    },
  };
}

function tlsOf({ ca, cert, key, serverName, skipTlsVerify }: KubeAddress) {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(skipTlsVerify === true ? { rejectUnauthorized: false } : {}),
  };
}

async function whole(answer: IncomingMessage, request: WireRequest): Promise<Answer> {
  const text = await readText(answer, request);
  return { status: answer.statusCode ?? 0, retryAfter: answer.headers["retry-after"], text };
}

interface Answer {
  status: number;
  retryAfter: string | undefined;
  text: string;
}

async function readText(body: AsyncIterable<Uint8Array>, request: WireRequest): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > ANSWER_BYTES_MAX) {
      const text = `${request.method} ${request.path}: the answer has more than ${ANSWER_BYTES_MAX} bytes`;
      throw new KubeError(413, "AnswerTooLarge", text);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

const statusSchema = z.object({
  kind: z.literal("Status"),
  reason: z.string().optional(),
  message: z.string().optional(),
  details: z.object({ retryAfterSeconds: z.number().nonnegative().optional() }).optional(),
});

function read({ status, retryAfter, text }: Answer, request: WireRequest): unknown {
  const body = parse(text);
  if (status >= 200 && status < 300) {
    if (body === undefined)
      throw new KubeError(502, "NotJson", `${request.method} ${request.path}: no JSON came back`);
    return body;
  }
  const told = statusSchema.safeParse(body).data;
  const seconds = Number(retryAfter ?? told?.details?.retryAfterSeconds);
  throw new KubeError(
    status,
    told?.reason ?? `Http${status}`,
    sentence(told?.message ?? (text || `${request.method} ${request.path}: HTTP ${status}`)),
    Number.isFinite(seconds) ? seconds * 1000 : undefined,
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A proxy's page, or nothing: the caller says what that means for its status.
    return undefined;
  }
}

function noAnswer(server: string, request: WireRequest, error: unknown): KubeError {
  const cause = error instanceof Error ? error : new Error(String(error));
  const code = "code" in cause && typeof cause.code === "string" ? cause.code : cause.name;
  return new KubeError(
    0,
    "NoAnswer",
    sentence(`${server} gave no answer to ${request.method}: ${code} ${cause.message}`),
  );
}
