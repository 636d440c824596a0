/** An object that leaves one App for another of the same cluster is never deleted on the way. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { runAgent } from "../../agent/loop.ts";
import type { MemoryKube } from "../../agent/kube/memory.ts";
import { mortal } from "../support/mortal-kube.ts";
import {
  configMap,
  counted,
  memoryCluster,
  phase,
  startAgent as start,
  stopAgents,
  WAIT,
} from "../support/test-agent.ts";
import { TestHub } from "../support/test-hub.ts";

afterEach(stopAgents);

const MOVING = [configMap("moved"), configMap("also")];
const ADDRESS = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: "moved" };
const FOREIGN: KubeObject = { apiVersion: "nowhere.example/v1", kind: "Gadget", metadata: { name: "x" } };
const SLOW = { options: { stopGraceMs: 0, objectsAtOnceMax: 1 } };

/** `from` has two objects more than it keeps, the agent is running. */
async function cluster(from: string) {
  const hub = await TestHub.create();
  const memory = memoryCluster();
  const kube = counted(memory);
  const agent = start(hub, kube, { token: hub.token(), ...SLOW });
  await hub.assign(from, [configMap("kept"), ...MOVING]);
  await phase(hub, from, "healthy");
  const uid = (await kube.get(ADDRESS))?.metadata["uid"];
  const uidNow = async () => (await kube.get(ADDRESS))?.metadata["uid"];
  return { hub, memory, kube, agent, uid, uidNow };
}

/** Both in the same answer. */
async function together(hub: TestHub, ...orders: (() => Promise<unknown>)[]): Promise<void> {
  hub.away = true;
  for (const order of orders) await order();
  hub.away = false;
}

const ownerOf = (object: KubeObject | undefined) =>
  `${object?.metadata.labels?.["fairlead.dev/app"]} ${object?.metadata.annotations?.["fairlead.dev/owner"]}`;
const owned = (app: string) => `web.${app} hub-under-test/web/${app}`;

async function inventoryOf(kube: Pick<MemoryKube, "get">, app: string): Promise<string> {
  const name = `fairlead-inventory-${app}`;
  const live = await kube.get({ apiVersion: "v1", kind: "ConfigMap", namespace: "fairlead-system", name });
  return JSON.stringify(live?.["data"] ?? {});
}

/** It has come through: the same object, the new App's in every respect. */
async function arrived(kube: Pick<MemoryKube, "get">, from: string, to: string, uid: unknown) {
  const live = await kube.get(ADDRESS);
  expect(live?.metadata["uid"]).toBe(uid);
  expect(ownerOf(live)).toBe(owned(to));
  expect(live?.metadata["managedFields"]).toMatchObject([{ manager: "fairlead", operation: "Apply" }]);
  await vi.waitFor(async () => {
    expect(await inventoryOf(kube, from)).not.toContain("moved");
    expect(await inventoryOf(kube, to)).toContain(String(uid));
  }, WAIT);
}

