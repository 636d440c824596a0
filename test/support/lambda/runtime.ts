/**
 * A function's package under Lambda's own runtime client, called as a function URL calls it: what speaks the Runtime API here hands
 * out one event after another and takes the answers.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { APIGatewayProxyEventV2 } from "aws-lambda";
import * as z from "zod";
import { ensureRuntimeClient } from "./ric.ts";

const CALL_MS_MAX = 120_000;
const answerSchema = z.object({
  statusCode: z.number(),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.string().optional(),
});
type Answer = z.infer<typeof answerSchema>;

/** Of a process, since it was started. */
export interface Spent {
  /** By the clock. */
  ms: number;
  /** Of all threads: what the machine does beside it falls on this least. */
  cpuMs: number;
}

export interface RunningFunction {
  /** When it asks for its first event. Rejects when it ends before. */
  ready: Promise<void>;
  /** Throws what the function threw. */
  get(path: string, headers: Readonly<Record<string, string>>): Promise<Answer>;
  spent(): Promise<Spent>;
  /** All that it wrote, which CloudWatch would keep. */
  said(): string;
  stop(): Promise<void>;
}

interface Call {
  event: APIGatewayProxyEventV2;
  answered: PromiseWithResolvers<Answer>;
}

/** `folder` holds `bundle.mjs`. */
export async function startFunction(
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<RunningFunction> {
  const client = await ensureRuntimeClient();
  const api = await serveRuntimeApi();
  const since = performance.now();
  const child = spawn(process.execPath, [client], {
    cwd: folder,
    env: { PATH: process.env["PATH"], ...env, ...platform(folder, api.port) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const closed = once(child, "close");
  let said = "";
  for (const output of [child.stdout, child.stderr])
    output.on("data", (part: Buffer) => (said += part.toString()));
  child.on("close", (code, signal) => api.end(`the function ended with ${code ?? signal}: ${said}`));
  return {
    ready: api.ready,
    get: (path, headers) => api.call(eventOf(path, headers)),
    spent: async () => {
      const ms = performance.now() - since;
      return { ms, cpuMs: await cpuMsOf(child.pid ?? 0) };
    },
    said: () => said,
    stop: async () => {
      child.kill("SIGKILL");
      await closed;
      api.close();
    },
  };
}

/** What the platform tells a function by its environment. */
function platform(folder: string, port: number) {
  return {
    AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
    AWS_LAMBDA_LOG_FORMAT: "JSON",
    AWS_LAMBDA_FUNCTION_NAME: "test",
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
    AWS_LAMBDA_LOG_GROUP_NAME: "/aws/lambda/test",
    AWS_LAMBDA_LOG_STREAM_NAME: "test",
    LAMBDA_TASK_ROOT: folder,
    _HANDLER: "bundle.handler",
  };
}

async function serveRuntimeApi() {
  const ready = Promise.withResolvers<void>();
  // Who never waits for it is told of its failure by the next call.
  ready.promise.catch(() => undefined);
  const calls: Call[] = [];
  const asking: ServerResponse[] = [];
  let under: Call | undefined;
  let ended: Error | undefined;
  const hand = (): void => {
    const call = calls[0];
    const response = call === undefined ? undefined : asking.shift();
    if (call === undefined || response === undefined) return;
    under = calls.shift();
    sendEvent(response, call.event);
  };
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.url?.endsWith("/invocation/next") === true) {
      ready.resolve();
      asking.push(response);
      return hand();
    }
    const body = await text(request);
    response.writeHead(202).end();
    if (request.url?.endsWith("/response") === true)
      under?.answered.resolve(answerSchema.parse(JSON.parse(body)));
    else under?.answered.reject(new Error(body));
  };
  const server = createServer((request, response) => void take(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    ready: ready.promise,
    call: async (event: APIGatewayProxyEventV2): Promise<Answer> => {
      if (ended !== undefined) throw ended;
      const answered = Promise.withResolvers<Answer>();
      calls.push({ event, answered });
      hand();
      return answered.promise;
    },
    end: (why: string): void => {
      ended = new Error(why);
      ready.reject(ended);
      for (const call of [under, ...calls]) call?.answered.reject(ended);
    },
    close: (): void => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function sendEvent(response: ServerResponse, event: APIGatewayProxyEventV2): void {
  const body = JSON.stringify(event);
  response.writeHead(200, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "lambda-runtime-aws-request-id": crypto.randomUUID(),
    "lambda-runtime-deadline-ms": Date.now() + CALL_MS_MAX,
    "lambda-runtime-invoked-function-arn": "arn:aws:lambda:us-east-1:000000000000:function:test",
    "lambda-runtime-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0",
  });
  response.end(body);
}

async function cpuMsOf(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const spent = threads.map(async (thread) => {
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
    return Number(text.split(" ")[0]) / 1e6;
  });
  return (await Promise.all(spent)).reduce((sum, ms) => sum + ms, 0);
}

function eventOf(rawPath: string, headers: Readonly<Record<string, string>>): APIGatewayProxyEventV2 {
  const http = { method: "GET", path: rawPath, protocol: "HTTP/1.1", sourceIp: "127.0.0.1", userAgent: "" };
  const domain = { domainName: "agents.example.com", domainPrefix: "agents", accountId: "anonymous" };
  const at = { requestId: "r", routeKey: "$default", stage: "$default", time: "", timeEpoch: 0 };
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath,
    rawQueryString: "",
    headers: { host: domain.domainName, ...headers },
    requestContext: { apiId: "agents", http, ...domain, ...at },
    isBase64Encoded: false,
  };
}
