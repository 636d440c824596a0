/**
 * The HTTP side of reading a repository: every answer is bounded in size and time and read whole,
 * so that a broken stream is told here and not inside the Git library. Credentials are put on
 * in this file alone, and only for the repository's own host.
 */
import { type GitHttpRequest, type GitHttpResponse, type HttpClient } from "isomorphic-git";
import { type GitCredentials } from "./git-address.ts";
import { GitFailure, quoteServer } from "./git-failure.ts";
import type { OutboundFetch } from "../outbound/port.ts";
import { OutboundRefused } from "../outbound/refused.ts";

export interface GitHttpOptions {
  /** The checked address; requests go below it and nowhere else. */
  readonly address: string;
  readonly credentials: GitCredentials | undefined;
  readonly fetch: OutboundFetch;
  readonly signal: AbortSignal;
  /** Applies to each answer, after the transport's own compression. */
  readonly answerBytesMax: number;
}

const REDIRECTS_MAX = 3;
/** Hosts differ in the user name they want beside a token; this one is taken by GitHub, GitLab and Gitea. */
const TOKEN_USERNAME = "x-access-token";

/** An isomorphic-git HTTP client for one operation on one repository. */
export function gitHttp(options: GitHttpOptions): HttpClient {
  let base = options.address;
  return {
    async request({ url, method = "GET", headers = {}, body }: GitHttpRequest): Promise<GitHttpResponse> {
      const path = url.slice(options.address.length);
      const init: RequestInit = { method, headers: { ...headers, ...authorization(options.credentials) } };
      if (body !== undefined) init.body = await collect(body);
      const { response, finalUrl } = await send(options, base + path, init);
      // Git's own rule: where the first request was sent on, the following ones go as well.
      if (finalUrl.endsWith(path)) base = finalUrl.slice(0, finalUrl.length - path.length);
      const answer = await readBounded(response, options.answerBytesMax);
      throwIfError(answer);
      return {
        url: finalUrl,
        method,
        headers: Object.fromEntries(response.headers),
        body: once(answer),
        statusCode: response.status,
        statusMessage: "",
      };
    },
  };
}

function authorization(credentials: GitCredentials | undefined): Record<string, string> {
  if (credentials === undefined) return {};
  const pair =
    "token" in credentials
      ? `${TOKEN_USERNAME}:${credentials.token}`
      : `${credentials.username}:${credentials.password}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

async function send(
  options: GitHttpOptions,
  url: string,
  init: RequestInit,
): Promise<{ response: Response; finalUrl: string }> {
  let current = url;
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects += 1) {
    const response = await open(options, current, init);
    if (response.status < 300 || response.status >= 400) {
      if (response.status !== 200) {
        await response.body?.cancel();
        throw refusal(response.status, options.credentials !== undefined);
      }
      return { response, finalUrl: current };
    }
    await response.body?.cancel();
    current = redirectTarget(current, response);
  }
  throw new GitFailure(
    "unreachable",
    `The Git server redirected more than ${REDIRECTS_MAX} times; give the final address`,
  );
}

async function open(options: GitHttpOptions, url: string, init: RequestInit): Promise<Response> {
  try {
    return await options.fetch(url, { ...init, redirect: "manual", signal: options.signal });
  } catch (error) {
    if (options.signal.aborted || error instanceof GitFailure) throw error;
    if (error instanceof OutboundRefused) throw new GitFailure("refused", error.message);
    throw new GitFailure("unreachable", `No connection to ${new URL(url).host} (${causeOf(error)})`);
  }
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return "unknown cause";
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
}

/** Only within the same host, and only towards https: otherwise credentials and requests could be led elsewhere. */
function redirectTarget(from: string, response: Response): string {
  const source = new URL(from);
  const target = URL.parse(response.headers.get("location") ?? "", from);
  const isSafe =
    target !== null &&
    target.host === source.host &&
    (target.protocol === source.protocol || target.protocol === "https:") &&
    target.username === "" &&
    target.password === "";
  if (isSafe) return target.href;
  throw new GitFailure(
    "unsupported",
    `The Git server redirects to ${target?.host ?? "an unreadable address"}, which is not followed; give the final address`,
  );
}

function refusal(status: number, hadCredentials: boolean): GitFailure {
  if (status === 401 || status === 403) {
    return new GitFailure(
      "auth",
      hadCredentials
        ? `The Git server refuses the credentials (HTTP ${status}); check the secret and its read right`
        : `The Git server asks for credentials (HTTP ${status}); name a secret in spec.credentials`,
    );
  }
  if (status === 404 || status === 410) {
    return new GitFailure(
      "not-found",
      `The Git server knows no such repository (HTTP ${status}); check the address and the right to read it`,
    );
  }
  return new GitFailure("unreachable", `The Git server answers HTTP ${status}`);
}

async function readBounded(response: Response, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      // Leaving the loop cancels the body, so nothing more is transferred.
      if (bytes > bytesMax) {
        throw new GitFailure(
          "too-large",
          `The Git server sends more than ${bytesMax} bytes in one answer; make the repository smaller or raise packBytesMax`,
        );
      }
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof TypeError)
      throw new GitFailure("unreachable", `The connection broke after ${bytes} bytes (${causeOf(error)})`);
    throw error;
  }
  return Buffer.concat(chunks, bytes);
}

/** A Git server's own error line, which the library passes over in silence. */
function throwIfError(answer: Buffer): void {
  const [, digits = ""] = /^([0-9a-f]{4})ERR /i.exec(answer.toString("latin1", 0, 8)) ?? [];
  if (digits === "") return;
  const text = answer.toString("utf8", 8, Number.parseInt(digits, 16));
  if (text.includes("not our ref")) {
    throw new GitFailure(
      "ref-not-found",
      "The Git server has no such commit, or gives out only the tips of branches and tags",
    );
  }
  throw new GitFailure("invalid", `The Git server says ${quoteServer(text)}`);
}

/** All bytes of a request or answer; the library declares iterators but passes arrays. */
async function collect(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A body in one piece. */
export async function* once(bytes: Uint8Array): AsyncIterableIterator<Uint8Array> {
  yield bytes;
}
