/** An agent over an in-memory cluster, with intervals of milliseconds, and what its tests ask of it. */
import { expect, vi } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { AGENT_OPTIONS, type AgentOptions, type LogEntry } from "../../agent/deps.ts";
import { createMemoryKube, type MemoryKube } from "../../agent/kube/memory.ts";
import type { Kube } from "../../agent/kube/port.ts";
import { runAgent, type RunningAgent } from "../../agent/loop.ts";
import { sleep } from "../../agent/timer.ts";
import type { TestHub } from "./test-hub.ts";

export const WAIT = { timeout: 30_000, interval: 5 };
const started: TestAgent[] = [];

/** For `afterEach`. */
export async function stopAgents(): Promise<void> {
  await Promise.all(started.splice(0).map((agent) => agent.stop()));
}

/** Waits until the hub has heard this phase of the App. */
export async function phase(hub: TestHub, app: string, wanted: string, generation?: number): Promise<void> {
  const expected = generation === undefined ? { phase: wanted } : { phase: wanted, generation };
  await vi.waitFor(() => expect(hub.latest.get(app)).toMatchObject(expected), WAIT);
}

const FAST: AgentOptions = {
  ...AGENT_OPTIONS,
  // Long: what is healed is healed by watches; what failed is tried again soon.
  driftEveryMs: 60_000,
  retryEveryMs: 20,
  stirSettleMs: 2,
  healthEveryMs: 20,
  unconditionalFetchMs: 60_000,
  pollMinMs: 1,
  backoffMinMs: 2,
  backoffMaxMs: 10,
  observeMinMs: 2,
  observeMaxMs: 10,
  placementsEveryMs: 2,
  podsEveryMs: 2,
  checksEveryMs: 5,
  establishMs: 2_000,
  apisSettleMs: 2,
  stopGraceMs: 200,
};

export interface TestAgent extends RunningAgent {
  logs: LogEntry[];
}

export function startAgent(
  hub: Pick<TestHub, "fetch">,
  kube: Kube,
  extra: { token?: string; options?: Partial<AgentOptions>; clock?: () => number } = {},
): TestAgent {
  const logs: LogEntry[] = [];
  const agent = runAgent({
    kube,
    fetch: hub.fetch,
    clock: extra.clock ?? Date.now,
    sleep,
    random: Math.random,
    log: (entry) => logs.push(entry),
    token: extra.token,
    options: { ...FAST, ...extra.options },
  });
  started.push({ ...agent, logs });
  return { ...agent, logs };
}

export function memoryCluster(readyAfterMs = 0): MemoryKube {
  return createMemoryKube({ name: "c1", now: Date.now, readyAfterMs });
}

export interface CountedKube extends Kube {
  writes: string[];
}

/** Every call but dry-runs and reads, by name. */
export function counted(kube: Kube): CountedKube {
  const writes: string[] = [];
  return {
    ...kube,
    writes,
    apply: async (object, options) => {
      if (!options.dryRun) writes.push(`apply ${object.kind} ${object.metadata.name}`);
      return await kube.apply(object, options);
    },
    setManagers: async (address, managers, version) => {
      writes.push(`own ${address.kind} ${address.name}`);
      return await kube.setManagers(address, managers, version);
    },
    delete: async (address, ...only) => {
      writes.push(`delete ${address.kind} ${address.name}`);
      return await kube.delete(address, ...only);
    },
  };
}

/** The users' objects, as a person would compare them: no UIDs, no versions, no times. */
export function userObjects(kube: MemoryKube): string[] {
  return kube
    .list()
    .filter((object) => object.metadata.namespace !== "fairlead-system" && object.kind !== "Namespace")
    .map(({ apiVersion, kind, metadata, data, spec }) =>
      JSON.stringify({ apiVersion, kind, name: metadata.name, namespace: metadata.namespace, data, spec }),
    );
}

export function configMap(name: string, data: Record<string, string> = { key: "value" }): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
}

export function deployment(name: string, image = "web:1", replicas = 2): KubeObject {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name, image }] } };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: { replicas, selector: { matchLabels: labels }, template },
  };
}
