/** Hooks run once for each generation, in their order, and what they leave is never forgotten. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { createMemoryKube, type MemoryKube } from "../../agent/kube/memory.ts";
import { runAgent } from "../../agent/loop.ts";
import { configMap, counted, phase, startAgent as start, stopAgents, WAIT } from "../support/test-agent.ts";
import { TestHub } from "../support/test-hub.ts";

afterEach(stopAgents);

const SLOW = { options: { driftEveryMs: 60_000 } };

function job(name: string, annotations: Record<string, string>, image = "job:1"): KubeObject {
  const template = { spec: { restartPolicy: "Never", containers: [{ name, image }] } };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name, annotations },
    spec: { backoffLimit: 0, template },
  };
}
const argo = (name: string, hook: string, more: Record<string, string> = {}, image?: string): KubeObject =>
  job(name, { "argocd.argoproj.io/hook": hook, ...more }, image);
const helm = (name: string, hook: string, more: Record<string, string> = {}, image?: string): KubeObject =>
  job(name, { "helm.sh/hook": hook, ...more }, image);

/** A cluster in which Jobs end 1 s after they were made, by a clock that stands until it is moved. */
async function world() {
  const hub = await TestHub.create();
  const time = { now: 1_800_000_000_000 };
  const memory = createMemoryKube({ name: "c1", now: () => time.now, readyAfterMs: 1_000 });
  const kube = counted(memory);
  const clock = (): number => time.now;
  const pass = (ms: number): void => void (time.now += ms);
  const begin = (extra: Parameters<typeof start>[2] = {}) =>
    start(hub, kube, { token: hub.token(), ...SLOW, ...extra });
  return { hub, memory, kube, clock, pass, begin };
}

const users = (memory: MemoryKube): string[] =>
  memory
    .list()
    .filter(({ metadata, kind }) => metadata.namespace === "shop" && kind !== "Namespace")
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
const writesOf = (kube: { writes: string[] }): string[] =>
  kube.writes.filter((write) => !/(fairlead-|Namespace)/.test(write));
async function says(hub: TestHub, text: string): Promise<void> {
  await vi.waitFor(() => expect(hub.latest.get("shop")?.message).toContain(text), WAIT);
}

