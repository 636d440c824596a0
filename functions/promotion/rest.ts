/**
 * One exchange of JSON with a host's API: bounded in size and time, through the outbound guard, redirects refused. What is
 * thrown tells people what to do, and never a secret, even where a server repeats it.
 */
import * as z from "zod";
import { sentence } from "#core/text.ts";
import { readText } from "../outbound/body.ts";
import type { OutboundFetch } from "../outbound/port.ts";
import { OutboundRefused } from "../outbound/refused.ts";
import { keepsSecrets } from "../source/git-address.ts";
import { GitFailure, quoteServer } from "../source/git-failure.ts";

export interface RestOptions {
  /** The API's address, without a slash at its end. */
  readonly api: string;
  /** Sent with each request; the `secret` is what must never be repeated. */
  readonly headers: Readonly<Record<string, string>>;
  readonly secret: string | undefined;
  readonly http: OutboundFetch;
  readonly signal: AbortSignal;
}

export interface RestRequest<T> {
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the API's address, each part encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Of the answer, when it is one of success. */
  readonly schema: z.ZodType<T>;
  /** Other statuses that the caller understands. */
  readonly also?: readonly number[];
}

export type RestAnswer<T> =
  | { kind: "done"; value: T; headers: Headers }
  | { kind: "other"; status: number; said: string };

export interface Rest {
  call<T>(request: RestRequest<T>): Promise<RestAnswer<T>>;
}

const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
const saidSchema = z.object({
  message: z.union([z.string(), z.array(z.string()), z.record(z.string(), z.unknown())]),
});

export function createRest(options: RestOptions): Rest {
  const { host } = new URL(options.api);
  if (options.secret !== undefined && !keepsSecrets(new URL(options.api)))
    throw new GitFailure("unsupported", `Credentials are not sent to ${host} over plain http; use https`);
  return {
    async call<T>(request: RestRequest<T>): Promise<RestAnswer<T>> {
      const response = await send(options, request, host);
      const text = await bodyOf(response, host);
      const { status } = response;
      if (status >= 200 && status < 300)
        return { kind: "done", value: parsed(request, text, host), headers: response.headers };
      const said = wordsOf(text, options.secret);
      if (request.also?.includes(status) === true) return { kind: "other", status, said };
      throw refusal(status, host, said);
    },
  };
}

/** What only success answers. */
export async function done<T>(rest: Rest, request: RestRequest<T>): Promise<T> {
  const answer = await rest.call(request);
  if (answer.kind === "done") return answer.value;
  throw new GitFailure("invalid", `The host answers HTTP ${answer.status} ${quoteServer(answer.said)}`);
}

async function send(options: RestOptions, request: RestRequest<unknown>, host: string): Promise<Response> {
  const { method = "GET", path, query, body } = request;
  const search = query === undefined ? "" : `?${new URLSearchParams(query).toString()}`;
  const json = body === undefined ? {} : { "content-type": "application/json" };
  const headers = { accept: "application/json", ...options.headers, ...json };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  try {
    return await options.http(`${options.api}${path}${search}`, {
      method,
      headers,
      ...sent,
      signal: options.signal,
    });
  } catch (error) {
    if (error instanceof OutboundRefused) throw new GitFailure("refused", error.message);
    if (options.signal.aborted) throw error;
    throw new GitFailure("unreachable", `No connection to ${host} (${causeOf(error)})`);
  }
}

async function bodyOf(response: Response, host: string): Promise<string> {
  try {
    return await readText(response, ANSWER_BYTES_MAX);
  } catch (error) {
    if (error instanceof OutboundRefused) throw new GitFailure("too-large", `${host}: ${error.message}`);
    if (error instanceof Error && /^(Timeout|Abort)Error$/.test(error.name)) throw error;
    throw new GitFailure("unreachable", `The connection to ${host} broke (${causeOf(error)})`);
  }
}

function parsed<T>({ schema, path }: RestRequest<T>, text: string, host: string): T {
  const read = schema.safeParse(text === "" ? undefined : jsonOf(text));
  if (read.success) return read.data;
  throw new GitFailure(
    "invalid",
    `${host} does not answer to ${path} as its API says; check host.kind and host.url`,
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON fits no schema.
    return undefined;
  }
}

function wordsOf(text: string, secret: string | undefined): string {
  const read = saidSchema.safeParse(jsonOf(text.slice(0, 100_000)));
  const { message } = read.success ? read.data : { message: "" };
  const words = typeof message === "string" ? message : JSON.stringify(message);
  return sentence(secret === undefined ? words : words.replaceAll(secret, "…"), 200);
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return "unknown cause";
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
}

function refusal(status: number, host: string, said: string): GitFailure {
  const words = said === "" ? "" : `: ${quoteServer(said)}`;
  if (status === 401 || status === 403)
    return new GitFailure(
      "auth",
      `${host} refuses the credentials (HTTP ${status})${words}; they need the right to write contents and pull requests`,
    );
  if (status === 404)
    return new GitFailure(
      "not-found",
      `${host} knows no such repository, or hides it (HTTP 404)${words}; check host.repository and the credential's rights`,
    );
  if (status >= 300 && status < 400)
    return new GitFailure(
      "unsupported",
      `${host} redirects, which is not followed; give the final address in host.url`,
    );
  const code = status === 429 || status >= 500 ? "unreachable" : "invalid";
  return new GitFailure(code, `${host} answers HTTP ${status}${words}`);
}
