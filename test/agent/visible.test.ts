import { afterEach, describe, expect, it, vi } from "vitest";
import { PlacementShow } from "../../agent/visible.ts";
import { KubeError, type Kube } from "../../agent/kube/port.ts";
import type { MemoryKube } from "../../agent/kube/memory.ts";
import {
  configMap,
  deployment,
  memoryCluster,
  phase,
  startAgent,
  stopAgents,
  WAIT,
} from "../support/test-agent.ts";
import { TestHub } from "../support/test-hub.ts";

afterEach(stopAgents);

const SHOWN = { options: { placements: true, holdEveryMs: 5 } };
const at = (name: string) => ({
  apiVersion: "fairlead.dev/v1",
  kind: "Placement",
  namespace: "fairlead-system",
  name,
});
const until = async (kube: Kube, app: string, status: object | undefined): Promise<void> =>
  vi.waitFor(async () => {
    const live = await kube.get(at(app));
    if (status === undefined) expect(live).toBeUndefined();
    else expect(live?.["status"]).toMatchObject(status);
  }, WAIT);

/** Writes of placements, by name. */
function watching(kube: MemoryKube): MemoryKube & { writes: string[] } {
  const writes: string[] = [];
  return {
    ...kube,
    writes,
    apply: async (object, options) => {
      if (object.kind === "Placement") writes.push(`made ${object.metadata.name}`);
      return await kube.apply(object, options);
    },
    applyStatus: async (object) => {
      const { phase: told } = object["status"] as { phase: string };
      writes.push(`${object.metadata.name} ${told}`);
      return await kube.applyStatus(object);
    },
  };
}

describe(PlacementShow.name, () => {
  it("shows each App, writes only what has changed, and deletes it with the App", async () => {
    const hub = await TestHub.create();
    const kube = watching(memoryCluster());
    const agent = startAgent(hub, kube, { token: hub.token(), ...SHOWN });
    const { generation } = await hub.assign("shop", [configMap("a"), configMap("b")]);
    await until(kube, "shop", { phase: "healthy", objects: 2, drift: 0, generation: `1.${generation}` });
    const quiet = kube.writes.length;
    await hub.assign("db", [deployment("db", "web:broken")]);
    await until(kube, "db", { phase: "failed" });
    expect(kube.writes.slice(quiet).filter((write) => write.includes("shop"))).toEqual([]);
    await agent.stop();

    const before = kube.writes.length;
    startAgent(hub, kube, SHOWN);
    await hub.remove("db", "delete");
    await until(kube, "db", undefined);
    expect(kube.writes.slice(before).filter((write) => write.includes("shop"))).toEqual([]);
  });

  it("is not moved by an edit, and makes a lost object again", async () => {
    const hub = await TestHub.create();
    const kube = watching(memoryCluster());
    startAgent(hub, kube, { token: hub.token(), ...SHOWN });
    await hub.assign("shop", [configMap("a")]);
    await until(kube, "shop", { phase: "healthy" });
    const writes = kube.writes.length;
    kube.edit(at("shop"), { spec: { release: 1 } });
    await hub.assign("other", [configMap("b")]);
    await until(kube, "other", { phase: "healthy" });
    expect(hub.latest.get("shop")).toMatchObject({ phase: "healthy" });
    expect(kube.writes.slice(writes).filter((write) => write.includes("shop"))).toEqual([]);
    await kube.delete(at("shop"), undefined);
    await until(kube, "shop", { phase: "healthy" });
  });

  it("delivers all the same where it may not define the kind, and says so once", async () => {
    const hub = await TestHub.create();
    const memory = memoryCluster();
    const kube: Kube = {
      ...memory,
      apply: async (object, options) => {
        if (object.kind === "CustomResourceDefinition") throw new KubeError(403, "Forbidden", "no right to");
        return await memory.apply(object, options);
      },
    };
    const agent = startAgent(hub, kube, { token: hub.token(), ...SHOWN });
    await hub.assign("shop", [configMap("a")]);
    await phase(hub, "shop", "healthy");
    const told = () => agent.logs.filter(({ message }) => message.includes("placements are not shown"));
    await vi.waitFor(() => expect(told()).toHaveLength(1), WAIT);
  });

  it("holds an App by an annotation of its placement, and lets go with it", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    const start = Date.now();
    startAgent(hub, kube, { token: hub.token(), ...SHOWN });
    await hub.assign("shop", [configMap("a")]);
    await until(kube, "shop", { phase: "healthy" });
    kube.edit(at("shop"), { metadata: { annotations: { "fairlead.dev/hold": "2h payday" } } });
    await vi.waitFor(() => expect(hub.holds.at(-1)?.apps["shop"]?.reason).toBe("payday"), WAIT);
    const held = hub.holds.at(-1)?.apps["shop"]?.until ?? 0;
    expect(held).toBeGreaterThan(start + 2 * 3_600_000 - 2_000);
    kube.edit(at("shop"), { metadata: { annotations: { "fairlead.dev/hold": null } } });
    await vi.waitFor(() => expect(hub.holds.at(-1)?.apps).toEqual({}), WAIT);
  });
});