describe(`${runAgent.name}, hooks`, () => {
  it("run before, among and after the objects, each waited for", async () => {
    const { hub, kube, memory, pass, begin } = await world();
    await hub.assign("shop", [
      configMap("a"),
      {
        ...configMap("late"),
        metadata: { name: "late", annotations: { "argocd.argoproj.io/sync-wave": "2" } },
      },
      argo("post", "PostSync"),
      argo("mid", "Sync", { "argocd.argoproj.io/sync-wave": "1" }),
      argo("pre", "PreSync"),
    ]);
    begin();
    await says(hub, "waits for Job shop/pre (hook before the objects)");
    expect(users(memory)).toEqual(["Job pre"]);
    expect(hub.latest.get("shop")).toMatchObject({ phase: "applying", objects: 2 });
    pass(1_000);
    await says(hub, "waits for Job shop/mid");
    expect(users(memory)).toEqual(["ConfigMap a", "Job mid", "Job pre"]);
    pass(1_000);
    await says(hub, "waits for Job shop/post");
    pass(1_000);
    await phase(hub, "shop", "healthy");
    expect(writesOf(kube)).toEqual([
      "apply Job pre",
      "apply ConfigMap a",
      "apply Job mid",
      "apply ConfigMap late",
      "apply Job post",
    ]);
    expect(hub.latest.get("shop")).toMatchObject({
      outcomes: { created: 2 },
      message: "all 2 objects are current",
    });
  });

  it("run once: neither a drift pass nor a restart runs one again, and a changed one is no drift", async () => {
    const { hub, kube, memory, pass, begin } = await world();
    await hub.assign("shop", [configMap("a"), argo("pre", "PreSync")]);
    const first = begin({ options: { driftEveryMs: 20 } });
    await says(hub, "waits for");
    pass(1_000);
    await phase(hub, "shop", "healthy");
    const address = { apiVersion: "batch/v1", kind: "Job", namespace: "shop", name: "pre" };
    memory.edit(address, { spec: { suspend: true } });
    memory.edit({ ...address, apiVersion: "v1", kind: "ConfigMap", name: "a" }, { data: { key: "edited" } });
    await vi.waitFor(() => expect(hub.latest.get("shop")?.driftTotal).toBe(1), WAIT);
    await first.stop();
    await kube.delete(address, undefined);
    const before = writesOf(kube).length;
    begin({ options: { driftEveryMs: 20 } });
    memory.edit({ ...address, apiVersion: "v1", kind: "ConfigMap", name: "a" }, { data: { key: "again" } });
    await vi.waitFor(() => expect(writesOf(kube).slice(before)).toEqual(["apply ConfigMap a"]), WAIT);
    expect(users(memory)).toEqual(["ConfigMap a"]);
  });

  it("of the next generation replace what the last one left", async () => {
    const { hub, kube, pass, begin } = await world();
    await hub.assign("shop", [configMap("a"), argo("pre", "PreSync")]);
    begin();
    await says(hub, "waits for");
    pass(1_000);
    await phase(hub, "shop", "healthy", 1);
    await hub.assign("shop", [configMap("a", { key: "two" }), argo("pre", "PreSync")]);
    await vi.waitFor(
      () => expect(hub.latest.get("shop")).toMatchObject({ phase: "applying", generation: 2 }),
      WAIT,
    );
    pass(1_000);
    await phase(hub, "shop", "healthy", 2);
    expect(writesOf(kube).slice(2)).toEqual(["delete Job pre", "apply Job pre", "apply ConfigMap a"]);
  });

  it("that fail end the generation with their sentence; SyncFail runs, once, and the objects stay as they were", async () => {
    const { hub, kube, memory, pass, begin } = await world();
    await hub.assign("shop", [
      configMap("a"),
      argo("pre", "PreSync", {}, "job:broken"),
      argo("tell", "SyncFail", { "argocd.argoproj.io/hook-delete-policy": "HookSucceeded" }),
    ]);
    begin({ options: { driftEveryMs: 20 } });
    await says(hub, "waits for");
    pass(1_000);
    await phase(hub, "shop", "failed", 1);
    expect(hub.latest.get("shop")?.message).toBe(
      "Job shop/pre: hook before the objects: containers do not start: image is broken",
    );
    pass(1_000);
    await vi.waitFor(() => expect(writesOf(kube)).toContain("delete Job tell"), WAIT);
    const polls = hub.polls;
    await vi.waitFor(() => expect(hub.polls).toBeGreaterThan(polls + 10), WAIT);
    expect(writesOf(kube)).toEqual(["apply Job pre", "apply Job tell", "delete Job tell"]);
    expect(users(memory)).toEqual(["Job pre"]);
    await hub.assign("shop", [configMap("a")]);
    await phase(hub, "shop", "healthy", 2);
    expect(users(memory)).toEqual(["ConfigMap a"]);
  });

  it("have a time limit", async () => {
    const { hub, clock, begin } = await world();
    const stuck = argo("pre", "PreSync", { "fairlead.dev/hook-timeout": "1s" }, "job:1");
    let ahead = 0;
    await hub.assign("shop", [configMap("a"), { ...stuck, spec: { ...(stuck["spec"] as object) } }]);
    hub.clockAheadMs = clock() - Date.now();
    const agent = begin({ clock: () => clock() + ahead });
    await says(hub, "waits for");
    ahead = 2_000;
    await phase(hub, "shop", "failed");
    expect(hub.latest.get("shop")?.message).toContain("did not end within 1 s: 0 of 1 completion");
    await agent.stop();
  });

  it("of Helm know an install from an upgrade, run in order of their weight, and tests never", async () => {
    const { hub, kube, pass, begin } = await world();
    const weight = (n: number) => ({
      "helm.sh/hook-weight": String(n),
      "helm.sh/hook-delete-policy": "hook-succeeded",
    });
    const hooks = [
      helm("second", "pre-install,pre-upgrade", weight(5)),
      helm("first", "pre-install", weight(-5)),
      helm("up", "post-upgrade", weight(0)),
      helm("never", "test"),
    ];
    await hub.assign("shop", [configMap("a"), ...hooks]);
    begin();
    await says(hub, "waits for Job shop/first");
    pass(1_000);
    await says(hub, "waits for Job shop/second");
    pass(1_000);
    await phase(hub, "shop", "healthy", 1);
    expect(writesOf(kube)).toEqual([
      "apply Job first",
      "apply Job second",
      "delete Job first",
      "delete Job second",
      "apply ConfigMap a",
    ]);
    await hub.assign("shop", [configMap("a", { key: "two" }), ...hooks]);
    await says(hub, "waits for Job shop/second");
    pass(1_000);
    await says(hub, "waits for Job shop/up");
    pass(1_000);
    await phase(hub, "shop", "healthy", 2);
    expect(writesOf(kube).slice(5)).toEqual([
      "apply Job second",
      "delete Job second",
      "apply ConfigMap a",
      "apply Job up",
      "delete Job up",
    ]);
  });

  it("run on a rollback only if they ask for it", async () => {
    const { hub, kube, pass, begin } = await world();
    const hooks = [
      argo("pre", "PreSync"),
      argo("asked", "PreSync", {
        "fairlead.dev/hook-on-rollback": "true",
        "argocd.argoproj.io/sync-wave": "1",
      }),
      helm("back", "post-rollback"),
    ];
    begin();
    await hub.assign("shop", [configMap("a", { key: "1" })], { generation: 1, release: 5 });
    await phase(hub, "shop", "healthy", 1);
    const before = writesOf(kube).length;
    await hub.assign("shop", [configMap("a", { key: "0" }), ...hooks], { generation: 2, release: 4 });
    await says(hub, "waits for Job shop/asked");
    pass(1_000);
    await says(hub, "waits for Job shop/back");
    pass(1_000);
    await phase(hub, "shop", "healthy", 2);
    expect(writesOf(kube).slice(before)).toEqual(["apply Job asked", "apply ConfigMap a", "apply Job back"]);
  });

  it("after the objects wait until these are healthy", async () => {
    const { hub, kube, pass, begin } = await world();
    const pod: KubeObject = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web" },
      spec: { containers: [{ name: "web", image: "web:1" }] },
    };
    await hub.assign("shop", [pod, argo("post", "PostSync")]);
    begin();
    await phase(hub, "shop", "progressing");
    expect(writesOf(kube)).toEqual(["apply Pod web"]);
    pass(1_000);
    await says(hub, "waits for Job shop/post");
    pass(1_000);
    await phase(hub, "shop", "healthy");
  });

  it("of a removal run before and after it, and nothing of them stays", async () => {
    const { hub, kube, memory, pass, begin } = await world();
    const hooks = [helm("bye", "pre-delete"), argo("gone", "PostDelete"), argo("pre", "PreSync")];
    await hub.assign("shop", [configMap("a"), ...hooks]);
    begin();
    await says(hub, "waits for Job shop/pre");
    pass(1_000);
    await phase(hub, "shop", "healthy");
    const before = writesOf(kube).length;
    await hub.remove("shop", "delete", { pruneLimit: 1 });
    await says(hub, "waits for Job shop/bye");
    expect(users(memory)).toContain("ConfigMap a");
    pass(1_000);
    await says(hub, "waits for Job shop/gone");
    expect(users(memory)).toEqual(["Job gone"]);
    pass(1_000);
    await phase(hub, "shop", "removed");
    expect(users(memory)).toEqual([]);
    expect(writesOf(kube).slice(before)[0]).toBe("apply Job bye");
  });

  it("that leave the bundle are pruned, and no budget counts them", async () => {
    const { hub, memory, pass, begin } = await world();
    await hub.assign("shop", [configMap("a"), argo("pre", "PreSync")]);
    begin();
    await says(hub, "waits for");
    pass(1_000);
    await phase(hub, "shop", "healthy", 1);
    await hub.assign("shop", [configMap("a", { key: "two" })], { pruneLimit: 0 });
    await phase(hub, "shop", "healthy", 2);
    expect(users(memory)).toEqual(["ConfigMap a"]);
  });

  it("with generateName get one name for each generation", async () => {
    const { hub, memory, pass, begin } = await world();
    const hook = argo("seed-0a1b", "PreSync");
    const objects = [configMap("a"), { ...hook, metadata: { ...hook.metadata, generateName: "seed-" } }];
    await hub.assign("shop", objects);
    begin();
    await says(hub, "waits for Job shop/seed-0a1b-1-1");
    pass(1_000);
    await phase(hub, "shop", "healthy", 1);
    await hub.assign("shop", [...objects, configMap("b")]);
    await says(hub, "waits for Job shop/seed-0a1b-1-2");
    pass(1_000);
    await phase(hub, "shop", "healthy", 2);
    expect(users(memory)).toEqual(["ConfigMap a", "ConfigMap b", "Job seed-0a1b-1-2"]);
  });
});
