/** Replicas that lead by turns: over an in-memory cluster what is written, on a real API server whole processes. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { AGENT_NODE_ARGS } from "../../agent/build.ts";
import { AGENT_OPTIONS } from "../../agent/deps.ts";
import { runElected } from "../../agent/elected.ts";
import { createKubeApi, type KubeApi } from "../../agent/kube/api.ts";
import type { Lease, LeaseStore } from "../../agent/kube/lease.ts";
import { KubeError } from "../../agent/kube/port.ts";
import { Leadership } from "../../agent/leadership.ts";
import type { RunningAgent } from "../../agent/loop.ts";
import { sleep } from "../../agent/timer.ts";
import { startContainer, type AgentProcess } from "../support/agent-process.ts";
import { startRig, type Rig } from "../support/agent-rig.ts";
import { configMap, counted, memoryCluster, phase } from "../support/test-agent.ts";
import { TestHub } from "../support/test-hub.ts";

const WAIT = { timeout: 60_000, interval: 20 };
const LEASE_MS = 2_000;
/** Of processes, on a machine that does much else. */
const PROCESS_LEASE = "12s";

/** Kept in this process, with the server's rule of versions. */
class MemoryLeases implements LeaseStore {
  held: Lease | undefined;
  away = false;
  writes = 0;

  async read() {
    if (this.away) throw new KubeError(0, "NoAnswer", "nobody answers");
    return this.held;
  }

  async write(before: Lease | undefined, next: { holder: string; heldMs: number }) {
    if (this.away) throw new KubeError(0, "NoAnswer", "nobody answers");
    if (before?.version !== this.held?.version) return undefined;
    this.writes += 1;
    const { holder, heldMs } = next;
    this.held = { version: String(this.writes), holder, heldMs, acquired: undefined, transitions: 0 };
    return this.held;
  }
}

const running: RunningAgent[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((agent) => agent.stop()));
});

async function memoryReplica(leases: LeaseStore, hub: TestHub, kube = counted(memoryCluster())) {
  const clock = { aheadMs: 0 };
  const logs: string[] = [];
  const deps = {
    kube,
    fetch: hub.fetch,
    clock: Date.now,
    sleep,
    random: Math.random,
    log: ({ message }: { message: string }) => void logs.push(message),
    token: hub.token(),
    options: { ...AGENT_OPTIONS, pollMinMs: 1, backoffMinMs: 2, backoffMaxMs: 10, retryEveryMs: 20 },
  };
  const monotonic = (): number => performance.now() + clock.aheadMs;
  const leader = new Leadership({
    ...deps,
    leases,
    me: `me-${running.length}`,
    leaseMs: LEASE_MS,
    monotonic,
  });
  const agent = runElected(deps, leader);
  running.push(agent);
  return { agent, clock, kube, logs };
}

