/** An applied App stays as its bundle says, with the hub or without it; and a quiet cluster stays quiet. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { AGENT_PATHS } from "#core/protocol.ts";
import type { Kube } from "../../agent/kube/port.ts";
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

const SETTINGS = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: "settings" };
const WEB = { apiVersion: "apps/v1", kind: "Deployment", namespace: "shop", name: "web" };

async function healthy(sync: Record<string, unknown> = {}) {
  const hub = await TestHub.create();
  const kube = memoryCluster();
  const agent = start(hub, kube, { token: hub.token() });
  await hub.assign("shop", [configMap("settings"), deployment("web")], { sync });
  await phase(hub, "shop", "healthy");
  return { hub, kube, agent };
}

describe(runAgent.name, () => {
  it("restores a changed field and tells what, by whom and that it was restored", async () => {
    const { hub, kube } = await healthy();
    kube.edit(WEB, { spec: { replicas: 7 } });
    await vi.waitFor(() => expect(hub.latest.get("shop")?.driftTotal).toBe(1), WAIT);
    expect(hub.latest.get("shop")?.drift[0]).toMatchObject({
      object: "Deployment shop/web",
      fields: [{ path: "/spec/replicas", before: "7", after: "2" }],
      by: "kubectl-edit",
      restored: true,
    });
    await vi.waitFor(() => expect(userObjects(kube).join()).toContain('"replicas":2'), WAIT);
    await phase(hub, "shop", "healthy");
  });

  it("brings back a deleted object and tells it as drift of the whole", async () => {
    const { hub, kube } = await healthy();
    await kube.delete(SETTINGS, undefined);
    await vi.waitFor(() => expect(hub.latest.get("shop")?.driftTotal).toBe(1), WAIT);
    expect(hub.latest.get("shop")?.drift[0]).toMatchObject({
      object: "ConfigMap shop/settings",
      fields: [{ path: "" }],
    });
    expect(await kube.get(SETTINGS)).toBeDefined();
  });

  it("brings back its target namespace with all that was in it", async () => {
    const { hub, kube } = await healthy();
    await kube.delete({ apiVersion: "v1", kind: "Namespace", namespace: "", name: "shop" }, undefined);
    await vi.waitFor(() => expect(hub.latest.get("shop")?.driftTotal).toBe(2), WAIT);
    expect(userObjects(kube)).toHaveLength(2);
  });

  it("only tells drift under drift: report, and forgets it when it is gone", async () => {
    const { hub, kube } = await healthy({ drift: "report" });
    kube.edit(WEB, { spec: { replicas: 7 } });
    await vi.waitFor(() => expect(hub.latest.get("shop")?.drift[0]).toMatchObject({ restored: false }), WAIT);
    expect(userObjects(kube).join()).toContain('"replicas":7');
    kube.edit(WEB, { spec: { replicas: 2 } });
    await vi.waitFor(() => expect(hub.latest.get("shop")?.driftTotal).toBe(0), WAIT);
  });

  it("leaves ignored fields to whoever changes them", async () => {
    const { hub, kube } = await healthy({ ignore: [{ paths: ["/spec/replicas"], kinds: ["Deployment"] }] });
    kube.edit(WEB, { spec: { replicas: 7, paused: true } });
    kube.edit(SETTINGS, { data: { key: "drifted" } });
    await vi.waitFor(() => expect(hub.latest.get("shop")?.driftTotal).toBeGreaterThan(0), WAIT);
    await vi.waitFor(() => expect(userObjects(kube).join()).toContain('"key":"value"'), WAIT);
    expect(userObjects(kube).join()).toContain('"replicas":7');
  });

  it("compares nothing again, writes nothing and reports nothing while nothing changes", async () => {
    const hub = await TestHub.create();
    const kube = counted(memoryCluster());
    const asked = vi.fn<(what: string) => void>();
    const lists = vi.fn<() => void>();
    const watched: Kube = {
      ...kube,
      apply: (object, options) => (asked(`apply ${object.kind}`), kube.apply(object, options)),
      get: (address) => (asked(`get ${address.kind}`), kube.get(address)),
      listMetadata: (selection) => (lists(), kube.listMetadata(selection)),
    };
    start(hub, watched, { token: hub.token(), options: { driftEveryMs: 20 } });
    await hub.assign("shop", [configMap("settings"), deployment("web")]);
    await phase(hub, "shop", "healthy");
    const [writes, reports] = [kube.writes.length, hub.reports.length];
    await vi.waitFor(() => expect(lists.mock.calls.length).toBeGreaterThan(4), WAIT);
    asked.mockClear();
    await vi.waitFor(() => expect(lists.mock.calls.length).toBeGreaterThan(20), WAIT);
    // Of the net, a pass asks for its target namespace; nothing else is asked for.
    expect([...new Set(asked.mock.calls.flat())]).toEqual(["get Namespace"]);
    expect(kube.writes.slice(writes)).toEqual([]);
    expect(hub.reports.slice(reports)).toEqual([]);
  });

  it("heals while the hub is away, and tells it when the hub is back", async () => {
    const { hub, kube } = await healthy();
    hub.away = true;
    kube.edit(WEB, { spec: { replicas: 7 } });
    await vi.waitFor(() => expect(userObjects(kube).join()).toContain('"replicas":2'), WAIT);
    expect(hub.latest.get("shop")?.driftTotal).toBe(0);
    hub.away = false;
    await vi.waitFor(() => expect(hub.latest.get("shop")?.driftTotal).toBe(1), WAIT);
  });

  it("restores edit after edit while the hub is away for many polls, and tells it in one report", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    const asked = { polls: 0 };
    const counting = {
      fetch: (url: string, init: RequestInit) => {
        if (url.endsWith(AGENT_PATHS.desired)) asked.polls += 1;
        return hub.fetch(url, init);
      },
    };
    const agent = start(counting, kube, { token: hub.token() });
    const apps = ["one", "two", "three"];
    const objectsOf = (app: string): string[] => [`a-${app}`, `b-${app}`, `c-${app}`];
    for (const app of apps)
      await hub.assign(
        app,
        objectsOf(app).map((name) => configMap(name)),
      );
    for (const app of apps) await phase(hub, app, "healthy");
    const before = hub.reports.length;
    hub.away = true;
    // Of each object few enough that it is no fight.
    for (const edit of ["first", "second", "third", "fourth"])
      for (const name of apps.flatMap(objectsOf)) {
        const { polls } = asked;
        kube.edit({ ...SETTINGS, name }, { data: { key: `by hand, the ${edit}` } });
        await vi.waitFor(() => expect(userObjects(kube).join()).not.toContain("by hand"), WAIT);
        await vi.waitFor(() => expect(asked.polls).toBeGreaterThan(polls), WAIT);
      }
    expect(asked.polls).toBeGreaterThan(30);
    // The last pass is over when it is counted: what it found is in the report.
    const restored = "fairlead_agent_drift_restored_total 36\n";
    await vi.waitFor(() => expect(agent.life.metrics()).toContain(restored), WAIT);
    expect(hub.reports.length).toBe(before);
    hub.away = false;
    const { polls } = hub;
    await vi.waitFor(() => expect(hub.polls).toBeGreaterThan(polls + 10), WAIT);
    const told = hub.reports.slice(before);
    expect(told.map(({ placements }) => placements.map(({ app }) => app).sort())).toEqual([[...apps].sort()]);
    for (const placement of told[0]?.placements ?? [])
      expect(placement).toMatchObject({ phase: "healthy", driftTotal: 1, drift: [{ restored: true }] });
  });

  it("starts from the cluster's own state with no hub, and heals", async () => {
    const { hub, kube, agent } = await healthy();
    await agent.stop();
    hub.away = true;
    await kube.delete(SETTINGS, undefined);
    start(hub, kube);
    await vi.waitFor(() => expect(userObjects(kube)).toHaveLength(2), WAIT);
  });

  it("remembers generations over a restart", async () => {
    const { hub, kube, agent } = await healthy();
    const old = hub.statements.get("shop") ?? "";
    await hub.assign("shop", [configMap("settings", { key: "two" })]);
    await phase(hub, "shop", "healthy", 2);
    await agent.stop();
    hub.statements.set("shop", old);
    start(hub, kube);
    await phase(hub, "shop", "refused", 2);
    expect(userObjects(kube).join()).toContain("two");
  });

  it("fetches its bundle again when the copy in the cluster is damaged", async () => {
    const { hub, kube, agent } = await healthy();
    await agent.stop();
    const chunk = {
      apiVersion: "v1",
      kind: "Secret",
      namespace: "fairlead-system",
      name: "fairlead-bundle-shop-a-0",
    };
    kube.edit(chunk, { data: { bytes: Buffer.from("damaged").toString("base64") } });
    await kube.delete(SETTINGS, undefined);
    start(hub, kube, { options: { unconditionalFetchMs: 20 } });
    await vi.waitFor(() => expect(userObjects(kube)).toHaveLength(2), WAIT);
    await phase(hub, "shop", "healthy");
  });

  it("goes above a report number that the hub already holds", async () => {
    const { hub, kube } = await healthy();
    const held = hub.latest.get("shop");
    if (held !== undefined) hub.latest.set("shop", { ...held, seq: held.seq + 1_000_000 });
    kube.edit(WEB, { spec: { replicas: 7 } });
    await vi.waitFor(() => expect(hub.latest.get("shop")?.driftTotal).toBe(1), WAIT);
    expect(hub.latest.get("shop")?.seq).toBeGreaterThan((held?.seq ?? 0) + 1_000_000);
  });

  it("keeps many Apps apart", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    const apps = Array.from({ length: 30 }, (_, index) => `app-${index}`);
    for (const app of apps) await hub.assign(app, [configMap(`of-${app}`)], { namespace: "many" });
    start(hub, kube, { token: hub.token() });
    for (const app of apps) await phase(hub, app, "healthy");
    expect(userObjects(kube)).toHaveLength(30);
  });
});
