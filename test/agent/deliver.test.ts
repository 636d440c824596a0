/** From registration to a healthy App: the straight way, and the failures that stand on it. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { KubeError } from "../../agent/kube/port.ts";
import { runAgent } from "../../agent/loop.ts";
import {
  configMap,
  counted,
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

describe(runAgent.name, () => {
  it("registers, tells received before it touches anything, applies, and tells healthy", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster(30);
    await hub.assign("shop", [configMap("settings"), deployment("web")]);
    let objectsAtReceived: string[] | undefined;
    hub.onReport = (request) => {
      if (request.placements[0]?.phase === "received") objectsAtReceived = userObjects(kube);
    };
    start(hub, kube, { token: hub.token() });
    await phase(hub, "shop", "healthy");
    expect(objectsAtReceived).toEqual([]);
    expect(hub.phases.get("shop")).toEqual(["received", "progressing", "healthy"]);
    const told = hub.latest.get("shop");
    expect(told).toMatchObject({
      generation: 1,
      release: 1,
      objects: 2,
      outcomes: { created: 2 },
      failures: [],
    });
    expect(kube.list().find((object) => object.kind === "Deployment")?.metadata.namespace).toBe("shop");
  });

  it("needs no token once registered, and makes no second key", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    const first = start(hub, kube, { token: hub.token() });
    await vi.waitFor(() => expect(hub.polls).toBeGreaterThan(0), WAIT);
    await first.stop();
    const polls = hub.polls;
    start(hub, kube);
    await vi.waitFor(() => expect(hub.polls).toBeGreaterThan(polls), WAIT);
    expect(hub.refusals).toEqual([]);
  });

  it("ends with what to do when there is neither registration nor token", async () => {
    const hub = await TestHub.create();
    await expect(start(hub, memoryCluster()).done).rejects.toThrow("fairlead cluster register");
  });

  it("refuses a hub that is not the one the token pins", async () => {
    const hub = await TestHub.create();
    const other = await TestHub.create();
    const kube = memoryCluster();
    await expect(start(other, kube, { token: hub.token() }).done).rejects.toThrow("recovery key");
    expect(kube.list().find((object) => object.metadata.name === "fairlead-agent")).toBeDefined();
  });

  it("refuses a token for another cluster than the registered one", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    const first = start(hub, kube, { token: hub.token() });
    await vi.waitFor(() => expect(hub.polls).toBeGreaterThan(0), WAIT);
    await first.stop();
    await expect(start(hub, kube, { token: hub.token("c2") }).done).rejects.toThrow("web/c1");
  });

  it("takes over the hub's clock when its own is wrong", async () => {
    const hub = await TestHub.create();
    hub.clockAheadMs = 600_000;
    await hub.assign("shop", [configMap("settings")]);
    start(hub, memoryCluster(), { token: hub.token() });
    await phase(hub, "shop", "healthy");
    // Once for each loop that speaks to the hub before the first answer has come.
    expect([...new Set(hub.refusals)]).toEqual(["time"]);
  });

  it("polls for nothing with 304, and beats only when due", async () => {
    const hub = await TestHub.create();
    start(hub, memoryCluster(), { token: hub.token() });
    await vi.waitFor(() => expect(hub.polls).toBeGreaterThan(10), WAIT);
    expect(hub.answered200).toBe(1);
    expect(hub.beats).toBe(1);
  });

  it("asks without a tag from time to time, and is not sent what it has", async () => {
    const hub = await TestHub.create();
    start(hub, memoryCluster(), { token: hub.token(), options: { unconditionalFetchMs: 30 } });
    await vi.waitFor(() => expect(hub.sameContent).toBeGreaterThan(2), WAIT);
    expect(hub.answered200).toBe(1);
    expect(hub.polls).toBeGreaterThan(hub.sameContent + hub.answered200);
  });

  it("takes all of it again from a hub that knows no content", async () => {
    const hub = await TestHub.create();
    hub.knowsContent = false;
    start(hub, memoryCluster(), { token: hub.token(), options: { unconditionalFetchMs: 30 } });
    await vi.waitFor(() => expect(hub.answered200).toBeGreaterThan(2), WAIT);
    expect(hub.polls).toBeGreaterThan(hub.answered200);
  });

  it("tells an object that cannot be applied, keeps its wave going, and holds back the next", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    const bad = { apiVersion: "example.com/v1", kind: "Unknown", metadata: { name: "x", namespace: "shop" } };
    const early = {
      ...bad,
      metadata: { ...bad.metadata, annotations: { "argocd.argoproj.io/sync-wave": "-1" } },
    };
    await hub.assign("shop", [configMap("settings"), early]);
    start(hub, kube, { token: hub.token() });
    await phase(hub, "shop", "failed");
    const told = hub.latest.get("shop");
    expect(told?.outcomes).toEqual({ skipped: 1, failed: 1 });
    expect(told?.failures[0]?.reason).toContain("is not served here");
    expect(userObjects(kube)).toEqual([]);
  });

  it("waits for a definition of its own before it applies what that defines", async () => {
    const hub = await TestHub.create();
    const definition = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "boats.example.com" },
      spec: {
        group: "example.com",
        names: { kind: "Boat", plural: "boats" },
        scope: "Namespaced",
        versions: [{ name: "v1", served: true, storage: true }],
      },
    };
    await hub.assign("shop", [
      { apiVersion: "example.com/v1", kind: "Boat", metadata: { name: "b" } },
      definition,
    ]);
    const kube = memoryCluster(50);
    start(hub, kube, { token: hub.token() });
    await phase(hub, "shop", "healthy");
    expect(kube.list().find((object) => object.kind === "Boat")?.metadata.namespace).toBe("shop");
  });

  it("refuses an object of somebody else, and takes it with adopt", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    await kube.apply(
      { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } },
      { dryRun: false, force: true },
    );
    const theirs = configMap("settings", { key: "theirs" });
    await kube.apply(
      { ...theirs, metadata: { name: "settings", namespace: "shop" } },
      { dryRun: false, force: true },
    );
    await hub.assign("shop", [configMap("settings")]);
    start(hub, kube, { token: hub.token() });
    await phase(hub, "shop", "failed");
    expect(hub.latest.get("shop")?.message).toContain("sync.adopt");
    expect(userObjects(kube)[0]).toContain("theirs");
    await hub.assign("shop", [configMap("settings")], { sync: { adopt: true } });
    await phase(hub, "shop", "healthy");
    expect(userObjects(kube)[0]).toContain('"value"');
  });

  it("goes on by itself after the API server was in trouble", async () => {
    const hub = await TestHub.create();
    const kube = counted(memoryCluster());
    let broken = true;
    const flaky = {
      ...kube,
      apply: async (...args: Parameters<typeof kube.apply>) => {
        if (broken && args[0].metadata.name === "settings")
          throw new KubeError(503, "ServiceUnavailable", "etcd is away");
        return await kube.apply(...args);
      },
    };
    await hub.assign("shop", [configMap("settings")]);
    start(hub, flaky, { token: hub.token() });
    await phase(hub, "shop", "applying");
    expect(hub.latest.get("shop")?.message).toContain("etcd is away");
    broken = false;
    await phase(hub, "shop", "healthy");
  });

  it("says when a workload is broken, and recovers with the next bundle", async () => {
    const hub = await TestHub.create();
    start(hub, memoryCluster(), { token: hub.token() });
    await hub.assign("shop", [deployment("web", "web:broken")]);
    await phase(hub, "shop", "failed");
    expect(hub.latest.get("shop")?.message).toContain("Deployment shop/web");
    await hub.assign("shop", [deployment("web", "web:2")]);
    await phase(hub, "shop", "healthy");
  });
});
