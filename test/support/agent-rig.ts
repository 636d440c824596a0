/**
 * An agent's surroundings on real parts: an API server behind a door that counts every request (and can be shut), and
 * a small hub on a socket. Everything is on loopback and gone after `stop`.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Agent, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Address } from "../../agent/kube/port.ts";
import { openDoor } from "./api-door.ts";
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
  /** Whatever else a test wants of the server; not through the door. Throws what it answers where it refuses. */
  ask<T>(method: string, path: string, body?: object): Promise<T>;
  /** API server and etcd end, and come back on the same data after `work`. */
  without(work: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

const PLURALS: Record<string, string> = { ConfigMap: "configmaps", Deployment: "deployments" };

/** Only a `kept` server can come back. */
export async function startRig(name: string, { kept = false } = {}): Promise<Rig> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-rig-"));
  const dataDir = kept ? { dataDir: join(folder, "cluster") } : {};
  const options = { name, controllers: false, ...dataDir };
  const cluster = await startCluster(options);
  const ca = await readFile(cluster.caFile, "utf8");
  await writeFile(join(folder, "ca.crt"), ca);
  await writeFile(join(folder, "token"), cluster.token);
  const upstream = new Agent({ keepAlive: true, ca });
  const rig: Pick<Rig, "door" | "cluster"> = { door: "open", cluster };
  const door = await openDoor(() => rig.cluster, { fate: () => rig.door });
  const { hub, close } = await hubOnSocket();
  const ask = <T>(method: string, path: string, body?: object): Promise<T> =>
    call(rig.cluster, upstream, method, path, body);
  return Object.assign(rig, {
    hub,
    ca,
    url: door.url,
    requests: door.requests,
    serviceAccount: folder,
    ask,
    edit: async (address: Address, patch: object) =>
      ask<void>("PATCH", `${pathOf(address)}?fieldManager=kubectl-edit`, patch),
    read: (address: Address) => ask<Record<string, unknown>>("GET", pathOf(address)),
    sever: () => door.sever(),
    async without(work: () => Promise<void>) {
      await rig.cluster.stop();
      upstream.destroy();
      await work();
      rig.cluster = await startCluster(options);
    },
    async stop() {
      door.close();
      close();
      upstream.destroy();
      await rig.cluster.stop();
      await rm(folder, { recursive: true, force: true });
    },
  });
}

async function hubOnSocket(): Promise<{ hub: TestHub; close: () => void }> {
  let hub: TestHub | undefined;
  const server = createServer((request, response) => {
    if (hub === undefined || hub.away) request.socket.destroy();
    else void answer(hub, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  hub = await TestHub.create(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { hub, close };
}

function pathOf({ apiVersion, kind, namespace, name }: Address): string {
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}/namespaces/${namespace}/${PLURALS[kind]}/${name}`;
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
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const headers = { authorization: `Bearer ${cluster.token}`, "content-type": type };
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(new URL(path, cluster.url), { method, headers, agent }, (answered) => {
      let text = "";
      answered.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      answered.once("end", () =>
        (answered.statusCode ?? 0) < 300 ? resolve(JSON.parse(text) as T) : reject(new Error(text)),
      );
    });
    sent.once("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
