/**
 * The one-file agent as it runs in a cluster, on a real API server behind a door that counts: seconds, its CPU and
 * its memory for many objects, how fast an edit is restored, and what it asks while nothing happens.
 * `FAIRLEAD_BENCH_IDLE_S` shortens the five idle minutes. The figures are also left in `dist/bench-agent.json`.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AGENT_ENV, AGENT_NODE_ARGS, buildAgent } from "../../agent/build.ts";
import type { KubeObject } from "#core/object.ts";
import { startRig, type Rig } from "../support/agent-rig.ts";
import { configMap } from "../support/test-agent.ts";
import { until } from "../support/wait.ts";
import { cpuOf, cpuOfFolder } from "./processor.ts";

const IDLE_S = Number(process.env["FAIRLEAD_BENCH_IDLE_S"] ?? 300);
const EDITS = 50;
const FIGURES = new URL("../../dist/bench-agent.json", import.meta.url).pathname;
const WAIT_MS = 600_000;

interface Run {
  rig: Rig;
  child: ChildProcess;
}

export async function benchAgent(): Promise<Record<string, string>> {
  const { file, bytes } = await buildAgent();
  const figures: Record<string, string> = { "bundle, kB": String(Math.round(bytes / 1024)) };
  const parts = { "bench-one": oneApp, "bench-many": manyApps, "bench-5000": large };
  await mkdir(dirname(FIGURES), { recursive: true });
  for (const [name, work] of Object.entries(parts)) {
    Object.assign(figures, await withAgent(name, file, work));
    // After each part: the last one takes minutes.
    await writeFile(FIGURES, `${JSON.stringify({ date: new Date().toISOString(), figures }, null, 2)}\n`);
  }
  return figures;
}

async function withAgent(name: string, file: string, work: (run: Run) => Promise<Record<string, string>>) {
  const rig = await startRig(name);
  rig.hub.pollMs = 1_000;
  const { hostname, port } = new URL(rig.url);
  const env = {
    ...AGENT_ENV,
    PATH: process.env["PATH"],
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port,
    FAIRLEAD_TOKEN: rig.hub.token(),
  };
  const args = [...AGENT_NODE_ARGS, file, "--service-account", rig.serviceAccount];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "ignore", "inherit"] });
  try {
    // Its start is not part of what is timed.
    await until("a first poll", async () => rig.hub.polls > 0 && rig.hub.served.length > 0, WAIT_MS);
    return await work({ rig, child });
  } finally {
    child.kill("SIGKILL");
    await rig.stop();
  }
}

/** About 1 KiB each. */
const objects = (count: number, app: string, changed = 0): KubeObject[] =>
  Array.from({ length: count }, (_, index) =>
    configMap(`${app}-${index}`, { key: index < changed ? "two" : "one", filler: "x".repeat(900) }),
  );

async function oneApp(run: Run): Promise<Record<string, string>> {
  const { rig } = run;
  const first = await timed(run, () => delivered(rig, ["one"], () => objects(1_000, "one")));
  const change = await timed(run, () => delivered(rig, ["one"], () => objects(1_000, "one", 1)));
  const all = await timed(run, () => delivered(rig, ["one"], () => objects(1_000, "one", 1_000)));
  const restored = await edits(rig);
  const pass = await timed(run, () =>
    delivered(rig, ["one"], () => objects(1_000, "one", 1_000), { release: 9 }),
  );
  const pruned = await timed(run, () =>
    delivered(rig, ["one"], () => objects(1_000, "one", 1_000).slice(100), { pruneLimit: 100 }),
  );
  const idle = await quiet(run);
  return {
    "1,000 ConfigMaps in one App: first apply": first,
    "  one of them changed": change,
    "  all of them changed": all,
    "  a whole pass that finds nothing to do": pass,
    "  100 of them pruned": pruned,
    [`  live edit → restored, ${EDITS} edits, ms`]: restored,
    ...idle,
  };
}

async function manyApps(run: Run): Promise<Record<string, string>> {
  const apps = Array.from({ length: 100 }, (_, index) => `app-${index}`);
  const first = await timed(run, () => delivered(run.rig, apps, (app) => objects(10, app)));
  const all = await timed(run, () => delivered(run.rig, apps, (app) => objects(10, app, 10)));
  const again = { release: 900 };
  const same = await timed(run, () => delivered(run.rig, apps, (app) => objects(10, app, 10), again));
  return {
    "100 Apps of 10 ConfigMaps: first apply": first,
    "  all changed": all,
    "  a new release of each that changes nothing": same,
  };
}

