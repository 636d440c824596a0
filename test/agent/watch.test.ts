/** Watches: what wakes an agent, what does not, and what it does where it cannot watch. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { KubeError, type Kube } from "../../agent/kube/port.ts";
import { runAgent } from "../../agent/loop.ts";
import {
  configMap,
  deployment,
  memoryCluster,
  phase,
  startAgent as start,
  stopAgents,
  userObjects,
  WAIT,
} from "../support/test-agent.ts";
import { TestHub } from "../support/test-hub.ts";

afterEach(stopAgents);

const SETTINGS = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: "settings" };
const WEB = { apiVersion: "apps/v1", kind: "Deployment", namespace: "shop", name: "web" };

/** Calls by name since `clear`, of a cluster that is otherwise the given one. */
function spied(kube: Kube): { kube: Kube; calls: string[] } {
  const calls: string[] = [];
  const spy: Kube = {
    ...kube,
    get: (address) => (calls.push(`get ${address.kind} ${address.name}`), kube.get(address)),
    apply: (object, options) => {
      calls.push(`${options.dryRun ? "dry-run" : "apply"} ${object.kind} ${object.metadata.name}`);
      return kube.apply(object, options);
    },
    listMetadata: (selection) => (calls.push(`list ${selection.kind}`), kube.listMetadata(selection)),
    watchMetadata: (selection, from) => (
      calls.push(`watch ${selection.kind}`),
      kube.watchMetadata(selection, from)
    ),
  };
  return { kube: spy, calls };
}

async function healthy(around: (kube: Kube) => Kube = (kube) => kube, options = {}) {
  const hub = await TestHub.create();
  const kube = memoryCluster();
  const spy = spied(kube);
  const agent = start(hub, around(spy.kube), { token: hub.token(), options });
  await hub.assign("shop", [configMap("settings"), configMap("other"), deployment("web")]);
  await phase(hub, "shop", "healthy");
  return { hub, kube, agent, calls: spy.calls };
}

const watching = async (calls: readonly string[]): Promise<void> =>
  vi.waitFor(
    () => expect(calls).toEqual(expect.arrayContaining(["watch ConfigMap", "watch Deployment"])),
    WAIT,
  );

