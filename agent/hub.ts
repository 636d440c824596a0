/**
 * The hub as the agent sees it: nine calls, signed, bounded in size and time, over the charter's URLs in turn. It
 * never follows a redirect (the signature must not travel), and keeps its own clock offset when the hub names one.
 */
import type { CryptoKey } from "jose";
import type * as z from "zod";
import { BUNDLE_BYTES_MAX } from "#core/limits.ts";
import {
  AGENT_PATHS,
  BEAT_HEADER,
  CONTENT_HEADER,
  desiredAnswerSchema,
  holdAnswerSchema,
  POLL_HEADER,
  registerAnswerSchema,
  reportAnswerSchema,
  rotateAnswerSchema,
  servedAnswerSchema,
  TIME_HEADER,
  type DesiredAnswer,
  type HoldAnswer,
  type HoldRequest,
  type RegisterAnswer,
  type RegisterRequest,
  type ReportAnswer,
  type ReportRequest,
  type RotateAnswer,
  type RotateRequest,
  type ServedAnswer,
  type ServedRequest,
} from "#core/protocol.ts";
import { sentence } from "#core/text.ts";
import type { AgentDeps } from "./deps.ts";
import type { HubRequest, HubResponse } from "./hub-fetch.ts";
import { bodyDigest, signRequest } from "./signed.ts";

const ANSWER_BYTES_MAX = 64 * 1024;
const DESIRED_BYTES_MAX = 16 * 1024 * 1024;
const POLL_MS_MAX = 60 * 60 * 1000;

/** No usable answer; `status` 0 when none came at all. */
export class HubError extends Error {
  override readonly name = "HubError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Who calls and where; replaced as a whole when the charter changes. */
export interface HubAddress {
  hub: string;
  urls: readonly string[];
  /** `<project>/<cluster>` and the key; absent until registered. */
  caller: { name: string; key: CryptoKey } | undefined;
}

export type Desired =
  | { kind: "unchanged"; pollMs: number | undefined; etag: string | undefined }
  | { kind: "changed"; answer: DesiredAnswer; etag: string | undefined; content: string | undefined };

/** What the agent has: by its tag the hub need not look, by its content it looks and need not send it again. */
export type Held = { by: "etag"; etag: string | undefined } | { by: "content"; content: string | undefined };

interface Call {
  method: "GET" | "POST" | "PUT";
  path: string;
  body?: string;
  headers?: Record<string, string>;
  /** Signs this one call instead of the caller's key. */
  key?: CryptoKey;
}

/** Said by an address that is not the hub yet, or not any more; another one may be. */
const NOT_HERE = new Set([401, 403, 404]);

export class Hub {
  readonly #deps: Pick<AgentDeps, "fetch" | "clock" | "options">;
  readonly #stop: AbortSignal;
  readonly #run: string;
  #address: HubAddress;
  #clockOffsetMs = 0;
  /** The URL that answered last is asked first. */
  #first = 0;

  /** `run` names this process, in every request. */
  constructor(
    deps: Pick<AgentDeps, "fetch" | "clock" | "options">,
    stop: AbortSignal,
    address: HubAddress,
    run: string,
  ) {
    this.#run = run;
    this.#deps = deps;
    this.#stop = stop;
    this.#address = address;
  }

  moveTo(address: HubAddress): void {
    this.#address = address;
    this.#first = 0;
  }

  /** Signs with another key from here on. */
  useKey(key: CryptoKey): void {
    const { caller } = this.#address;
    if (caller !== undefined) this.#address = { ...this.#address, caller: { ...caller, key } };
  }