describe(`${runAgent.name}, an object that moves between Apps`, () => {
  it.each([
    ["a", "b"],
    ["b", "a"],
  ])("in one answer, from %s to %s: it stays the same object", async (from, to) => {
    const { hub, kube, uid } = await cluster(from);
    await together(
      hub,
      () => hub.assign(from, [configMap("kept")]),
      () => hub.assign(to, MOVING),
    );
    await phase(hub, from, "healthy", 2);
    await phase(hub, to, "healthy", 3);
    await arrived(kube, from, to, uid);
    expect(kube.writes.filter((write) => write.startsWith("delete"))).toEqual([]);
    expect(hub.phases.get(to)).not.toContain("failed");
  });

  it("is refused to the new App while both declare it, by name, and taken once the old one does not", async () => {
    const { hub, kube, uid, uidNow } = await cluster("a");
    await hub.assign("b", MOVING);
    await phase(hub, "b", "failed", 2);
    expect(hub.latest.get("b")?.failures[0]).toEqual({
      object: "ConfigMap shop/also",
      reason:
        "ConfigMap shop/also belongs to another App (hub-under-test/web/a); remove it from one of the two",
    });
    expect(await uidNow()).toBe(uid);
    expect(ownerOf(await kube.get(ADDRESS))).toBe(owned("a"));
    await hub.assign("a", [configMap("kept")]);
    await phase(hub, "a", "healthy", 3);
    await phase(hub, "b", "healthy", 2);
    await arrived(kube, "a", "b", uid);
  });

  it("comes through the removal of the old App, which waits until all of it is taken over", async () => {
    const { hub, kube, uid } = await cluster("a");
    await together(
      hub,
      () => hub.remove("a", "delete"),
      () => hub.assign("b", MOVING),
    );
    await phase(hub, "a", "removed", 2);
    await phase(hub, "b", "healthy", 3);
    await arrived(kube, "a", "b", uid);
    expect(kube.writes).toContain("delete ConfigMap kept");
    expect(await inventoryOf(kube, "a")).toBe("{}");
  });

  it("stays while the new App's bundle has not come", async () => {
    const { hub, kube, uid, uidNow } = await cluster("a");
    await together(
      hub,
      () => hub.assign("a", [configMap("kept")]),
      () => hub.assign("b", MOVING),
      async () => void hub.bundles.delete("b"),
    );
    const told = "waits for the statement of App b before it deletes 2 objects: it may take them over";
    await vi.waitFor(
      () => expect(hub.latest.get("a")).toMatchObject({ phase: "applying", message: told }),
      WAIT,
    );
    expect(await uidNow()).toBe(uid);
    expect(kube.writes.filter((write) => write.startsWith("delete"))).toEqual([]);
    await hub.assign("b", MOVING);
    await phase(hub, "b", "healthy", 4);
    await phase(hub, "a", "healthy", 2);
    await arrived(kube, "a", "b", uid);
  });

  it("stays with an App that cannot take it, and goes with its old one when nobody wants it any more", async () => {
    const { hub, kube, uid, uidNow } = await cluster("a");
    await together(
      hub,
      () => hub.assign("a", [configMap("kept")]),
      () => hub.assign("b", [FOREIGN, ...MOVING], { sync: { suspend: true } }),
    );
    await phase(hub, "a", "healthy", 2);
    expect(hub.latest.get("a")?.outcomes).toEqual({ unchanged: 1, skipped: 2 });
    expect(await uidNow()).toBe(uid);
    expect(await inventoryOf(kube, "a")).toContain("moved");
    await hub.assign("b", [configMap("other")]);
    await phase(hub, "b", "healthy", 4);
    await vi.waitFor(async () => expect(await uidNow()).toBeUndefined(), WAIT);
    await vi.waitFor(async () => expect(await inventoryOf(kube, "a")).not.toContain("moved"), WAIT);
  });

  it("is deleted and made again when the old App lets go before anybody else declares it", async () => {
    const { hub, uid, uidNow } = await cluster("a");
    await hub.assign("a", [configMap("kept")]);
    await phase(hub, "a", "healthy", 2);
    expect(await uidNow()).toBeUndefined();
    await hub.assign("b", MOVING);
    await phase(hub, "b", "healthy", 3);
    expect(await uidNow()).not.toBe(uid);
  });

  it("does not count what stays against the limit of deletes", async () => {
    const { hub, kube, uid } = await cluster("a");
    await together(
      hub,
      () => hub.assign("a", [configMap("new")], { pruneLimit: 1 }),
      () => hub.assign("b", MOVING),
    );
    await phase(hub, "a", "healthy", 2);
    await phase(hub, "b", "healthy", 3);
    await arrived(kube, "a", "b", uid);
  });

  it("is taken over from an App that was removed and left it behind, without adopt", async () => {
    const { hub, kube, uid } = await cluster("a");
    await hub.remove("a", "orphan");
    await phase(hub, "a", "removed", 2);
    await hub.assign("b", MOVING);
    await phase(hub, "b", "healthy", 3);
    await arrived(kube, "a", "b", uid);
  });

  it("is not taken from an App that nothing here knows of, and the fix is named", async () => {
    const { hub, memory, kube } = await cluster("a");
    memory.edit(ADDRESS, { metadata: { annotations: { "fairlead.dev/owner": "hub-under-test/web/lost" } } });
    await hub.assign("b", [configMap("moved")], { sync: { adopt: true } });
    await phase(hub, "b", "failed", 2);
    expect(hub.latest.get("b")?.message).toContain(
      "bears the mark of App lost, of which nothing is known here: take its annotation fairlead.dev/owner off",
    );
    expect(ownerOf(await kube.get(ADDRESS))).toContain("lost");
  });

  it("keeps its namespace: that goes with nobody while another App has objects in it", async () => {
    const namespace: KubeObject = { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } };
    const hub = await TestHub.create();
    const kube = memoryCluster();
    start(hub, kube, { token: hub.token(), ...SLOW });
    await hub.assign("a", [namespace, ...MOVING]);
    await phase(hub, "a", "healthy");
    const uid = (await kube.get(ADDRESS))?.metadata["uid"];
    await together(
      hub,
      () => hub.remove("a", "delete"),
      () => hub.assign("b", MOVING),
    );
    await phase(hub, "a", "removed", 2);
    await phase(hub, "b", "healthy", 3);
    await arrived(kube, "a", "b", uid);
  });

  it("goes there and back", async () => {
    const { hub, kube, uid } = await cluster("a");
    for (const [from, to] of [
      ["a", "b"],
      ["b", "a"],
    ] as const) {
      await together(
        hub,
        () => hub.assign(from, [configMap(`kept-${from}`)]),
        () => hub.assign(to, [configMap(`kept-${to}`), ...MOVING]),
      );
      await vi.waitFor(async () => expect(ownerOf(await kube.get(ADDRESS))).toBe(owned(to)), WAIT);
      await arrived(kube, from, to, uid);
    }
  });
});

