/**
 * `/healthz`, `/readyz` and `/metrics` for a kubelet and a monitor: reading only, no bodies taken, nothing of the cluster's
 * content in the answers.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Life {
  stuck(): string | undefined;
  ready(): boolean;
  metrics(): string;
}

export interface Listening {
  port: number;
  close: () => Promise<void>;
}

interface Page {
  status: number;
  text: string;
}

/** Rejects where the address cannot be had. */
export async function listen({ host, port }: { host: string; port: number }, life: Life): Promise<Listening> {
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
    const page =
      request.method === "GET" ? pageOf(request.url ?? "", life) : { status: 405, text: "GET only\n" };
    response
      .writeHead(page.status, { "content-type": "text/plain; version=0.0.4; charset=utf-8" })
      .end(page.text);
  });
  server.maxConnections = 20;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, host, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close: () => closed(server) };
}

function pageOf(url: string, life: Life): Page {
  const stuck = life.stuck();
  const [path = ""] = url.split("?");
  switch (path) {
    case "/healthz":
      return stuck === undefined ? { status: 200, text: "ok\n" } : { status: 503, text: `${stuck}\n` };
    case "/readyz":
      return stuck === undefined && life.ready()
        ? { status: 200, text: "ok\n" }
        : { status: 503, text: `${stuck ?? "what the cluster keeps is not read yet"}\n` };
    case "/metrics":
      return { status: 200, text: life.metrics() };
    default:
      return { status: 404, text: "/healthz, /readyz, /metrics\n" };
  }
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
