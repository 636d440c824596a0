/** Watches on a real API server, with every request counted on the way. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createKubeApi, type KubeApi } from "../../agent/kube/api.ts";
import { runAgent } from "../../agent/loop.ts";
import { AGENT_OPTIONS } from "../../agent/deps.ts";
import { startRig, type Rig } from "../support/agent-rig.ts";
import { configMap, deployment, phase, startAgent, stopAgents } from "../support/test-agent.ts";

const WAIT = { timeout: 60_000, interval: 20 };
const SETTINGS = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: "settings" };
const WEB = { apiVersion: "apps/v1", kind: "Deployment", namespace: "shop", name: "web" };
let rig: Rig;
let kube: KubeApi;

beforeAll(async () => {
  rig = await startRig("watch-real");
  kube = createKubeApi({
    server: rig.url,
    ca: rig.ca,
    authorization: async () => `Bearer ${rig.cluster.token}`,
  });
  const { driftEveryMs, stirSettleMs, healthEveryMs, observeMinMs, observeMaxMs } = AGENT_OPTIONS;
  const options = { driftEveryMs, stirSettleMs, healthEveryMs, observeMinMs, observeMaxMs, pollMinMs: 5_000 };
  startAgent(rig.hub, kube, { token: rig.hub.token(), options });
  await rig.hub.assign("shop", [configMap("settings"), configMap("other")]);
  await phase(rig.hub, "shop", "healthy");
  await watching("/api/v1/configmaps");
  // What the hub wants to know at first is read from the same server.
  await vi.waitFor(() => expect(rig.hub.schemas.size).toBe(1), WAIT);
}, 180_000);

afterAll(async () => {
  await stopAgents();
  await kube?.close();
  await rig?.stop();
});

const watching = (path: string): Promise<void> =>
  vi.waitFor(
    () => expect(rig.requests.some((one) => one.startsWith(`GET ${path}?watch=1`))).toBe(true),
    WAIT,
  );
const key = async (): Promise<unknown> =>
  ((await rig.read(SETTINGS))["data"] as Record<string, unknown>)["key"];
const restored = (): Promise<void> => vi.waitFor(async () => expect(await key()).toBe("value"), WAIT);

describe(`${runAgent.name}, watching a real API server`, () => {
  it("restores an edit by looking at the one object, and is not woken by its own write", async () => {
    rig.requests.length = 0;
    await rig.edit(SETTINGS, { data: { key: "drifted" } });
    await restored();
    await vi.waitFor(
      () => expect(rig.hub.latest.get("shop")?.drift[0]).toMatchObject({ by: "kubectl-edit" }),
      WAIT,
    );
    await rig.edit({ ...SETTINGS, name: "other" }, { data: { key: "drifted" } });
    await vi.waitFor(
      () => expect(rig.hub.latest.get("shop")?.drift[0]?.object).toBe("ConfigMap shop/other"),
      WAIT,
    );
    const asked = rig.requests.map((one) => one.replace(/\?.*/, "").replace("/api/v1/namespaces/shop", "…"));
    expect(asked).toEqual(
      ["settings", "other"].flatMap((name) => [
        "GET …",
        `GET …/configmaps/${name}`,
        `PATCH …/configmaps/${name}`,
        `PATCH …/configmaps/${name}`,
      ]),
    );
  });

  it("asks and writes nothing while nothing changes", async () => {
    rig.requests.length = 0;
    const [reports, polls] = [rig.hub.reports.length, rig.hub.polls];
    rig.hub.pollMs = 1;
    await vi.waitFor(() => expect(rig.hub.polls).toBeGreaterThan(polls + 1), WAIT);
    expect(rig.requests).toEqual([]);
    expect(rig.hub.reports.length).toBe(reports);
  });

  it("sees by its watch that a workload became healthy", async () => {
    await rig.hub.assign("web", [deployment("web", "web:1", 1)]);
    await phase(rig.hub, "web", "progressing");
    await watching("/apis/apps/v1/deployments");
    const before = rig.hub.latest.get("web")?.message;
    await rig.cluster.kubectl([
      "patch",
      "deployment",
      "web",
      "-n",
      "shop",
      "--subresource=status",
      "--type=merge",
      "-p",
      JSON.stringify({
        status: {
          observedGeneration: 1,
          replicas: 1,
          updatedReplicas: 1,
          readyReplicas: 1,
          availableReplicas: 1,
          conditions: [{ type: "Available", status: "True", reason: "Up", message: "" }],
        },
      }),
    ]);
    await phase(rig.hub, "web", "healthy");
    expect(before).toContain("Deployment shop/web");
    expect((await rig.read(WEB))["status"]).toMatchObject({ readyReplicas: 1 });
  });

  it.each(["throttled", "gone"] as const)(
    "goes on where it was after the API server was %s",
    async (door) => {
      rig.door = door;
      rig.sever();
      await rig.edit(SETTINGS, { data: { key: "missed" } });
      rig.requests.length = 0;
      await vi.waitFor(() => expect(rig.requests.length).toBeGreaterThan(0), WAIT);
      rig.door = "open";
      await restored();
    },
  );
});