describe("runElected", () => {
  it("writes nothing once its time is over by its own clock, and begins a new term with a new Lease", async () => {
    const hub = await TestHub.create();
    const leases = new MemoryLeases();
    const { clock, kube, logs } = await memoryReplica(leases, hub);
    await hub.assign("shop", [configMap("settings")]);
    await phase(hub, "shop", "healthy");
    const before = kube.writes.length;
    leases.away = true;
    clock.aheadMs += LEASE_MS;
    await hub.assign("shop", [configMap("settings", { key: "late" })]);
    await vi.waitFor(() => expect(logs.join()).toContain("leads no longer"), WAIT);
    expect(kube.writes.slice(before)).toEqual([]);
    leases.away = false;
    await phase(hub, "shop", "healthy", 2);
    expect(kube.writes.slice(before)).toContain("apply ConfigMap settings");
  });

  it("writes nothing with the rights of an App's account either", async () => {
    const hub = await TestHub.create();
    const leases = new MemoryLeases();
    const memory = memoryCluster();
    const plain = counted(memory);
    // As an API server's: what was put round it before knows nothing of it.
    const { clock, kube, logs } = await memoryReplica(leases, hub, { ...plain, as: () => plain });
    await hub.assign("shop", [configMap("settings")], {
      namespace: "default",
      sync: { serviceAccount: "deployer" },
    });
    await phase(hub, "shop", "healthy");
    const before = kube.writes.length;
    leases.away = true;
    clock.aheadMs += LEASE_MS;
    const settings = { apiVersion: "v1", kind: "ConfigMap", namespace: "default", name: "settings" };
    memory.edit(settings, { data: { key: "by hand" } });
    await vi.waitFor(() => expect(logs.join()).toContain("leads no longer"), WAIT);
    expect(kube.writes.slice(before)).toEqual([]);
    leases.away = false;
    await vi.waitFor(() => expect(kube.writes.slice(before)).toContain("apply ConfigMap settings"), WAIT);
  });

  it("does nothing before it leads, and leads as soon as the Lease is let go", async () => {
    const hub = await TestHub.create();
    const leases = new MemoryLeases();
    const kube = counted(memoryCluster());
    const first = await memoryReplica(leases, hub, kube);
    await hub.assign("shop", [configMap("settings")]);
    await phase(hub, "shop", "healthy");
    const second = await memoryReplica(leases, hub, counted(kube));
    await vi.waitFor(() => expect(second.logs).toEqual(["me-1 waits, me-0 leads"]), WAIT);
    expect(hub.runs.size).toBe(1);
    expect(second.kube.writes).toEqual([]);
    await first.agent.stop();
    expect(leases.held?.holder).toBe("");
    await vi.waitFor(() => expect(hub.runs.size).toBe(2), WAIT);
    expect(leases.held?.holder).toBe("me-1");
  });

  it("lets go also where a renewal was under way when it was told to stop", async () => {
    const hub = await TestHub.create();
    const leases = new MemoryLeases();
    const [renewing, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const slow: LeaseStore = {
      read: () => leases.read(),
      async write(before, next) {
        const written = await leases.write(before, next);
        if (leases.writes !== 2 || written === undefined) return written;
        renewing.resolve();
        await go.promise;
        return written;
      },
    };
    const { agent } = await memoryReplica(slow, hub);
    await renewing.promise;
    const stopped = agent.stop();
    await vi.waitFor(() => expect(leases.held?.holder).toBe(""), WAIT);
    go.resolve();
    await stopped;
    expect(leases.held?.holder).toBe("");
  });

  it("ends with what is wrong where a term does, and lets go of the Lease", async () => {
    const hub = await TestHub.create();
    const leases = new MemoryLeases();
    const token = hub.token();
    vi.spyOn(hub, "token").mockReturnValue(token.slice(0, 20));
    const { agent } = await memoryReplica(leases, hub);
    await expect(agent.done).rejects.toThrow("registration token is cut or damaged");
    expect(leases.held?.holder).toBe("");
  });
});

describe("two replicas on a real API server", () => {
  let rig: Rig;
  let kube: KubeApi;
  const pods: AgentProcess[] = [];
  beforeAll(async () => {
    rig = await startRig("elected");
    rig.hub.pollMs = 200;
    await rig.cluster.kubectl(["create", "namespace", "fairlead-system"]);
    const authorization = async (): Promise<string> => `Bearer ${rig.cluster.token}`;
    kube = createKubeApi({ server: rig.cluster.url, ca: rig.ca, authorization });
  }, 180_000);
  afterAll(async () => {
    await Promise.all(pods.map((pod) => pod.kill("SIGKILL")));
    await kube?.close();
    await rig?.stop();
  });

  async function start(host: string): Promise<AgentProcess> {
    const { hostname, port } = new URL(rig.url);
    const env = {
      PATH: process.env["PATH"],
      HOSTNAME: host,
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
      FAIRLEAD_TOKEN: rig.hub.token(),
      FAIRLEAD_LEASE: PROCESS_LEASE,
    };
    const pod = await startContainer(AGENT_NODE_ARGS, ["--service-account", rig.serviceAccount], env);
    pods.push(pod);
    return pod;
  }
  const both = (): [AgentProcess, AgentProcess] => {
    const [first, second] = pods;
    if (first === undefined || second === undefined) throw new Error("two replicas are needed");
    return [first, second];
  };
  const says = (pod: AgentProcess, text: string): Promise<void> =>
    vi.waitFor(() => expect(pod.log()).toContain(text), WAIT);
  /** What people see in the cluster is written some seconds after: the placement, then so many Events. */
  const shows = (release: number, events: number): Promise<void> =>
    vi.waitFor(async () => {
      expect(rig.requests.filter((one) => one.includes("/events/"))).toHaveLength(events);
      const shown = { apiVersion: "fairlead.dev/v1", kind: "Placement", namespace: "fairlead-system" };
      const placement = await kube.get({ ...shown, name: "shop" });
      expect(placement?.["status"]).toMatchObject({ phase: "healthy", release });
    }, WAIT);
  const leaseOf = async (): Promise<string> => (await kube.leases.read())?.holder ?? "";

  it("one works, the other asks for the Lease alone, and both together little", async () => {
    const first = await start("one");
    await rig.hub.assign("shop", [configMap("settings")]);
    await says(first, "leads");
    await phase(rig.hub, "shop", "healthy");
    await says(await start("two"), "waits, one-");
    await vi.waitFor(() => expect(rig.hub.schemas.size).toBe(1), WAIT);
    await vi.waitFor(
      () => expect(rig.requests.some((one) => one.includes("configmaps?watch=1"))).toBe(true),
      WAIT,
    );
    await shows(1, 2);
    rig.requests.length = 0;
    const puts = (): number => rig.requests.filter((one) => one.startsWith("PUT")).length;
    await vi.waitFor(() => expect(puts()).toBeGreaterThanOrEqual(3), WAIT);
    const leases = "/apis/coordination.k8s.io/v1/namespaces/fairlead-system/leases/fairlead-agent";
    expect(new Set(rig.requests)).toEqual(new Set([`PUT ${leases}`, `GET ${leases}`]));
    // In 24 s leases: a write in ten seconds, and a look in five.
    expect(rig.requests.length).toBeLessThan(puts() * 5);
  }, 120_000);

  it("a paused one is replaced, and when it wakes up it stops before it writes", async () => {
    const [first] = both();
    rig.requests.length = 0;
    process.kill(first.pid, "SIGSTOP");
    await vi.waitFor(async () => expect(await leaseOf()).toMatch(/^two-/), WAIT);
    const { generation } = await rig.hub.assign("shop", [configMap("settings", { key: "by two" })]);
    await phase(rig.hub, "shop", "healthy", generation);
    await shows(generation, 2);
    rig.requests.length = 0;
    process.kill(first.pid, "SIGCONT");
    await says(first, "leads no longer");
    await says(first, "waits, two-");
    const writes = rig.requests.filter((one) => !one.startsWith("GET") && !one.includes("/leases/"));
    expect(writes).toEqual([]);
    expect(await leaseOf()).toMatch(/^two-/);
  }, 120_000);

  it("one that is told to stop lets go at once, and the other goes on", async () => {
    const [first, second] = both();
    await second.kill("SIGTERM");
    const { generation } = await rig.hub.assign("shop", [configMap("settings", { key: "by one" })]);
    await phase(rig.hub, "shop", "healthy", generation);
    expect(await leaseOf()).toMatch(/^one-/);
    await first.kill("SIGTERM");
    expect(await leaseOf()).toBe("");
  }, 120_000);
});
