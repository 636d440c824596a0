/** What the agent deletes, and all that it does not delete. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { runAgent } from "../../agent/loop.ts";
import {
  configMap,
  counted,
  memoryCluster,
  phase,
  startAgent as start,
  stopAgents,
  userObjects,
  WAIT,
} from "../support/test-agent.ts";
import { TestHub } from "../support/test-hub.ts";

afterEach(stopAgents);

const SETTINGS = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: "b" };
const names = (kube: ReturnType<typeof memoryCluster>) =>
  userObjects(kube).map((text) => (JSON.parse(text) as { name: string }).name);

describe(runAgent.name, () => {
  it("prunes what the new bundle lacks, after the rest went in", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    start(hub, kube, { token: hub.token() });
    await hub.assign("shop", [configMap("a"), configMap("b")]);
    await phase(hub, "shop", "healthy", 1);
    await hub.assign("shop", [configMap("a", { key: "new" }), configMap("c")]);
    await phase(hub, "shop", "healthy", 2);
    expect(names(kube)).toEqual(["a", "c"]);
    expect(hub.latest.get("shop")?.outcomes).toEqual({ created: 1, configured: 1, deleted: 1 });
  });

  it("makes an object under its new name, or in its new namespace, before the old one goes", async () => {
    const hub = await TestHub.create();
    const kube = counted(memoryCluster());
    start(hub, kube, { token: hub.token() });
    await hub.assign("shop", [configMap("a"), configMap("b")]);
    await phase(hub, "shop", "healthy", 1);
    const before = kube.writes.length;
    await hub.assign("shop", [configMap("a"), configMap("renamed")]);
    await phase(hub, "shop", "healthy", 2);
    await hub.assign("shop", [configMap("a"), configMap("renamed")], { namespace: "elsewhere" });
    await phase(hub, "shop", "healthy", 3);
    const writes = kube.writes.slice(before).filter((write) => !write.includes("fairlead-"));
    expect(writes.slice(0, 3)).toEqual([
      "apply ConfigMap renamed",
      "delete ConfigMap b",
      "apply Namespace elsewhere",
    ]);
    expect(writes.slice(3, 5).sort()).toEqual(["apply ConfigMap a", "apply ConfigMap renamed"]);
    expect(writes.slice(5).sort()).toEqual(["delete ConfigMap a", "delete ConfigMap renamed"]);
  });

  it("deletes nothing at all when the set is over the signed limit, and says what to raise", async () => {
    const hub = await TestHub.create();
    const kube = counted(memoryCluster());
    start(hub, kube, { token: hub.token() });
    await hub.assign("shop", [configMap("a"), configMap("b"), configMap("c")]);
    await phase(hub, "shop", "healthy", 1);
    await hub.assign("shop", [configMap("a")], { pruneLimit: 1 });
    await phase(hub, "shop", "failed", 2);
    expect(hub.latest.get("shop")?.message).toContain(
      "budget: would delete 2 objects, limit 1: raise spec.rollout.budget.deletes",
    );
    expect(kube.writes.filter((write) => write.startsWith("delete"))).toEqual([]);
    await hub.assign("shop", [configMap("a")], { pruneLimit: 2 });
    await phase(hub, "shop", "healthy", 3);
  });

  it("leaves what no longer bears its mark", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    start(hub, kube, { token: hub.token(), options: { stirSettleMs: 60_000 } });
    await hub.assign("shop", [configMap("a"), configMap("b")]);
    await phase(hub, "shop", "healthy", 1);
    kube.edit(SETTINGS, { metadata: { annotations: { "fairlead.dev/owner": null } } });
    await hub.assign("shop", [configMap("a")]);
    await phase(hub, "shop", "healthy", 2);
    expect(names(kube)).toEqual(["a", "b"]);
    expect(hub.latest.get("shop")?.outcomes).toEqual({ unchanged: 1, skipped: 1 });
  });

  it("keeps objects when prune is off", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    start(hub, kube, { token: hub.token() });
    await hub.assign("shop", [configMap("a"), configMap("b")]);
    await phase(hub, "shop", "healthy", 1);
    await hub.assign("shop", [configMap("a")], { sync: { prune: false } });
    await phase(hub, "shop", "healthy", 2);
    expect(names(kube)).toEqual(["a", "b"]);
  });

  it("removes an App on a signed order, keeps its generation, and refuses what is older", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    start(hub, kube, { token: hub.token() });
    await hub.assign("shop", [configMap("a"), configMap("b")]);
    await phase(hub, "shop", "healthy", 1);
    const old = hub.statements.get("shop") ?? "";
    await hub.remove("shop", "delete");
    await phase(hub, "shop", "removed", 2);
    expect(names(kube)).toEqual([]);
    const own = kube.list().filter((object) => object.metadata.namespace === "fairlead-system");
    expect(own.map((object) => object.metadata.name)).toEqual([
      "fairlead-apps",
      "fairlead-agent",
      "fairlead-app-shop",
    ]);
    hub.statements.set("shop", old);
    await phase(hub, "shop", "refused", 2);
    expect(hub.latest.get("shop")?.message).toContain("older-generation");
    await hub.assign("shop", [configMap("a")]);
    await phase(hub, "shop", "healthy", 3);
  });

  it("counts a removal against its limit too", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    start(hub, kube, { token: hub.token() });
    await hub.assign("shop", [configMap("a"), configMap("b")]);
    await phase(hub, "shop", "healthy");
    await hub.remove("shop", "delete", { pruneLimit: 1 });
    await phase(hub, "shop", "failed", 2);
    expect(names(kube)).toEqual(["a", "b"]);
  });

  it("leaves everything in place on an order to orphan", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    start(hub, kube, { token: hub.token() });
    await hub.assign("shop", [configMap("a"), configMap("b")]);
    await phase(hub, "shop", "healthy");
    await hub.remove("shop", "orphan");
    await phase(hub, "shop", "removed");
    expect(names(kube)).toEqual(["a", "b"]);
  });

  it("keeps an App that the answer merely lacks, heals it, and tells orphaned until it is back", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    start(hub, kube, { token: hub.token() });
    await hub.assign("shop", [configMap("a"), configMap("b")]);
    await phase(hub, "shop", "healthy");
    const statement = hub.statements.get("shop") ?? "";
    hub.drop("shop");
    await phase(hub, "shop", "orphaned");
    kube.edit(SETTINGS, { data: { key: "changed" } });
    await vi.waitFor(() => expect(userObjects(kube)[1]).toContain('"value"'), WAIT);
    expect(names(kube)).toEqual(["a", "b"]);
    hub.statements.set("shop", statement);
    await phase(hub, "shop", "healthy", 1);
  });
});
