/**
 * One request to a server of charts, through the outbound guard. Redirects are followed here, a few, each hop past the
 * guard again; what authorises a request is decided for each hop's own address, so nothing secret is led elsewhere.
 */
import type { OutboundFetch } from "../outbound/port.ts";
import { OutboundRefused } from "../outbound/refused.ts";
import { ChartFailure } from "./failure.ts";

export interface Wire {
  readonly http: OutboundFetch;
  /** Ends all requests of one look. */
  readonly signal: AbortSignal;
}

export interface Request {
  readonly url: URL;
  /** What is asked for, as an error names it: `the index`, `chart shop 1.2.0`. */
  readonly what: string;
  readonly bytesMax: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The `Authorization` for an address; undefined: none. */
  readonly authorize: (url: URL) => string | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Empty unless the status is 200. */
  readonly body: Buffer;
  /** Where it came from, after redirects. */
  readonly url: URL;
}

const REDIRECTS_MAX = 5;

export async function ask(wire: Wire, request: Request): Promise<Answer> {
  let { url } = request;
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
    const response = await open(wire, url, request);
    const { status, headers } = response;
    if (![301, 302, 303, 307, 308].includes(status)) {
      const body = status === 200 ? await readBody(wire, response, request) : Buffer.alloc(0);
      if (status !== 200) await response.body?.cancel();
      return { status, headers, body, url };
    }
    await response.body?.cancel();
    url = redirectTarget(url, headers.get("location"));
  }
  throw new ChartFailure(
    "server",
    `${request.url.host} redirects more than ${REDIRECTS_MAX} times on the way to ${request.what}; give the final address`,
  );
}

async function open(wire: Wire, url: URL, { headers, authorize }: Request): Promise<Response> {
  const authorization = authorize(url);
  const secret = authorization === undefined ? {} : { authorization };
  try {
    return await wire.http(url.href, { headers: { ...headers, ...secret }, signal: wire.signal });
  } catch (error) {
    throw failureOf(error, wire, url);
  }
}

async function readBody(wire: Wire, response: Response, { url, what, bytesMax }: Request): Promise<Buffer> {
  const tooLarge = () =>
    new ChartFailure("too-large", `${what} at ${url.host} is larger than the limit of ${bytesMax} bytes`);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      // Leaving the loop ends the transfer.
      if (bytes > bytesMax) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    throw failureOf(error, wire, url);
  }
  return Buffer.concat(chunks, bytes);
}

function failureOf(error: unknown, { signal }: Wire, { host }: URL): Error {
  if (error instanceof ChartFailure) return error;
  if (error instanceof OutboundRefused) return new ChartFailure("refused", error.message);
  const late = signal.aborted || (error instanceof Error && /^(Timeout|Abort)Error$/.test(error.name));
  return new ChartFailure(
    "unreachable",
    late ? `${host} did not answer in time` : `no connection to ${host} (${causeOf(error)})`,
  );
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return "unknown cause";
  return "code" in cause && typeof cause.code === "string" ? cause.code : cause.message;
}

/** To any host, which the guard looks at, but never from https to http and never with credentials in the address. */
function redirectTarget(from: URL, location: string | null): URL {
  const target = URL.parse(location ?? "", from.href);
  const isSafe =
    target !== null &&
    (target.protocol === "https:" || (target.protocol === "http:" && from.protocol === "http:")) &&
    target.username === "" &&
    target.password === "";
  if (isSafe) return target;
  throw new ChartFailure(
    "server",
    `${from.host} redirects to ${target?.origin ?? "an unreadable address"}, which is not followed; give the final address`,
  );
}
