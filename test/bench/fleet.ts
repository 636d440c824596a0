/**
 * One commit for a whole fleet: the local hub with its embedded engine, real Git over HTTP, and simulated clusters in a
 * process of their own that speak to it as agents do. Timed from the push until the hub has taken the last report of
 * health, and until all rollouts have succeeded. `FAIRLEAD_BENCH_FLEET=50x5` makes it smaller (clusters x Apps),
 * `FAIRLEAD_BENCH_UNAVAILABLE="100%"` measures one `maxUnavailable`, `FAIRLEAD_BENCH_PROFILE=FILE` leaves a profile of the
 * hub behind the first install there.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { API_VERSION } from "#core/metadata.ts";
import { listOf, rolloutSchema } from "#core/view.ts";
import { mapBounded } from "../../agent/slots.ts";
import { hubClient, type HubClient } from "../../cli/dev/hub-client.ts";
import { ensureTool } from "../../cli/dev/tools.ts";
import { gitFixture, type GitFixture } from "../functions/source/git-fixture.ts";
import { workTree, type WorkTree } from "../support/work-tree.ts";
import { Process } from "./fleet/process.ts";
import type { Counts } from "./fleet/words.ts";
import { cpuOf, cpuOfFolder } from "./processor.ts";
import { kustomization } from "./render.ts";

const [CLUSTERS = 500, APPS = 50] = (process.env["FAIRLEAD_BENCH_FLEET"] ?? "500x50").split("x").map(Number);
const HUB = fileURLToPath(new URL("fleet/hub.ts", import.meta.url));
const SIMULATED = fileURLToPath(new URL("fleet/clusters.ts", import.meta.url));
const PLACEMENTS = CLUSTERS * APPS;
const POLL = "5s";
/** One commit for each. */
const MAX_UNAVAILABLE = (process.env["FAIRLEAD_BENCH_UNAVAILABLE"] ?? "100% 20%").split(" ");
const AT_ONCE = 8;
const LOOK_MS = 250;
/** What still follows the end of a rollout is over by then. */
const SETTLE_MS = 3_000;

interface Rig {
  hub: Process;
  clusters: Process;
  /** Only the table's engine names it in its arguments. */
  dataDir: string;
  tree: WorkTree;
  client: HubClient;
  read: (path: string) => Promise<unknown>;
  git: GitFixture;
}

export async function benchFleet(): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-bench-fleet-"));
  const git = await gitFixture();
  const processes: Process[] = [];
  try {
    const rig = await start(folder, git, processes);
    const figures: Record<string, string> = {
      fleet: `${CLUSTERS} SIMULATED clusters (nothing is applied), polls every ${POLL}, ${APPS} Apps`,
    };
    Object.assign(figures, await firstInstall(rig));
    const file = process.env["FAIRLEAD_BENCH_PROFILE"];
    if (file !== undefined) rig.hub.ask({ kind: "profile", file });
    for (const [round, limit] of MAX_UNAVAILABLE.entries())
      Object.assign(figures, await oneCommit(rig, round + 1, limit));
    return figures;
  } finally {
    for (const one of processes.toReversed()) await one.stop();
    await git.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function start(folder: string, git: GitFixture, processes: Process[]): Promise<Rig> {
  const wasmFile = join(await ensureTool("render-engine"), "engine.wasm");
  await git.repository("fleet.git");
  const tree = await workTree(join(folder, "clone"), git.url("fleet.git"));
  const dataDir = join(folder, "hub");
  const hub = new Process(HUB);
  processes.push(hub);
  hub.ask({ kind: "hub", dataDir, wasmFile });
  const { url, apiToken } = await hub.told("hub");
  const client = hubClient(url, apiToken);
  const headers = { authorization: `Bearer ${apiToken}` };
  const read = async (path: string): Promise<unknown> => (await fetch(`${url}${path}`, { headers })).json();
  const clusters = new Process(SIMULATED);
  processes.push(clusters);
  await client.apply(names("c", CLUSTERS).map(cluster));
  const tokens = await mapBounded(names("c", CLUSTERS), AT_ONCE, (name) => client.register(name));
  clusters.ask({ kind: "clusters", tokens, apps: APPS });
  await clusters.told("clusters");
  return { hub, clusters, dataDir, tree, client, read, git };
}

async function firstInstall(rig: Rig): Promise<Record<string, string>> {
  const { client, tree, git } = rig;
  const commit = await tree.push(files(0), "Start");
  const spec = { git: { url: git.url("fleet.git") }, poll: "1m" };
  const source = { apiVersion: API_VERSION, kind: "Source", metadata: { name: "fleet" }, spec };
  await client.apply([source]);
  await client.sync("fleet");
  return measured(rig, "first install", async () => {
    await client.apply(apps(MAX_UNAVAILABLE[0] ?? "100%"));
    return commit;
  });
}

async function oneCommit(rig: Rig, round: number, limit: string): Promise<Record<string, string>> {
  const { client, tree } = rig;
  await client.apply(apps(limit));
  await delay(SETTLE_MS);
  return measured(rig, `one commit, ${limit}`, async () => {
    const commit = await tree.push(files(round), `Round ${round}`);
    // As a webhook does.
    await client.sync("fleet");
    return commit;
  });
}

async function measured(rig: Rig, what: string, begin: () => Promise<string>) {
  const before = await spent(rig);
  const since = performance.now();
  const commit = await begin();
  await rig.clusters.told("healthy", (told) => told.commit === commit);
  const healthyS = (performance.now() - since) / 1000;
  await mapBounded(names("app", APPS), 1, (app) => succeeded(rig, app, commit));
  const seconds = (performance.now() - since) / 1000;
  await delay(SETTLE_MS);
  const after = await spent(rig);
  const used = Object.fromEntries(
    Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]),
  );
  const took = `${healthyS.toFixed(1)} s to the last healthy, ${seconds.toFixed(1)} s to the last rollout's end`;
  const lines = Object.entries(words(used)).map(([name, text]) => [`${what}: ${name}`, text]);
  return { [`${what}, ${PLACEMENTS} placements`]: took, ...Object.fromEntries(lines) };
}