describe(`${runAgent.name}, watching`, () => {
  it("opens one watch for each kind, whatever the number of Apps", async () => {
    const { hub, calls } = await healthy();
    await hub.assign("second", [configMap("of-the-second"), deployment("of-the-second")]);
    await phase(hub, "second", "healthy");
    await watching(calls);
    const opened = calls.filter((call) => call.startsWith("watch") || call.startsWith("list"));
    expect(opened.toSorted()).toEqual([
      "list ConfigMap",
      "list Deployment",
      "watch ConfigMap",
      "watch Deployment",
    ]);
  });

  it("restores what was edited while the first delivery was under way, after it was applied", async () => {
    const [hub, memory, shown] = [await TestHub.create(), memoryCluster(), new Set<unknown>()];
    const versionOf = ({ metadata }: KubeObject): unknown => metadata["resourceVersion"];
    let edited: unknown;
    const kube: Kube = {
      ...memory,
      async apply(object, options) {
        const applied = await memory.apply(object, options);
        if (object.kind !== "Deployment" || edited !== undefined) return applied;
        // The pass ends only when a watch has shown the edit.
        await vi.waitFor(async () => expect(await memory.get(SETTINGS)).toBeDefined(), WAIT);
        edited = versionOf(memory.edit(SETTINGS, { data: { key: "drifted" } }));
        await vi.waitFor(() => expect(shown).toContain(edited), WAIT);
        return applied;
      },
      async *listMetadata(selection) {
        for await (const page of memory.listMetadata(selection)) {
          yield page;
          for (const object of page.objects) shown.add(versionOf(object));
        }
      },
      async *watchMetadata(selection, from) {
        for await (const event of memory.watchMetadata(selection, from)) {
          yield event;
          if (event.type !== "bookmark") shown.add(versionOf(event.object));
        }
      },
    };
    start(hub, kube, { token: hub.token() });
    await hub.assign("shop", [configMap("settings"), deployment("web")]);
    await vi.waitFor(() => expect(hub.latest.get("shop")?.driftTotal).toBe(1), WAIT);
    expect(userObjects(memory).join()).not.toContain("drifted");
  });

  it("looks at the one object that was edited, and at no other", async () => {
    const { hub, kube, calls } = await healthy();
    await watching(calls);
    calls.length = 0;
    kube.edit(SETTINGS, { data: { key: "drifted" } });
    await vi.waitFor(() => expect(hub.latest.get("shop")?.driftTotal).toBe(1), WAIT);
    expect(userObjects(kube).join()).not.toContain("drifted");
    // The echo of the restore has come by the time that another edit is restored.
    kube.edit(WEB, { spec: { replicas: 9 } });
    await vi.waitFor(() => expect(userObjects(kube).join()).toContain('"replicas":2'), WAIT);
    const [one, two] = ["ConfigMap settings", "Deployment web"].map((name) => [
      "get Namespace shop",
      `get ${name}`,
      `dry-run ${name}`,
      `apply ${name}`,
    ]);
    expect(calls).toEqual([...(one ?? []), ...(two ?? [])]);
  });

  it("stays at rest over a change of status alone, but for a look at the object's health", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster(300);
    const { kube: spy, calls } = spied(kube);
    start(hub, spy, { token: hub.token(), options: { observeMinMs: 60_000, healthEveryMs: 1 } });
    await hub.assign("shop", [deployment("web")]);
    // Nothing but the watch can tell of it within the minute.
    await phase(hub, "shop", "healthy");
    expect(hub.phases.get("shop")).toEqual(["received", "progressing", "healthy"]);
    expect(calls.filter((call) => call === "dry-run Deployment web")).toEqual([]);
  });

  it("sees an edit from before its watch began", async () => {
    let edit = (): void => {};
    const { kube, calls } = await healthy((inner) => ({
      ...inner,
      async *listMetadata(selection) {
        edit();
        yield* inner.listMetadata(selection);
      },
    }));
    await watching(calls);
    const restored = (): void => expect(userObjects(kube).join()).not.toContain("drifted");
    edit = () => {
      edit = () => {};
      kube.edit(SETTINGS, { data: { key: "drifted" } });
    };
    kube.forgetChanges();
    await vi.waitFor(() => {
      expect(calls.filter((call) => call === "list ConfigMap").length).toBeGreaterThan(1);
      restored();
    }, WAIT);
  });

  it("lists again where the server has forgotten what came in between", async () => {
    const { hub, kube, calls } = await healthy();
    await watching(calls);
    kube.forgetChanges();
    await kube.delete(SETTINGS, undefined);
    await vi.waitFor(() => expect(hub.latest.get("shop")?.driftTotal).toBe(1), WAIT);
    expect(userObjects(kube)).toHaveLength(3);
  });

  it("comes back to an API server that throttles or is away, and restores what it missed", async () => {
    let trouble: KubeError | undefined;
    const checked = <T>(value: T): T => {
      if (trouble !== undefined) throw trouble;
      return value;
    };
    const failing = (kube: Kube): Kube => ({
      ...kube,
      get: async (address) => checked(await kube.get(address)),
      async *listMetadata(selection) {
        yield* checked(kube.listMetadata(selection));
      },
      async *watchMetadata(selection, from) {
        for await (const event of checked(kube.watchMetadata(selection, from))) yield checked(event);
      },
    });
    const { hub, kube, calls } = await healthy(failing, { watchForMs: 5 });
    for (const error of [
      new KubeError(429, "TooManyRequests", "slow down", 5),
      new KubeError(0, "NoAnswer", "connection refused"),
    ]) {
      trouble = error;
      kube.edit(SETTINGS, { data: { key: `missed ${error.status}` } });
      calls.length = 0;
      await vi.waitFor(
        () => expect(calls.filter((call) => call === "watch ConfigMap").length).toBeGreaterThan(2),
        WAIT,
      );
      trouble = undefined;
      await vi.waitFor(() => expect(userObjects(kube).join()).not.toContain("missed"), WAIT);
    }
    await phase(hub, "shop", "healthy");
  });

  it("says once which kind it may not watch, and finds drift in it by the full comparison", async () => {
    const forbidden = (kube: Kube): Kube => ({
      ...kube,
      async *listMetadata(selection) {
        if (selection.kind === "ConfigMap") throw new KubeError(403, "Forbidden", "configmaps is forbidden");
        yield* kube.listMetadata(selection);
      },
    });
    const { kube, agent } = await healthy(forbidden, { driftEveryMs: 30, unwatchedRetryMs: 5 });
    kube.edit(SETTINGS, { data: { key: "drifted" } });
    await vi.waitFor(() => expect(userObjects(kube).join()).not.toContain("drifted"), WAIT);
    const told = agent.logs.filter((entry) => entry.message.includes("cannot be watched"));
    expect(told).toHaveLength(1);
    expect(told[0]?.message).toContain("v1 ConfigMap cannot be watched (Forbidden");
  });

  it("heals while the hub is away, and reports once what it restored", async () => {
    const { hub, kube, calls } = await healthy();
    await watching(calls);
    const reports = hub.reports.length;
    hub.away = true;
    kube.edit(SETTINGS, { data: { key: "drifted" } });
    await vi.waitFor(() => expect(userObjects(kube).join()).not.toContain("drifted"), WAIT);
    hub.away = false;
    await vi.waitFor(() => expect(hub.latest.get("shop")?.driftTotal).toBe(1), WAIT);
    expect(hub.reports.length).toBe(reports + 1);
  });

  it("leaves alone what an App has given up, and ends its watch with the last of the kind", async () => {
    const { hub, kube, calls } = await healthy();
    await watching(calls);
    await hub.assign("shop", [configMap("settings")]);
    await phase(hub, "shop", "healthy", 2);
    await kube.apply(
      { ...deployment("web"), metadata: { name: "web", namespace: "shop" } },
      { dryRun: false, force: true },
    );
    kube.edit(WEB, { spec: { replicas: 9 } });
    kube.edit(SETTINGS, { data: { key: "drifted" } });
    await vi.waitFor(() => expect(userObjects(kube).join()).not.toContain("drifted"), WAIT);
    expect(userObjects(kube).join()).toContain('"replicas":9');
  });

  it("rests where somebody sets back each restore, says who and the way out, and takes up again when it is quiet", async () => {
    let ahead = 0;
    const hub = await TestHub.create();
    const kube = memoryCluster();
    const agent = start(hub, kube, { token: hub.token(), clock: () => Date.now() + ahead });
    await hub.assign("shop", [configMap("settings")]);
    await phase(hub, "shop", "healthy");
    const drifted = (): boolean => userObjects(kube).join().includes("drifted");
    for (let turn = 0; turn < 6; turn += 1) {
      kube.edit(SETTINGS, { data: { key: `drifted ${turn}` } }, "their-controller");
      await vi.waitFor(() => expect(drifted()).toBe(false), WAIT);
    }
    kube.edit(SETTINGS, { data: { key: "drifted on" } }, "their-controller");
    const words = "ConfigMap shop/settings: their-controller sets back what is restored";
    await vi.waitFor(() => expect(hub.latest.get("shop")?.message).toContain(words), WAIT);
    expect(hub.latest.get("shop")?.message).toContain(
      'sync.ignore { paths: ["/data/key"], kinds: ["ConfigMap"] }',
    );
    expect(drifted()).toBe(true);
    ahead = 11_000;
    kube.edit(SETTINGS, { data: { key: "drifted later" } }, "their-controller");
    await vi.waitFor(() => expect(drifted()).toBe(false), WAIT);
    expect(agent.logs.filter((entry) => entry.message.includes(words))).toHaveLength(1);
    ahead = 300_000;
    kube.edit(SETTINGS, { data: { key: "drifted in peace" } });
    await vi.waitFor(() => expect(hub.latest.get("shop")?.message).toBe("all 1 objects are current"), WAIT);
    expect(drifted()).toBe(false);
  });
});
