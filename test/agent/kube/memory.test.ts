import { describe, expect, it } from "vitest";
import { createMemoryKube } from "../../../agent/kube/memory.ts";
import { health } from "#core/health.ts";
import type { KubeObject } from "#core/object.ts";
import { kubeConformance, type KubeUnderTest } from "../../conformance/kube.ts";
import { kubeWatchConformance } from "../../conformance/kube-watch.ts";

const FORCE = { dryRun: false, force: true };

let spaces = 0;
const shared = createMemoryKube({ name: "conformance", now: Date.now, readyAfterMs: 20 });
const open = (): KubeUnderTest => ({
  kube: shared,
  async namespace() {
    const name = `space-${++spaces}`;
    await shared.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name } }, FORCE);
    return name;
  },
  async edit(address, patch) {
    shared.edit(address, patch);
  },
});
kubeConformance("memory", open, { controllers: true });
kubeWatchConformance("memory", open);

const workload = (apiVersion: string, kind: string, image: string): KubeObject => {
  const pod = { containers: [{ name: "web", image }] };
  return {
    apiVersion,
    kind,
    metadata: { name: "web", namespace: "default" },
    spec: kind === "Pod" ? pod : { template: { spec: pod } },
  };
};

const WORKLOADS = [
  ["apps/v1", "Deployment"],
  ["apps/v1", "StatefulSet"],
  ["apps/v1", "DaemonSet"],
  ["apps/v1", "ReplicaSet"],
  ["batch/v1", "Job"],
  ["v1", "Pod"],
] as const;

describe("createMemoryKube: simulated health", () => {
  it("makes each kind of workload healthy only after its time, told by the clock alone", async () => {
    let now = 1_000_000;
    const kube = createMemoryKube({ name: "c", now: () => now, readyAfterMs: 500 });
    for (const [apiVersion, kind] of WORKLOADS) {
      const object = workload(apiVersion, kind, "web:1");
      expect(health(await kube.apply(object, FORCE)).status).toBe("progressing");
      now += 499;
      expect(health(await kube.apply(object, FORCE)).status).toBe("progressing");
      now += 1;
      expect(health(await kube.apply(object, FORCE)).status).toBe("current");
    }
  });
  it("never makes a workload with a broken image healthy", async () => {
    let now = 0;
    const kube = createMemoryKube({ name: "c", now: () => now, readyAfterMs: 500 });
    const verdicts: string[] = [];
    for (const [apiVersion, kind] of WORKLOADS) {
      const object = workload(apiVersion, kind, "web:broken");
      await kube.apply(object, FORCE);
      now += 500;
      verdicts.push(`${kind} ${health(await kube.apply(object, FORCE)).status}`);
    }
    expect(verdicts).toEqual([
      "Deployment failed",
      "StatefulSet progressing",
      "DaemonSet progressing",
      "ReplicaSet progressing",
      "Job failed",
      "Pod failed",
    ]);
  });
  it("starts again to progress when the generation changes, and not for a new label", async () => {
    let now = 0;
    const kube = createMemoryKube({ name: "c", now: () => now, readyAfterMs: 500 });
    const object = workload("apps/v1", "Deployment", "web:1");
    await kube.apply(object, FORCE);
    now += 500;
    const labelled = { ...object, metadata: { ...object.metadata, labels: { a: "b" } } };
    expect(health(await kube.apply(labelled, FORCE)).status).toBe("current");
    expect(health(await kube.apply(workload("apps/v1", "Deployment", "web:2"), FORCE)).status).toBe(
      "progressing",
    );
  });
});

describe("createMemoryKube: deletion", () => {
  it("takes the objects of a namespace along", async () => {
    const kube = createMemoryKube({ name: "c", now: () => 0 });
    const space: KubeObject = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } };
    await kube.apply(space, FORCE);
    const object = { ...workload("v1", "Pod", "web:1"), metadata: { name: "web", namespace: "shop" } };
    await kube.apply(object, FORCE);
    const before = kube.list().length;
    expect(
      await kube.delete({ apiVersion: "v1", kind: "Namespace", namespace: "", name: "shop" }, undefined),
    ).toBe("deleted");
    expect(kube.list().length).toBe(before - 2);
  });
});

describe("createMemoryKube: callers", () => {
  it("keep their objects as they were", async () => {
    const kube = createMemoryKube({ name: "c", now: () => 0 });
    const object = workload("apps/v1", "Deployment", "web:1");
    const copy = structuredClone(object);
    await kube.apply(object, FORCE);
    kube.edit(
      { apiVersion: "apps/v1", kind: "Deployment", namespace: "default", name: "web" },
      { spec: { replicas: 4 } },
    );
    await kube.apply(object, FORCE);
    expect(object).toEqual(copy);
  });
});

describe("createMemoryKube: watches", () => {
  const selection = { apiVersion: "apps/v1", kind: "Deployment", label: "watched" };
  const labelled = (): KubeObject => {
    const object = workload("apps/v1", "Deployment", "web:1");
    return { ...object, metadata: { ...object.metadata, labels: { watched: "yes" } } };
  };

  it("tell a status that came on by itself, as a new version of the same generation", async () => {
    const kube = createMemoryKube({ name: "c", now: Date.now, readyAfterMs: 20 });
    const applied = await kube.apply(labelled(), FORCE);
    const version = String(applied.metadata["resourceVersion"]);
    const from = { version, forMs: 60_000, signal: AbortSignal.timeout(60_000) };
    for await (const event of kube.watchMetadata(selection, from)) {
      expect(event).toMatchObject({ type: "put", object: { metadata: { generation: 1 } } });
      break;
    }
    const live = await kube.get({ ...selection, namespace: "default", name: "web" });
    expect(Number(live?.metadata["resourceVersion"])).toBeGreaterThan(Number(version));
  });
  it("say of a version that is forgotten that it is too old", async () => {
    const kube = createMemoryKube({ name: "c", now: Date.now });
    const version = String((await kube.apply(labelled(), FORCE)).metadata["resourceVersion"]);
    kube.forgetChanges();
    const from = { version, forMs: 60_000, signal: AbortSignal.timeout(60_000) };
    await expect(kube.watchMetadata(selection, from)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      status: 410,
      passing: false,
    });
  });
});