async function large(run: Run): Promise<Record<string, string>> {
  const first = await timed(run, () => delivered(run.rig, ["large"], () => objects(5_000, "large")));
  const { peak, now } = await memory(run);
  const change = await timed(run, () => delivered(run.rig, ["large"], () => objects(5_000, "large", 1)));
  const then = await memory(run);
  return {
    "5,000 ConfigMaps in one App: first apply": first,
    "  one of them changed": change,
    "  RSS after the apply, its peak; after the change, its peak, MiB": `${now}, ${peak}; ${then.now}, ${then.peak}`,
  };
}

async function delivered(
  rig: Rig,
  apps: readonly string[],
  bundle: (app: string) => KubeObject[],
  options: { release?: number; pruneLimit?: number } = {},
): Promise<void> {
  const wanted = new Map<string, number>();
  for (const app of apps) wanted.set(app, (await rig.hub.assign(app, bundle(app), options)).generation);
  const there = async (): Promise<boolean> =>
    apps.every((app) => {
      const told = rig.hub.latest.get(app);
      return told?.phase === "healthy" && told.generation === wanted.get(app);
    });
  await until(`${apps.length} Apps healthy`, there, WAIT_MS);
}

/** Wall-clock seconds, CPU seconds of the agent, and of API server and etcd. A poll each second is part of it. */
async function timed(run: Run, work: () => Promise<void>): Promise<string> {
  const [before, serving] = [await cpu(run), await cpuOfCluster(run)];
  const since = performance.now();
  await work();
  const seconds = (performance.now() - since) / 1000;
  const [used, served] = [(await cpu(run)) - before, (await cpuOfCluster(run)) - serving];
  return `${seconds.toFixed(1)} s, ${used.toFixed(2)} CPU s, server ${served.toFixed(1)}`;
}

async function edits(rig: Rig): Promise<string> {
  const took: number[] = [];
  for (let index = 0; index < EDITS; index += 1) {
    const address = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: `one-${index + 100}` };
    await rig.edit(address, { data: { key: "drifted" } });
    const since = performance.now();
    while (JSON.stringify((await rig.read(address))["data"]).includes("drifted")) await delay(2);
    took.push(performance.now() - since);
  }
  took.sort((a, b) => a - b);
  const at = (share: number): string => (took[Math.floor(took.length * share)] ?? 0).toFixed(0);
  return `p50 ${at(0.5)}, p95 ${at(0.95)}, most ${at(0.999)}`;
}

async function quiet(run: Run): Promise<Record<string, string>> {
  const { rig } = run;
  rig.hub.pollMs = 60_000;
  await delay(3_000);
  const [requests, polls, reports, used] = [
    rig.requests.length,
    rig.hub.polls,
    rig.hub.reports.length,
    await cpu(run),
  ];
  await delay(IDLE_S * 1000);
  const seen = rig.requests.slice(requests);
  const writes = seen.filter((one) => !one.startsWith("GET"));
  const { now, peak } = await memory(run);
  return {
    [`  idle for ${IDLE_S} s: requests to the API server, of them writes`]: `${seen.length}, ${writes.length}`,
    "  polls of the hub, reports": `${rig.hub.polls - polls}, ${rig.hub.reports.length - reports}`,
    "  CPU s; RSS idle, its peak until then, MiB": `${((await cpu(run)) - used).toFixed(2)}; ${now}, ${peak}`,
  };
}

const cpu = ({ child }: Run): Promise<number> => cpuOf(child.pid ?? 0);

/** Its programs name its folder in their arguments. */
const cpuOfCluster = ({ rig }: Run): Promise<number> => cpuOfFolder(dirname(rig.cluster.caFile));

async function memory({ child }: Run): Promise<{ now: string; peak: string }> {
  const status = await readFile(`/proc/${child.pid}/status`, "utf8");
  const mib = (name: string): string =>
    (Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024).toFixed(0);
  return { now: mib("VmRSS"), peak: mib("VmHWM") };
}
