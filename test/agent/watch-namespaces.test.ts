/** Watches of an agent that may read nothing but its Apps' namespaces. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { APP_LABEL } from "#core/plan.ts";
import { KubeError, type Kube, type Selection } from "../../agent/kube/port.ts";
import { runAgent } from "../../agent/loop.ts";
import { Stopper } from "../../agent/stop.ts";
import { AGENT_OPTIONS, type LogEntry } from "../../agent/deps.ts";
import { Watches } from "../../agent/watch/watches.ts";
import { configMap, memoryCluster, phase, startAgent, stopAgents, WAIT } from "../support/test-agent.ts";
import { TestHub } from "../support/test-hub.ts";

afterEach(stopAgents);

const WITHIN = { watchWithin: "namespaces" } as const;

/** Lists and watches of namespaced kinds in the whole cluster are refused, others told as `list ConfigMap shop`. */
function fenced(kube: Kube): { kube: Kube; calls: string[] } {
  const calls: string[] = [];
  const checked = (what: string, { kind, namespace = "everywhere" }: Selection): void => {
    calls.push(`${what} ${kind} ${namespace}`);
    if (namespace === "everywhere" && kind !== "Namespace") throw new KubeError(403, "Forbidden", "no right");
  };
  const spy: Kube = {
    ...kube,
    async *listMetadata(selection) {
      checked("list", selection);
      yield* kube.listMetadata(selection);
    },
    async *watchMetadata(selection, from) {
      checked("watch", selection);
      yield* kube.watchMetadata(selection, from);
    },
  };
  return { kube: spy, calls };
}

async function healthy(options = {}) {
  const hub = await TestHub.create();
  const memory = memoryCluster();
  const { kube, calls } = fenced(memory);
  const agent = startAgent(hub, kube, { token: hub.token(), options: { ...WITHIN, ...options } });
  await hub.assign("shop", [configMap("settings"), { ...configMap("far"), metadata: FAR }]);
  await phase(hub, "shop", "healthy", 1);
  await hub.assign("cart", [configMap("cart")]);
  await phase(hub, "cart", "healthy", 2);
  await vi.waitFor(() => {
    expect(calls).toContain("watch ConfigMap shop");
    expect(calls).toContain("watch ConfigMap default");
  }, WAIT);
  return { hub, memory, agent, calls };
}

const FAR = { name: "far", namespace: "default" };
const at = (name: string, namespace: string) => ({ apiVersion: "v1", kind: "ConfigMap", namespace, name });

describe(`${runAgent.name}, watching namespaces`, () => {
  it("opens one watch for each kind in each namespace that holds one, and restores an edit in each", async () => {
    const { memory, agent, calls } = await healthy();
    for (const address of [at("settings", "shop"), at("far", "default"), at("cart", "shop")]) {
      memory.edit(address, { data: { key: "drifted" } });
      await vi.waitFor(
        async () => expect((await memory.get(address))?.["data"]).toEqual({ key: "value" }),
        WAIT,
      );
    }
    expect(calls.toSorted()).toEqual([
      "list ConfigMap default",
      "list ConfigMap shop",
      "watch ConfigMap default",
      "watch ConfigMap shop",
    ]);
    expect(agent.logs.filter(({ message }) => message.includes("cannot be watched"))).toEqual([]);
  });

  it("lists each namespace again where the server has forgotten what came in between", async () => {
    const { memory, calls } = await healthy();
    calls.length = 0;
    memory.forgetChanges();
    await memory.delete(at("settings", "shop"), undefined);
    await memory.delete(at("far", "default"), undefined);
    await vi.waitFor(async () => {
      expect(await memory.get(at("settings", "shop"))).toBeDefined();
      expect(await memory.get(at("far", "default"))).toBeDefined();
    }, WAIT);
    expect(calls).toEqual(expect.arrayContaining(["list ConfigMap default", "list ConfigMap shop"]));
  });

  it("keeps what is in one namespace apart from what a list of another shows", async () => {
    const { hub, calls, memory } = await healthy();
    const reports = hub.reports.length;
    memory.forgetChanges();
    await vi.waitFor(
      () => expect(calls.filter((call) => call === "watch ConfigMap shop").length).toBeGreaterThan(1),
      WAIT,
    );
    await hub.assign("third", [configMap("third")]);
    await phase(hub, "third", "healthy");
    const told = hub.reports.slice(reports).flatMap(({ placements }) => placements);
    expect(told.filter(({ app, driftTotal }) => app !== "third" && driftTotal > 0)).toEqual([]);
  });

  it("ends the watch of a namespace with the last object in it", async () => {
    const { hub, memory, calls } = await healthy();
    await hub.assign("shop", [configMap("settings")]);
    await phase(hub, "shop", "healthy", 3);
    calls.length = 0;
    memory.forgetChanges();
    await vi.waitFor(() => expect(calls).toContain("watch ConfigMap shop"), WAIT);
    expect(calls.filter((call) => call.endsWith("default"))).toEqual([]);
  });
});

/** Over a cluster that answers every list and says nothing in its watches. */
function quietWatches() {
  const stopper = new Stopper();
  const logs: LogEntry[] = [];
  const asked = new Set<string>();
  const kube: Kube = {
    ...memoryCluster(),
    async *listMetadata({ namespace = "" }) {
      asked.add(namespace);
      yield { objects: [], version: "1" };
    },
    async *watchMetadata(_selection, { signal }) {
      // The stop may have come before the watch.
      if (signal.aborted) return;
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      yield { type: "bookmark", version: "1" };
    },
  };
  const deps = {
    kube,
    fetch: () => Promise.reject(new Error("no hub here")),
    clock: Date.now,
    sleep: () => Promise.resolve(),
    random: () => 0,
    log: (entry: LogEntry) => void logs.push(entry),
    token: undefined,
    options: { ...AGENT_OPTIONS, ...WITHIN },
  };
  const watches = new Watches(deps, stopper);
  const running = watches.run();
  const ended = async (): Promise<void> => {
    stopper.stop();
    await running;
  };
  return { held: watches.of(() => undefined), asked, logs, ended };
}

describe(Watches.name, () => {
  it("holds 200 at most, and says so once", async () => {
    const { held, asked, logs, ended } = quietWatches();
    const names = Array.from({ length: 230 }, (_, index) => `ns-${index}`);
    held.hold(new Map(names.map((name) => [`/ConfigMap/${name}/a`, at("a", name)])));
    await vi.waitFor(() => expect(asked.size).toBe(200), WAIT);
    expect(logs.map(({ message }) => message)).toEqual([
      expect.stringContaining("/ConfigMap/ns-200 is not watched: at most 200 watches are held"),
    ]);
    await ended();
    expect(asked.size).toBe(200);
  });

  it("starts none for what a delivery only reads, as the key of sops in the agent's namespace", async () => {
    const { held, asked, ended } = quietWatches();
    const secret = (namespace: string, labels: Record<string, string>): KubeObject => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "a", namespace, labels, resourceVersion: "1" },
    });
    held.expect([secret("shop", {})]);
    held.noted(secret("fairlead-system", {}));
    held.noted(secret("shop", { [APP_LABEL]: "web.shop" }));
    await vi.waitFor(() => expect(asked.size).toBeGreaterThan(0), WAIT);
    await ended();
    expect([...asked]).toEqual(["shop"]);
  });
});