async function succeeded({ read }: Rig, app: string, commit: string): Promise<void> {
  for (;;) {
    const answer = await read(`/v1/projects/default/apps/${app}/rollouts?limit=1`);
    const [newest] = listOf(rolloutSchema).parse(answer).items;
    if (newest?.commit === commit && newest.state.kind === "succeeded") return;
    if (newest?.state.kind === "halted") throw new Error(`${app}: ${JSON.stringify(newest.state)}`);
    await delay(LOOK_MS);
  }
}

async function spent({ hub, clusters, dataDir }: Rig): Promise<Counts> {
  return {
    ...(await clusters.counts()),
    ...(await hub.counts()),
    "hub CPU s": await cpuOf(hub.pid),
    "table CPU s": await cpuOfFolder(dataDir),
    "clusters CPU s": await cpuOf(clusters.pid),
  };
}

const READS = ["get", "batch-get", "query"];
const WRITES = ["put", "update", "delete", "transact"];

function words(used: Counts): Record<string, string> {
  const of = (name: string): number => used[name] ?? 0;
  const sum = (operations: readonly string[]): number =>
    operations.reduce((total, one) => total + of(`${one} units`), 0);
  const [reads, writes] = [sum(READS), sum(WRITES)];
  const each = (count: number): string => (count / PLACEMENTS).toFixed(2);
  const whole = (...nouns: string[]): string =>
    nouns.map((noun) => `${of(noun).toFixed(0)} ${noun}`).join(", ");
  return {
    "processor, s": `hub ${of("hub CPU s").toFixed(1)}, table ${of("table CPU s").toFixed(1)}, clusters ${of("clusters CPU s").toFixed(1)}`,
    "units of the table": `${(reads + writes).toFixed(0)}, per placement ${each(reads + writes)}: ${each(reads)} read, ${each(writes)} written`,
    "by operation, calls and units": [...READS, ...WRITES]
      .map((one) => `${one} ${of(`${one} calls`)} ${of(`${one} units`).toFixed(0)}`)
      .join(", "),
    "requests of the clusters": whole("idle polls", "polls with news", "bundles", "reports", "complaints"),
    "work of the hub": whole("renders", "events", "records", "batches", "log lines"),
  };
}

const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

const cluster = (name: string) => ({
  apiVersion: API_VERSION,
  kind: "Cluster",
  metadata: { name },
  spec: { poll: POLL, simulated: true },
});

const apps = (maxUnavailable: string) =>
  names("app", APPS).map((name) => ({
    apiVersion: API_VERSION,
    kind: "App",
    metadata: { name },
    spec: {
      source: "fleet",
      path: `apps/${name}`,
      namespace: name,
      clusters: {},
      rollout: { maxUnavailable },
    },
  }));

/** All Apps differ from round to round. */
function files(round: number): Record<string, string> {
  return Object.fromEntries(
    names("app", APPS).flatMap((name, index) => kustomization(`apps/${name}`, index, 3 + round)),
  );
}
