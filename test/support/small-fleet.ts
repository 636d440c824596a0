/**
 * A local hub, a Git server and real agents over in-memory clusters in one process: what a test of the hub's own life
 * (lost, moved, put back) needs. Agents keep their cluster over restarts, as Kubernetes does.
 */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { listOf, placementViewSchema, registrationAnswerSchema, rolloutSchema } from "#core/view.ts";
import type * as z from "zod";
import type { MemoryKube } from "../../agent/kube/memory.ts";
import { ensureTool } from "../../cli/dev/tools.ts";
import { run } from "../../cli/main.ts";
import { localDynamoConfig } from "../../functions/local/dynamo.ts";
import { startHub, type LocalHub } from "../../functions/local/hub.ts";
import { createDb } from "../../functions/store/db.ts";
import { gitFixture } from "../functions/source/git-fixture.ts";
import { memoryCluster, startAgent, type TestAgent } from "./test-agent.ts";
import { until } from "./wait.ts";
import { workTree } from "./work-tree.ts";

const TIMES = { pollSourcesMs: 100, sweepMs: 300, auditMs: 60_000, auditSlotMs: 60_000, streamPollMs: 20 };

export async function smallFleet(names: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-fleet-"));
  const wasmFile = join(await ensureTool("render-engine"), "engine.wasm");
  const git = await gitFixture();
  await git.repository("fleet.git");
  const tree = await workTree(join(folder, "clone"), git.url("fleet.git"));
  const kubes = new Map<string, MemoryKube>(names.map((name) => [name, memoryCluster()]));
  const agents = new Map<string, TestAgent>();
  const hubs: LocalHub[] = [];

  /** A hub on data of its own in `folder/<data>`. */
  const open = async (
    data: string,
    options: { port?: number; newEpoch?: boolean } = {},
  ): Promise<LocalHub> => {
    const { port = 0, newEpoch = false } = options;
    const dataDir = join(folder, data);
    const hub = await startHub({ dataDir, port, newEpoch, wasmFile, times: TIMES, log: () => undefined });
    hubs.push(hub);
    return hub;
  };
  const fleet = {
    folder,
    tree,
    kubes,
    agents,
    open,
    recoveryFile: (data: string) => join(folder, data, "keys", "recovery.json"),
    copy: (from: string, to: string) => cp(join(folder, from), join(folder, to), { recursive: true }),
    lose: async (hub: LocalHub, data: string) => {
      await hub.stop();
      await rm(join(folder, data), { recursive: true, force: true });
    },
    call: (hub: LocalHub, method: string, path: string, body?: unknown): Promise<Response> =>
      fetch(`${hub.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${hub.apiToken}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    read: async <T extends z.ZodType>(hub: LocalHub, path: string, schema: T): Promise<z.infer<T>> => {
      const answer = await fleet.call(hub, "GET", path);
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return schema.parse(await answer.json());
    },
    /** Source, App and Clusters, as people would apply them. */
    apply: async (hub: LocalHub): Promise<void> => {
      const apiVersion = "fairlead.dev/v1";
      const clusters = names.map((name) => ({
        apiVersion,
        kind: "Cluster",
        metadata: { name, labels: { env: name } },
        spec: { poll: "1s" },
      }));
      const source = {
        apiVersion,
        kind: "Source",
        metadata: { name: "fleet" },
        spec: { git: { url: git.url("fleet.git") }, poll: "1s" },
      };
      const app = {
        apiVersion,
        kind: "App",
        metadata: { name: "shop" },
        spec: { source: "fleet", path: "apps/shop", namespace: "shop", clusters: {} },
      };
      const answer = await fleet.call(hub, "POST", "/v1/apply", { resources: [...clusters, source, app] });
      if (!answer.ok) throw new Error(await answer.text());
    },
    /** With a token of `hub` where one is given, else as its cluster knows. */
    start: async (name: string, hub?: LocalHub): Promise<TestAgent> => {
      const kube = kubes.get(name);
      if (kube === undefined) throw new Error(`no cluster ${name}`);
      const path = `/v1/projects/default/clusters/${name}/registration`;
      const options = { retryEveryMs: 200, backoffMinMs: 50, backoffMaxMs: 200, unconditionalFetchMs: 1_000 };
      const token =
        hub === undefined
          ? {}
          : {
              token: registrationAnswerSchema.parse(await (await fleet.call(hub, "POST", path)).json()).token,
            };
      const agent = startAgent({ fetch: (url, init) => fetch(url, init) }, kube, { ...token, options });
      agents.set(name, agent);
      return agent;
    },
    startAll: async (hub: LocalHub): Promise<void> => {
      for (const name of names) await fleet.start(name, hub);
    },
    /** Waits for the rollout of the release that carries `commit`, and answers it. */
    rolloutOf: (hub: LocalHub, commit: string) =>
      until(`rollout of ${commit.slice(0, 7)}`, async () => {
        const path = "/v1/projects/default/apps/shop/rollouts";
        const { items } = await fleet.read(hub, path, listOf(rolloutSchema));
        const found = items.find((one) => one.commit === commit);
        if (found?.state.kind === "succeeded") return found;
        throw new Error(`is ${JSON.stringify(found?.state ?? "not there")}; ${fleet.said()}`);
      }),
    placement: (hub: LocalHub, name: string) =>
      fleet.read(hub, `/v1/projects/default/apps/shop/placements/${name}`, placementViewSchema),
    said: () =>
      [...agents]
        .map(
          ([name, { logs }]) =>
            `${name}: ${logs
              .slice(-3)
              .map(({ message }) => message)
              .join(" | ")}`,
        )
        .join("; "),
    greeting: async (name: string, configMap = "greeting"): Promise<string | undefined> => {
      const address = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: configMap };
      const found = (await kubes.get(name)?.get(address)) as { data?: { text?: string } } | undefined;
      return found?.data?.text;
    },
    /** The CLI against `hub`; throws with its words when it fails. */
    cli: async (hub: LocalHub, ...argv: string[]): Promise<{ out: string; err: string }> => {
      let [out, err] = ["", ""];
      const code = await run(argv, {
        stdout: { write: (text) => (out += text) },
        stderr: { write: (text) => (err += text) },
        stdin: async () => "",
        env: { FAIRLEAD_SERVER: hub.url, FAIRLEAD_API_TOKEN: hub.apiToken },
        fetch: (url, init) => fetch(url, init),
        cwd: folder,
        isTTY: false,
        sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
        now: Date.now,
      });
      if (code !== 0) throw new Error(`fairlead ${argv.join(" ")} ended with ${code}: ${err}`);
      return { out, err };
    },
    db: (hub: LocalHub) =>
      createDb(
        DynamoDBDocumentClient.from(new DynamoDBClient(localDynamoConfig(hub.dynamoEndpoint))),
        hub.table,
      ),
    stop: async (): Promise<void> => {
      await Promise.all([...agents.values()].map((agent) => agent.stop()));
      for (const hub of hubs) await hub.stop();
      await git.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return fleet;
}

export type SmallFleet = Awaited<ReturnType<typeof smallFleet>>;

/** One ConfigMap for each name. */
export function greetings(texts: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [
      `apps/shop/${name}.yaml`,
      `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\ndata: { text: ${JSON.stringify(text)} }\n`,
    ]),
  );
}
