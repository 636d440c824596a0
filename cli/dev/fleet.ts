/**
 * The demo's clusters. Simulated ones run the real agent over an in-memory Kubernetes and are labelled so; a real
 * one runs the same agent as a process of its own, from the one-file bundle.
 */
import { API_VERSION } from "#core/metadata.ts";
import { AGENT_NODE_ARGS } from "../../agent/build.ts";
import { AGENT_OPTIONS, type LogEntry } from "../../agent/deps.ts";
import { createMemoryKube } from "../../agent/kube/memory.ts";
import { runAgent } from "../../agent/loop.ts";
import { sleep } from "../../agent/timer.ts";
import { startLeashed } from "../../functions/local/leash.ts";
import type { HubClient } from "./hub-client.ts";

const ENVIRONMENTS = ["dev", "staging", "prod"] as const;
const REGIONS = ["eu", "us"] as const;
const POLL = "2s";

/** `sim-dev-1`, `sim-staging-2`, …: environments and regions in turn. */
export function simulatedClusters(count: number) {
  return Array.from({ length: count }, (_, index) => {
    const env = ENVIRONMENTS[index % ENVIRONMENTS.length] ?? "dev";
    const region = REGIONS[index % REGIONS.length] ?? "eu";
    const name = `sim-${env}-${Math.floor(index / ENVIRONMENTS.length) + 1}`;
    const labels = { env, region, simulated: "true" };
    return clusterResource(name, labels, true);
  });
}

export function clusterResource(name: string, labels: Record<string, string>, simulated: boolean) {
  return {
    apiVersion: API_VERSION,
    kind: "Cluster",
    metadata: { name, labels },
    spec: { poll: POLL, simulated },
  };
}

export interface RunningAgent {
  stop(): Promise<void>;
}

export async function startSimulatedAgent(
  hub: HubClient,
  name: string,
  log: (entry: LogEntry) => void,
): Promise<RunningAgent> {
  const agent = runAgent({
    kube: createMemoryKube({ name, now: () => Date.now() }),
    fetch: (url, init) => fetch(url, init),
    clock: Date.now,
    sleep,
    random: Math.random,
    log,
    token: await hub.register(name),
    options: AGENT_OPTIONS,
  });
  agent.done.catch((error: unknown) => log({ level: "error", message: `${name}: ${String(error)}` }));
  return { stop: () => agent.stop() };
}

/** `bundle` is the built one-file agent. What it writes goes to `onLine`; it ends with this process at the latest. */
export async function startAgentProcess(
  hub: HubClient,
  name: string,
  bundle: string,
  kubeArgs: readonly string[],
  onLine: (line: string) => void,
): Promise<RunningAgent> {
  let stopping = false;
  let last = "";
  const agent = await startLeashed({
    command: process.execPath,
    args: [...AGENT_NODE_ARGS, bundle, ...kubeArgs],
    env: { FAIRLEAD_TOKEN: await hub.register(name) },
    onOutput: (text) => {
      last = text.trimEnd().split("\n").at(-1) ?? "";
      onLine(last);
    },
    onEnd: (how) => {
      if (!stopping) process.stderr.write(`the agent of cluster ${name} ended (${how}): ${last}\n`);
    },
  });
  return {
    stop: () => {
      stopping = true;
      return agent.stop();
    },
  };
}
