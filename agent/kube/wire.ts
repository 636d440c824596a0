/**
 * One JSON request to the API server and its answer, over one pool of connections. Bounded in time and size; what
 * is not success becomes a `KubeError` with the server's own reason. Never retries: that is the loop's decision.
 */
import { Pool } from "undici";
import { z } from "zod";
import { sentence } from "#core/text.ts";
import { KubeError } from "./port.ts";

const CONNECTIONS = 8;
const REQUEST_TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
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
  method: "GET" | "PATCH" | "DELETE";
  /** With query, without the server's own path. */
  path: string;
  accept?: string;
  contentType?: string;
  body?: unknown;
}

export interface Wire {
  /** Parsed JSON of a 2xx answer; everything else throws a `KubeError`. */
  send(request: WireRequest): Promise<unknown>;
  close(): Promise<void>;
}

export function createWire(address: KubeAddress, timeoutMs: number = REQUEST_TIMEOUT_MS): Wire {
  const url = new URL(address.server);
  const prefix = url.pathname.replace(/\/$/, "");
  const pool = new Pool(url.origin, {
    connections: CONNECTIONS,
    connect: {
      timeout: CONNECT_TIMEOUT_MS,
      ...(address.ca === undefined ? {} : { ca: address.ca }),
      ...(address.cert === undefined ? {} : { cert: address.cert }),
      ...(address.key === undefined ? {} : { key: address.key }),
      ...(address.serverName === undefined ? {} : { servername: address.serverName }),
      ...(address.skipTlsVerify === true ? { rejectUnauthorized: false } : {}),
    },
  });

  async function once(request: WireRequest, fresh: boolean): Promise<Answer> {
    const authorization = await address.authorization?.(fresh);
    const answer = await pool.request({
      method: request.method,
      path: prefix + request.path,
      headers: {
        accept: request.accept ?? "application/json",
        "user-agent": "fairlead-agent",
        ...(authorization === undefined ? {} : { authorization }),
        ...(request.body === undefined ? {} : { "content-type": request.contentType ?? "application/json" }),
      },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await readText(answer.body, request);
    return { status: answer.statusCode, retryAfter: answer.headers["retry-after"], text };
  }

  return {
    async send(request) {
      try {
        let answer = await once(request, false);
        if (answer.status === 401 && address.authorization !== undefined) answer = await once(request, true);
        return read(answer, request);
      } catch (error) {
        throw error instanceof KubeError ? error : noAnswer(address.server, request, error);
      }
    },
    // Requests still under way would keep a stopping agent alive for their whole time limit.
    close: () => pool.destroy(),
  };
}

interface Answer {
  status: number;
  retryAfter: string | string[] | undefined;
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
