/**
 * An agent's surroundings on real parts: an API server behind a door that counts every request (and can be shut), and
 * a small hub on a socket. Everything is on loopback and gone after `stop`.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { Agent, createServer as createHttpsServer, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Address } from "../../agent/kube/port.ts";
import { startCluster, type Cluster } from "./kubernetes/cluster.ts";
import { TestHub } from "./test-hub.ts";

export interface Rig {
  cluster: Cluster;
  hub: TestHub;
  /** `GET /api/v1/…`, as they come. */
  requests: string[];
  /** The door to the API server, as it is given to the agent. */
  url: string;
  ca: string;
  /** What a Pod has mounted. */
  serviceAccount: string;
  /** Answers everybody so, instead of passing it on; `gone` hangs up. */
  door: "open" | "throttled" | "gone";
  /** Breaks off what goes through the door, watches as well. */
  sever(): void;
  /** A person's change, under the manager `kubectl-edit`; not through the door. */
  edit(address: Address, patch: object): Promise<void>;
  read(address: Address): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

const PLURALS: Record<string, string> = { ConfigMap: "configmaps", Deployment: "deployments" };
const HUNG_UP = 0;

export async function startRig(name: string): Promise<Rig> {
  const cluster = await startCluster({ name, controllers: false });
  const ca = await readFile(cluster.caFile, "utf8");
  const folder = await mkdtemp(join(tmpdir(), "fairlead-rig-"));
  await writeFile(join(folder, "ca.crt"), ca);
  await writeFile(join(folder, "token"), cluster.token);
  const upstream = new Agent({ keepAlive: true, ca });
  const key = await readFile(join(dirname(cluster.caFile), "apiserver.key"), "utf8");
  const rig: Partial<Rig> & Pick<Rig, "door" | "requests"> = { door: "open", requests: [] };
  const door = createHttpsServer({ key, cert: ca }, (request, response) => {
    rig.requests.push(`${request.method} ${request.url}`);
    if (rig.door === "gone") request.socket.destroy();
    else if (rig.door === "throttled") response.writeHead(429, { "retry-after": "1" }).end();
    else pass(cluster, upstream, request, response);
  });
  let hub: TestHub | undefined;
  const hubDoor = createHttpServer((request, response) => {
    if (hub === undefined || hub.away) request.socket.destroy();
    else void answer(hub, request, response);
  });
  const [doorPort, hubPort] = [await listen(door), await listen(hubDoor)];
  hub = await TestHub.create(`http://127.0.0.1:${hubPort}`);
  const direct = <T>(method: string, address: Address, body?: object): Promise<T> =>
    call(cluster, upstream, method, pathOf(address), body);
  return Object.assign(rig, {
    cluster,
    hub,
    ca,
    url: `https://127.0.0.1:${doorPort}`,
    serviceAccount: folder,
    edit: async (address: Address, patch: object) => direct<void>("PATCH", address, patch),
    read: (address: Address) => direct<Record<string, unknown>>("GET", address),
    sever: () => door.closeAllConnections(),
    async stop() {
      for (const server of [door, hubDoor]) {
        server.closeAllConnections();
        server.close();
      }
      upstream.destroy();
      await cluster.stop();
      await rm(folder, { recursive: true, force: true });
    },
  });
}

function pathOf({ apiVersion, kind, namespace, name }: Address): string {
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}/namespaces/${namespace}/${PLURALS[kind]}/${name}`;
}

async function listen(server: Server | ReturnType<typeof createHttpsServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

function pass(cluster: Cluster, agent: Agent, request: IncomingMessage, response: ServerResponse): void {
  const { method, headers, url = "/" } = request;
  const onward = httpsRequest(new URL(url, cluster.url), { method, headers, agent }, (answered) => {
    response.writeHead(answered.statusCode ?? HUNG_UP, answered.headers);
    response.flushHeaders();
    answered.pipe(response);
    answered.once("error", () => response.destroy());
  });
  onward.once("error", () => response.destroy());
  response.once("close", () => onward.destroy());
  request.pipe(onward);
}

async function answer(hub: TestHub, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body = parts.length === 0 ? {} : { body: Buffer.concat(parts).toString("utf8") };
  const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [
    name,
    String(value),
  ]);
  const init = { method: request.method ?? "GET", headers, ...body };
  const answered = await hub.fetch(`${hub.url}${request.url}`, init);
  response.writeHead(answered.status, Object.fromEntries(answered.headers));
  response.end(Buffer.from(await answered.arrayBuffer()));
}

function call<T>(cluster: Cluster, agent: Agent, method: string, path: string, body?: object): Promise<T> {
  const type = { "content-type": "application/merge-patch+json" };
  const headers = { authorization: `Bearer ${cluster.token}`, ...(body === undefined ? {} : type) };
  const url = new URL(`${path}?fieldManager=kubectl-edit`, cluster.url);
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(url, { method, headers, agent }, (answered) => {
      let text = "";
      answered.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      answered.once("end", () =>
        answered.statusCode === 200 ? resolve(JSON.parse(text) as T) : reject(new Error(text)),
      );
    });
    sent.once("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
