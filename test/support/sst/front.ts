/**
 * Addresses on loopback for functions of the emulator: it tells them apart by the `Host` header, which a name of AWS would
 * carry. A front can be told of its function later, as its address is known before there is one.
 */
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Front {
  url: string;
  /** The name that AWS gave. */
  leadTo(host: string): void;
  stop(): Promise<void>;
}

export async function startFront(endpoint: string): Promise<Front> {
  let host: string | undefined;
  const server = createServer((incoming, answer) => forward(endpoint, host, incoming, answer));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    leadTo: (name) => {
      host = name;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function forward(
  endpoint: string,
  host: string | undefined,
  incoming: IncomingMessage,
  answer: ServerResponse,
): void {
  if (host === undefined) {
    answer.writeHead(503).end();
    return;
  }
  const { hostname, port } = new URL(endpoint);
  const { method, url: path } = incoming;
  const passed = request(
    { hostname, port, method, path, headers: { ...incoming.headers, host } },
    (found) => {
      answer.writeHead(found.statusCode ?? 502, found.headers);
      found.pipe(answer);
    },
  );
  passed.on("error", () => answer.writeHead(502).end());
  incoming.pipe(passed);
}
