/** An agent in this process over a real API server, with the hub of the agent's own tests. */
import { readFile } from "node:fs/promises";
import { expect, vi } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { createKubeApi, type KubeApi } from "../../agent/kube/api.ts";
import { startCluster, type Cluster } from "./kubernetes/cluster.ts";
import { counted, startAgent, type CountedKube, type TestAgent } from "./test-agent.ts";
import { TestHub } from "./test-hub.ts";

export const SERVER_WAIT = { timeout: 60_000, interval: 50 };

export interface Server {
  cluster: Cluster;
  hub: TestHub;
  api: KubeApi;
  /** What the agent reaches the server by. */
  kube: CountedKube;
  agent: TestAgent;
  /** `kubectl` in the namespace; throws what it says where it fails. */
  kubectl(namespace: string, args: readonly string[], stdin?: unknown): Promise<string>;
  get(namespace: string, kind: string, name: string): Promise<KubeObject | undefined>;
  /** Waits until the hub has heard it of the newest generation of the App. */
  until(app: string, phase: string, generation: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startServer(
  name: string,
  options: Parameters<typeof startAgent>[2] = {},
): Promise<Server> {
  const cluster = await startCluster({ name });
  const api = createKubeApi({
    server: cluster.url,
    ca: await readFile(cluster.caFile, "utf8"),
    authorization: () => Promise.resolve(`Bearer ${cluster.token}`),
  });
  const hub = await TestHub.create();
  const kube = counted(api);
  const agent = startAgent(hub, kube, {
    token: hub.token(),
    ...options,
    options: {
      driftEveryMs: 500,
      observeMinMs: 100,
      observeMaxMs: 500,
      backoffMinMs: 100,
      ...options.options,
    },
  });
  const kubectl: Server["kubectl"] = async (namespace, args, stdin) => {
    const done = await cluster.kubectl(
      ["--namespace", namespace, ...args],
      stdin === undefined ? undefined : JSON.stringify(stdin),
    );
    if (done.code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${done.stderr}`);
    return done.stdout;
  };
  return {
    cluster,
    hub,
    api,
    kube,
    agent,
    kubectl,
    async get(namespace, kind, object) {
      const text = await kubectl(namespace, [
        "get",
        kind,
        object,
        "--ignore-not-found",
        "--show-managed-fields",
        "-o",
        "json",
      ]);
      return text === "" ? undefined : (JSON.parse(text) as KubeObject);
    },
    until: (app, phase, generation) =>
      vi.waitFor(() => expect(hub.latest.get(app)).toMatchObject({ phase, generation }), SERVER_WAIT),
    async stop() {
      await agent.stop();
      await api.close();
      await cluster.stop();
    },
  };
}
