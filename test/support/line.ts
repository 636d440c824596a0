/**
 * The whole line on real parts: a hub with its data in a folder, a repository over smart HTTP, real API servers with
 * an agent process each. Everything is on loopback and gone after `stop`.
 */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type * as z from "zod";
import {
  appViewSchema,
  listOf,
  placementViewSchema,
  registrationAnswerSchema,
  releaseSchema,
  rolloutSchema,
  type PlacementView,
} from "#core/view.ts";
import type { Rollout } from "#core/rollout.ts";
import { ensureTool } from "../../cli/dev/tools.ts";
import { localDynamoConfig } from "../../functions/local/dynamo.ts";
import { startHub, type LocalHub } from "../../functions/local/hub.ts";
import { createDb, type Db, type OnUnits } from "../../functions/store/db.ts";
import { gitFixture, type GitFixture } from "../functions/source/git-fixture.ts";
import { startAgent, type AgentProcess } from "./agent-process.ts";
import { startCluster, type Cluster } from "./kubernetes/cluster.ts";
import { until } from "./wait.ts";
import { workTree, type WorkTree } from "./work-tree.ts";

export interface Line {
  folder: string;
  git: GitFixture;
  tree: WorkTree;
  clusters: Record<string, Cluster>;
  agents: Record<string, AgentProcess>;
  hub: LocalHub;
  stopHub(): Promise<void>;
  startHub(options?: { newEpoch: boolean }): Promise<void>;
  /** Copies the stopped hub's data beside itself, or puts that copy back. */
  copyHub(way: "save" | "restore"): Promise<void>;
  restartAgent(name: string): void;
  api<T extends z.ZodType>(path: string, schema: T): Promise<z.infer<T>>;
  post(path: string, body: unknown): Promise<Response>;
  db(): Db;
  stop(): Promise<void>;
}

const SETTINGS = {
  pollSourcesMs: 200,
  sweepMs: 2_000,
  auditMs: 200,
  auditSlotMs: 2_000,
  streamPollMs: 20,
};

export interface LineOptions {
  onUnits?: OnUnits;
  /** Told all that the hub says. */
  log?: (entry: Record<string, unknown>) => void;
  /** The agent's program and Node's flags before it; its source by default. */
  agent?: { program: string; nodeArgs: readonly string[] };
  /** Another way to start it than over the administrator's kubeconfig. */
  start?: (cluster: Cluster, token: string) => Promise<AgentProcess>;
}