/** Both orders are on their way, the agent is stopped; `remove` takes the old App away as a whole. */
async function onTheWay(how: "update" | "remove") {
  const { hub, memory, agent, uid } = await cluster("a");
  await agent.stop();
  await (how === "update" ? hub.assign("a", [configMap("kept")]) : hub.remove("a", "delete"));
  await hub.assign("b", MOVING);
  const settled = async () => {
    await phase(hub, "a", how === "update" ? "healthy" : "removed", 2);
    await phase(hub, "b", "healthy", 3);
  };
  return { hub, memory, uid, settled };
}

describe(`${runAgent.name}, killed while an object moves`, () => {
  it.each(["update", "remove"] as const)("by %s, at any call: the same object at its end", async (how) => {
    const undisturbed = await onTheWay(how);
    const counting = mortal(undisturbed.memory, Number.POSITIVE_INFINITY, "before");
    const agent = start(undisturbed.hub, counting, SLOW);
    await undisturbed.settled();
    await arrived(undisturbed.memory, "a", "b", undisturbed.uid);
    await agent.stop();
    expect(counting.calls).toBeGreaterThan(20);
    for (let at = 0; at < counting.calls; at += 1) {
      const { hub, memory, uid, settled } = await onTheWay(how);
      const dying = mortal(memory, at, at % 2 === 0 ? "before" : "after");
      const first = start(hub, dying, SLOW);
      // Two lanes at once: what is over before this call was another order of the same calls.
      await Promise.race([dying.dead, settled()]);
      await first.stop();
      const second = start(hub, memory, SLOW);
      await settled();
      await arrived(memory, "a", "b", uid);
      await second.stop();
    }
  });
});