  async register(request: RegisterRequest): Promise<RegisterAnswer> {
    const response = await this.#send({
      method: "POST",
      path: AGENT_PATHS.register,
      body: JSON.stringify(request),
    });
    return await parsed(response, registerAnswerSchema, ANSWER_BYTES_MAX);
  }

  /**
   * With nothing held, all is sent. A look at the whole, and one with a heartbeat, go by the charter's own order again: its first
   * address is where the hub writes, and whoever answers in its stead notes no heartbeat and may be behind.
   */
  async desired(held: Held, beat: boolean): Promise<Desired> {
    if (beat || held.by === "content" || held.etag === undefined) this.#first = 0;
    const headers: Record<string, string> = {};
    if (held.by === "etag" && held.etag !== undefined) headers["if-none-match"] = held.etag;
    if (held.by === "content" && held.content !== undefined) headers[CONTENT_HEADER] = held.content;
    if (beat) headers[BEAT_HEADER] = "1";
    const response = await this.#send({ method: "GET", path: AGENT_PATHS.desired, headers });
    const etag = response.headers.get("etag") ?? undefined;
    if (response.status === 304) {
      await readBounded(response, ANSWER_BYTES_MAX);
      return { kind: "unchanged", pollMs: pollMsOf(response), etag };
    }
    const answer = await parsed(response, desiredAnswerSchema, DESIRED_BYTES_MAX);
    const content = response.headers.get(CONTENT_HEADER) ?? undefined;
    return { kind: "changed", answer, etag, content };
  }

  /** The uncompressed bytes, not looked at yet: digest and size are the caller's to check. */
  async bundle(app: string): Promise<Uint8Array> {
    const response = await this.#send({ method: "GET", path: AGENT_PATHS.bundle(app) });
    return await readBounded(response, BUNDLE_BYTES_MAX);
  }

  async report(request: ReportRequest): Promise<ReportAnswer> {
    const response = await this.#send({
      method: "POST",
      path: AGENT_PATHS.report,
      body: JSON.stringify(request),
    });
    return await parsed(response, reportAnswerSchema, ANSWER_BYTES_MAX);
  }

  async hold(request: HoldRequest): Promise<HoldAnswer> {
    const response = await this.#send({
      method: "POST",
      path: AGENT_PATHS.hold,
      body: JSON.stringify(request),
    });
    return await parsed(response, holdAnswerSchema, ANSWER_BYTES_MAX);
  }

  async served(request: ServedRequest): Promise<ServedAnswer> {
    const response = await this.#send({
      method: "POST",
      path: AGENT_PATHS.served,
      body: JSON.stringify(request),
    });
    return await parsed(response, servedAnswerSchema, ANSWER_BYTES_MAX);
  }

  /** `list` is canonical JSON with this digest. */
  async sendApis(digest: string, list: string): Promise<void> {
    await this.#put(AGENT_PATHS.apis(digest), list);
  }

  /** The same for the shapes of kinds. */
  async sendSchemas(digest: string, schemas: string): Promise<void> {
    await this.#put(AGENT_PATHS.schemas(digest), schemas);
  }

  async #put(path: string, body: string): Promise<void> {
    const response = await this.#send({ method: "PUT", path, body });
    await readBounded(response, ANSWER_BYTES_MAX);
  }

  /** `key` signs: which of two keys the hub knows is what is asked here. */
  async rotate(request: RotateRequest, key: CryptoKey): Promise<RotateAnswer> {
    const body = JSON.stringify(request);
    const response = await this.#send({ method: "POST", path: AGENT_PATHS.rotate, body, key });
    return await parsed(response, rotateAnswerSchema, ANSWER_BYTES_MAX);
  }

  /**
   * Tries each URL once. A refusal (4xx) is the hub's word and ends the round, but for one that an address may give
   * that is not the hub; of several failures the first refusal is told.
   */
  async #send(call: Call): Promise<HubResponse> {
    const { urls } = this.#address;
    let told = new HubError(0, "the charter names no URL");
    for (let turn = 0; turn < urls.length; turn += 1) {
      const index = (this.#first + turn) % urls.length;
      try {
        const response = await this.#once(call, urls[index] ?? "");
        this.#first = index;
        return response;
      } catch (error) {
        if (!(error instanceof HubError)) throw error;
        const refusal = error.status >= 400 && error.status < 500;
        if (refusal && !NOT_HERE.has(error.status)) throw error;
        if (refusal || !NOT_HERE.has(told.status)) told = error;
      }
    }
    throw told;
  }

  async #once(call: Call, url: string): Promise<HubResponse> {
    const response = await this.#fetch(call, url);
    if (response.ok || response.status === 304) return response;
    const hubTime = Number(response.headers.get(TIME_HEADER));
    if (response.status !== 401 || !Number.isFinite(hubTime) || hubTime <= 0)
      throw await refusalOf(response, `${call.method} ${call.path}`);
    await readBounded(response, ANSWER_BYTES_MAX);
    this.#clockOffsetMs = hubTime - this.#deps.clock();
    const again = await this.#fetch(call, url);
    if (again.ok || again.status === 304) return again;
    throw await refusalOf(again, `${call.method} ${call.path}`);
  }

  async #fetch(call: Call, url: string): Promise<HubResponse> {
    const headers = { ...call.headers, ...(await this.#authorization(call)) };
    if (call.body !== undefined) Object.assign(headers, { "content-type": "application/json" });
    const timeout = AbortSignal.timeout(this.#deps.options.requestTimeoutMs);
    const init: HubRequest = {
      method: call.method,
      headers,
      redirect: "error",
      signal: AbortSignal.any([this.#stop, timeout]),
    };
    if (call.body !== undefined) init.body = call.body;
    try {
      return await this.#deps.fetch(url.replace(/\/+$/, "") + call.path, init);
    } catch (error) {
      throw new HubError(0, `no answer from ${url}: ${causeOf(error)}`);
    }
  }

  async #authorization(call: Call): Promise<Record<string, string>> {
    const { caller, hub } = this.#address;
    if (caller === undefined) return {};
    const iat = Math.floor((this.#deps.clock() + this.#clockOffsetMs) / 1000);
    const bod = bodyDigest(call.body);
    const { method: htm, path: htu } = call;
    const claims = { iss: caller.name, aud: hub, iat, htm, htu, bod, run: this.#run };
    return { authorization: `Bearer ${await signRequest(claims, call.key ?? caller.key)}` };
  }
}

function pollMsOf(response: HubResponse): number | undefined {
  const ms = Number(response.headers.get(POLL_HEADER));
  return Number.isFinite(ms) && ms > 0 ? Math.min(ms, POLL_MS_MAX) : undefined;
}

async function parsed<T>(response: HubResponse, schema: z.ZodType<T>, bytesMax: number): Promise<T> {
  const bytes = await readBounded(response, bytesMax);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    throw new HubError(0, `the hub's answer is no JSON: ${causeOf(error)}`);
  }
  const answer = schema.safeParse(value);
  if (answer.success) return answer.data;
  const issue = answer.error.issues[0];
  throw new HubError(0, `the hub's answer is not understood: ${issue?.path.join(".")}: ${issue?.message}`);
}

/** Stops reading, and throws, as soon as there is more than `bytesMax`. */
async function readBounded(response: HubResponse, bytesMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of response.body ?? []) {
      size += part.byteLength;
      if (size > bytesMax) throw new HubError(0, `the hub's answer is larger than ${bytesMax} bytes`);
      parts.push(part);
    }
  } catch (error) {
    if (error instanceof HubError) throw error;
    throw new HubError(0, `the hub's answer broke off: ${causeOf(error)}`);
  }
  return Buffer.concat(parts);
}

async function refusalOf(response: HubResponse, what: string): Promise<HubError> {
  const bytes = await readBounded(response, ANSWER_BYTES_MAX).catch(() => new Uint8Array());
  const text = sentence(new TextDecoder().decode(bytes), 200);
  return new HubError(
    response.status,
    `${what} answered ${response.status}${text === "" ? "" : `: ${text}`}`,
  );
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