export async function startLine(names: readonly string[], options: LineOptions = {}): Promise<Line> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-line-"));
  const dataDir = join(folder, "hub");
  const wasmFile = join(await ensureTool("render-engine"), "engine.wasm");
  const open = (port: number, newEpoch: boolean = false): Promise<LocalHub> =>
    startHub({
      dataDir,
      port,
      wasmFile,
      newEpoch,
      times: SETTINGS,
      log: options.log ?? (() => undefined),
      ...(options.onUnits === undefined ? {} : { onUnits: options.onUnits }),
    });
  let hub = await open(0);
  const port = Number(new URL(hub.url).port);
  const git = await gitFixture();
  await git.repository("fleet.git");
  const tree = await workTree(join(folder, "clone"), git.url("fleet.git"));
  const started = await Promise.all(names.map((name) => startCluster({ name })));
  const clusters = Object.fromEntries(names.map((name, index) => [name, started[index] as Cluster]));
  const agents: Record<string, AgentProcess> = {};

  const call = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${hub.url}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${hub.apiToken}`, "content-type": "application/json" },
    });
  const line: Line = {
    folder,
    git,
    tree,
    clusters,
    agents,
    get hub() {
      return hub;
    },
    stopHub: () => hub.stop(),
    startHub: async (how) => {
      hub = await open(port, how?.newEpoch);
    },
    copyHub: (way) => copy(dataDir, way),
    restartAgent: (name) => {
      agents[name] = startAgent({ kubeconfigFile: clusters[name]?.kubeconfigFile ?? "" });
    },
    api: async (path, schema) => {
      const answer = await call(path);
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return schema.parse(await answer.json());
    },
    post: (path, body) => call(path, { method: "POST", body: JSON.stringify(body) }),
    db: () =>
      createDb(
        DynamoDBDocumentClient.from(new DynamoDBClient(localDynamoConfig(hub.dynamoEndpoint))),
        hub.table,
      ),
    stop: async () => {
      await Promise.all(Object.values(agents).map((agent) => agent.kill("SIGKILL")));
      await hub.stop();
      await git.close();
      await Promise.all(started.map((cluster) => cluster.stop()));
      await rm(folder, { recursive: true, force: true });
    },
  };
  await attach(line, names, options);
  return line;
}

async function copy(dataDir: string, way: "save" | "restore"): Promise<void> {
  const [from, to] = way === "save" ? [dataDir, `${dataDir}-copy`] : [`${dataDir}-copy`, dataDir];
  await rm(to, { recursive: true, force: true });
  await cp(from, to, { recursive: true });
}

async function attach(line: Line, names: readonly string[], { agent, start }: LineOptions): Promise<void> {
  const resources = names.map((name) => ({
    apiVersion: "fairlead.dev/v1",
    kind: "Cluster",
    metadata: { name, labels: { env: name } },
    spec: { poll: "1s" },
  }));
  const applied = await line.post("/v1/apply", { resources });
  if (!applied.ok) throw new Error(await applied.text());
  for (const name of names) {
    const { token } = registrationAnswerSchema.parse(
      await (await line.post(`/v1/projects/default/clusters/${name}/registration`, {})).json(),
    );
    const cluster = line.clusters[name];
    if (cluster === undefined) throw new Error(`no cluster ${name}`);
    const { kubeconfigFile } = cluster;
    line.agents[name] =
      start === undefined ? startAgent({ kubeconfigFile, token, ...agent }) : await start(cluster, token);
  }
}

/** Source and App as a person would apply them: the path by the cluster's `env` label. */
export async function applyApp(line: Line, spec: object = {}): Promise<void> {
  const apiVersion = "fairlead.dev/v1";
  const source = {
    apiVersion,
    kind: "Source",
    metadata: { name: "fleet" },
    spec: { git: { url: line.git.url("fleet.git") }, poll: "1s" },
  };
  const app = {
    apiVersion,
    kind: "App",
    metadata: { name: "shop" },
    spec: {
      source: "fleet",
      path: "apps/shop/overlays/${cluster.labels.env}",
      namespace: "shop",
      clusters: {},
      ...spec,
    },
  };
  const answer = await line.post("/v1/apply", { resources: [source, app] });
  if (!answer.ok) throw new Error(await answer.text());
}

/** Waits for the rollout of the release that carries `commit`. */
export async function rolloutOf(
  line: Line,
  commit: string,
  state: Rollout["state"]["kind"] = "succeeded",
): Promise<Rollout> {
  return until(`rollout of ${commit.slice(0, 7)} ${state}`, async () => {
    const { items } = await line.api("/v1/projects/default/apps/shop/rollouts", listOf(rolloutSchema));
    const found = items.find((rollout) => rollout.commit === commit);
    if (found?.state.kind === state) return found;
    const clusters = await Promise.all(Object.keys(line.clusters).map((cluster) => told(line, cluster)));
    throw new Error(`is ${JSON.stringify(found?.state ?? "not there")}: ${clusters.join("; ")}`);
  });
}

/** What a cluster said last, and its agent's last lines: the reason stands in the failure. */
async function told(line: Line, cluster: string): Promise<string> {
  const observed = await placementOf(line, cluster).then(
    (placement) => placement.observed,
    () => undefined,
  );
  const log = line.agents[cluster]?.log().split("\n").slice(-6).join(" ") ?? "";
  return `${cluster} ${observed?.generation} ${observed?.phase}: ${observed?.message} [${log}]`;
}

export async function releaseOf(line: Line, commit: string) {
  const { items } = await line.api("/v1/projects/default/apps/shop/releases", listOf(releaseSchema));
  return items.find((release) => release.commit === commit);
}

export const placementOf = (line: Line, cluster: string): Promise<PlacementView> =>
  line.api(`/v1/projects/default/apps/shop/placements/${cluster}`, placementViewSchema);

export const appOf = (line: Line) => line.api("/v1/projects/default/apps/shop", appViewSchema);

/** The object as JSON, or undefined when it is absent. */
export async function live(
  line: Line,
  cluster: string,
  kind: string,
  name: string,
): Promise<Record<string, never> | undefined> {
  const got = await line.clusters[cluster]?.kubectl([
    "get",
    kind,
    name,
    "--namespace",
    "shop",
    "--ignore-not-found",
    "--output",
    "json",
  ]);
  if (got === undefined || got.code !== 0) throw new Error(got?.stderr ?? `no cluster ${cluster}`);
  return got.stdout === "" ? undefined : (JSON.parse(got.stdout) as Record<string, never>);
}
