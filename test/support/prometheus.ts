/**
 * A server that answers instant queries as Prometheus does, on loopback: by POST with a form, a value for each query that it was
 * taught, an error for what is no PromQL, and whatever else a test asks for.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Heard {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage["headers"];
  body: string;
}

export interface HttpServer {
  url: string;
  heard: Heard[];
  close(): Promise<void>;
}

/** Any server on a free port of this machine that remembers what it was asked. */
export async function startHttp(
  answer: (heard: Heard, response: ServerResponse) => void | Promise<void>,
): Promise<HttpServer> {
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method, url, headers } = request;
      const one = { method, url, headers, body: Buffer.concat(chunks).toString() };
      heard.push(one);
      void answer(one, response);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export interface PrometheusServer extends HttpServer {
  /** Queries that were asked, in order. */
  queries(): string[];
  /** What a query gives from now on; several values are several series. */
  teach(query: string, ...values: string[]): void;
}

export async function startPrometheus(): Promise<PrometheusServer> {
  const taught = new Map<string, string[]>();
  const queryOf = ({ body }: Heard): string => new URLSearchParams(body).get("query") ?? "";
  const http = await startHttp((heard, response) => {
    const say = (status: number, body: object) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    if (heard.method !== "POST" || heard.url !== "/api/v1/query")
      return void response.writeHead(404).end("404 page not found");
    const query = queryOf(heard);
    if (!/[)\w\]]$/.test(query))
      return say(400, { status: "error", errorType: "bad_data", error: `parse error in ${query}` });
    const at = Date.now() / 1000;
    const result = (taught.get(query) ?? []).map((value, index) => ({
      metric: { series: String(index) },
      value: [at, value],
    }));
    say(200, { status: "success", data: { resultType: "vector", result } });
  });
  return {
    ...http,
    queries: () => http.heard.map(queryOf),
    teach: (query, ...values) => void taught.set(query, values),
  };
}
