/**
 * A door before a test's API server: it counts what goes through, and what becomes of each request is asked of the test.
 * Whoever is lost at it sees what a process sees that died, or whose connection broke.
 */
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Agent, createServer, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import type { Cluster } from "./kubernetes/cluster.ts";

/** `unsent` never reaches the server; `unanswered` is done there, and its answer lost. */
export type Fate = "open" | "throttled" | "gone" | "unsent" | "unanswered";

export interface Door {
  /** `GET /api/v1/…`, as they come. */
  requests: string[];
  url: string;
  /** Breaks off what goes through, watches as well. */
  sever(): void;
  close(): void;
}

export interface DoorKeeper {
  /** `line` is as in `requests`. */
  fate: (index: number, line: string) => Fate;
  /** Called as soon as a request is lost, before anything else happens. */
  lost?: () => void;
}

const NO_STATUS = 0;

/** With the server's own certificate; `cluster` is asked each time, as a server may have come back elsewhere. */
export async function openDoor(cluster: () => Cluster, { fate, lost }: DoorKeeper): Promise<Door> {
  const folder = dirname(cluster().caFile);
  const cert = await readFile(cluster().caFile, "utf8");
  const key = await readFile(join(folder, "apiserver.key"), "utf8");
  const upstream = new Agent({ keepAlive: true, ca: cert });
  const requests: string[] = [];
  let index = 0;
  const server = createServer({ key, cert }, (request, response) => {
    const line = `${request.method} ${request.url}`;
    requests.push(line);
    const decided = fate(index, line);
    index += 1;
    const lose = (): void => {
      lost?.();
      request.socket.destroy();
    };
    if (decided === "gone") request.socket.destroy();
    else if (decided === "throttled") response.writeHead(429, { "retry-after": "1" }).end();
    else if (decided === "unsent") lose();
    else pass(new URL(request.url ?? "/", cluster().url), upstream, request, response, decided, lose);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    requests,
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sever: () => server.closeAllConnections(),
    close() {
      server.closeAllConnections();
      server.close();
      upstream.destroy();
    },
  };
}

function pass(
  url: URL,
  agent: Agent,
  request: IncomingMessage,
  response: ServerResponse,
  fate: "open" | "unanswered",
  lose: () => void,
): void {
  const { method, headers } = request;
  const onward = httpsRequest(url, { method, headers, agent }, (answered) => {
    answered.once("error", () => response.destroy());
    if (fate === "open") return back(answered, response);
    // A watch has no end to wait for.
    if (url.searchParams.has("watch")) return lose();
    answered.once("end", lose).resume();
  });
  onward.once("error", () => response.destroy());
  response.once("close", () => onward.destroy());
  request.pipe(onward);
}

function back(answered: IncomingMessage, response: ServerResponse): void {
  response.writeHead(answered.statusCode ?? NO_STATUS, answered.headers);
  response.flushHeaders();
  answered.pipe(response);
}
