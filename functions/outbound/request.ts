/**
 * One HTTP request on Node's own client, with the face of `fetch`: what failed is a `TypeError` with its cause, what was
 * aborted is the signal's reason, redirects are handed back. It exists because Node's `fetch` takes no resolver of ours, and
 * the library behind it would be more than half of every function's package.
 */
import { request as httpRequest, type Agent, type ClientRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { pipeline, type Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";

export interface RequestLimits {
  /** Name, connection and TLS. */
  readonly connectMsMax: number;
  readonly headersMsMax: number;
  /** Between two pieces of a body. */
  readonly bodyPauseMsMax: number;
}

interface Outgoing {
  readonly agent: Agent;
  readonly url: URL;
  readonly init: RequestInit;
  readonly signal: AbortSignal;
  readonly limits: RequestLimits;
}

const DEFAULTS = { accept: "*/*", "accept-encoding": "gzip, deflate, br" };
/** By the standard these have none, and `Response` refuses one. */
const BODYLESS = [204, 205, 304];
const DECODERS = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

export async function sendRequest(outgoing: Outgoing): Promise<Response> {
  const { signal, limits } = outgoing;
  try {
    signal.throwIfAborted();
    const { message, method } = await answerTo(outgoing);
    const isBodyless = BODYLESS.includes(message.statusCode ?? 0) || method === "HEAD";
    if (isBodyless) message.resume();
    return responseOf(message, isBodyless ? null : streamOf(message, signal, limits.bodyPauseMsMax));
  } catch (error) {
    throw signal.aborted ? signal.reason : new TypeError("fetch failed", { cause: error });
  }
}

/** A connection that was idle may have been closed by the other side meanwhile: what only reads is asked once more. */
async function answerTo(outgoing: Outgoing): Promise<{ message: IncomingMessage; method: string }> {
  const { url, init } = outgoing;
  // The standard's own reading of `init`: which body goes with which type, what a header may be.
  const asked = new Request(url, { ...init, signal: null });
  const body = asked.body === null ? undefined : Buffer.from(await asked.arrayBuffer());
  const headers = { ...DEFAULTS, ...Object.fromEntries(asked.headers) };
  const { method } = asked;
  const once = async () => ({ method, message: await exchange(outgoing, method, headers, body) });
  try {
    return await once();
  } catch (error) {
    if (!(error instanceof StaleConnection) || !["GET", "HEAD"].includes(method)) throw error;
    return once();
  }
}

class StaleConnection extends Error {
  override readonly name = "StaleConnection";
  readonly code = "ECONNRESET";
}

function exchange(
  { agent, url, signal, limits }: Outgoing,
  method: string,
  headers: Record<string, string>,
  body: Buffer | undefined,
): Promise<IncomingMessage> {
  const start = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = start(url, { agent, method, headers, signal });
    const late = setTimeout(
      () => sent.destroy(timedOut("the head of the answer", limits.headersMsMax)),
      limits.headersMsMax,
    );
    limitConnect(sent, limits.connectMsMax);
    sent.on("response", (message) => {
      clearTimeout(late);
      resolve(message);
    });
    sent.on("error", (error) => {
      clearTimeout(late);
      reject(isStale(sent, error) ? new StaleConnection(error.message, { cause: error }) : error);
    });
    sent.end(body);
  });
}

function isStale(sent: ClientRequest, error: Error & { code?: string }): boolean {
  return sent.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
}

function limitConnect(sent: ClientRequest, msMax: number): void {
  sent.on("socket", (socket) => {
    if (!socket.connecting) return;
    const late = setTimeout(() => sent.destroy(timedOut("the connection", msMax)), msMax);
    const arrived = (): void => clearTimeout(late);
    socket.once("encrypted" in socket ? "secureConnect" : "connect", arrived).once("close", arrived);
  });
}

function timedOut(what: string, ms: number): Error {
  return Object.assign(new Error(`${what} did not come within ${ms} ms`), { code: "ETIMEDOUT" });
}

function responseOf(message: IncomingMessage, body: ReadableStream | null): Response {
  const { statusCode: status = 0, statusMessage: statusText = "" } = message;
  return new Response(body, { status, statusText, headers: headersOf(message) });
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    headers.append(rawHeaders[at] ?? "", rawHeaders[at + 1] ?? "");
  return headers;
}

/** Cancelled before it was read at all, the connection ends as well. */
function streamOf(message: IncomingMessage, signal: AbortSignal, pauseMsMax: number): ReadableStream {
  const pieces = bodyOf(message, signal, pauseMsMax);
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const { done, value } = await pieces.next();
    if (done === true) controller.close();
    else controller.enqueue(value);
  };
  return new ReadableStream({ pull, cancel: () => void message.destroy() }, { highWaterMark: 0 });
}

async function* bodyOf(
  message: IncomingMessage,
  signal: AbortSignal,
  pauseMsMax: number,
): AsyncGenerator<Uint8Array> {
  const wait = () =>
    setTimeout(() => message.destroy(timedOut("a piece of the body", pauseMsMax)), pauseMsMax);
  let late = wait();
  try {
    for await (const chunk of decoded(message)) {
      // How long the reader takes for it is not the server's pause.
      clearTimeout(late);
      yield chunk as Buffer;
      late = wait();
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : new TypeError("terminated", { cause: error });
  } finally {
    clearTimeout(late);
  }
}

function decoded(message: IncomingMessage): Readable {
  const encoding = message.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  const decoder = Object.entries(DECODERS).find(([name]) => name === encoding)?.[1]();
  // What goes wrong on either side is told by the decoder, which ends with it.
  return decoder === undefined ? message : pipeline(message, decoder, () => undefined);
}
