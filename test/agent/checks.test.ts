/** Checks of gates in a running agent: answered for the statement in force alone, and told when an answer changes. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { KubeError, type Kube } from "../../agent/kube/port.ts";
import { configMap, memoryCluster, phase, startAgent, stopAgents, WAIT } from "../support/test-agent.ts";
import { TestHub } from "../support/test-hub.ts";

afterEach(stopAgents);

const check = (gate: string, name: string, pass: string, more: object = {}) => ({
  gate,
  apiVersion: "v1",
  kind: "ConfigMap",
  namespace: "shop",
  name,
  pass,
  ...more,
});
const says = (hub: TestHub, generation: number, ...verdicts: string[]) =>
  vi.waitFor(() => {
    const { generation: of, checks = [] } = hub.latest.get("shop") ?? {};
    expect({ of, verdicts: checks.map(({ verdict, message }) => `${verdict}: ${message}`) }).toEqual({
      of: generation,
      verdicts,
    });
  }, WAIT);

describe("checks", () => {
  it("are answered again and again, of objects that others keep as well", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    startAgent(hub, kube, { token: hub.token() });
    const checks = [check("smoke", "report", 'data.errors == "0"', { fail: 'data.errors == "9"' })];
    await hub.assign("shop", [configMap("settings")], { sync: { checks } });
    await says(hub, 1, "inconclusive: ConfigMap shop/report is not there");
    const report = configMap("report", { errors: "1" });
    const placed = { ...report, metadata: { ...report.metadata, namespace: "shop" } };
    await kube.apply(placed, { dryRun: false, force: true });
    await says(hub, 1, "wait: ConfigMap shop/report neither passes nor fails yet");
    const place = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: "report" };
    kube.edit(place, { data: { errors: "9" } });
    await says(hub, 1, "fail: ConfigMap shop/report fails");
    kube.edit(place, { data: { errors: "0" } });
    await says(hub, 1, "pass: ConfigMap shop/report passes");
    expect(hub.latest.get("shop")?.phase).toBe("healthy");
    const told = hub.reports.length;
    await phase(hub, "shop", "healthy");
    expect(hub.reports.length).toBe(told);
  });

  it("of a statement are never told with the generation of another one", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    startAgent(hub, kube, { token: hub.token() });
    const settings = (value: string) => [configMap("settings", { value })];
    await hub.assign("shop", settings("1"), {
      sync: { checks: [check("a", "settings", 'data.value == "1"')] },
    });
    await says(hub, 1, "pass: ConfigMap shop/settings passes");
    await hub.assign("shop", settings("2"), {
      sync: { checks: [check("b", "settings", 'data.value == "1"')] },
    });
    await says(hub, 2, "wait: ConfigMap shop/settings does not pass yet");
    await hub.assign("shop", settings("3"));
    await phase(hub, "shop", "healthy", 3);
    const answers = hub.reports
      .flatMap(({ placements }) => placements)
      .flatMap(({ generation, checks = [] }) => checks.map(({ gate }) => `${generation} ${gate}`));
    expect([...new Set(answers)].toSorted()).toEqual(["1 a", "2 b"]);
  });

  it("of what may not be read are neither yes nor no, and say what is missing", async () => {
    const hub = await TestHub.create();
    const memory = memoryCluster();
    const kube: Kube = {
      ...memory,
      get: async (address) => {
        if (address.name === "secretive") throw new KubeError(403, "Forbidden", "no");
        return await memory.get(address);
      },
    };
    startAgent(hub, kube, { token: hub.token() });
    const checks = [
      check("a", "secretive", "true"),
      check("b", "x", "true", { apiVersion: "example.com/v1", kind: "Boat" }),
    ];
    await hub.assign("shop", [configMap("settings")], { sync: { checks } });
    await vi.waitFor(() => {
      const [first, second] = hub.latest.get("shop")?.checks ?? [];
      expect(first?.verdict).toBe("inconclusive");
      expect(first?.message).toContain("may not be read by the agent: allow it to get it");
      expect(second?.verdict).toBe("inconclusive");
    }, WAIT);
    expect(hub.latest.get("shop")?.phase).toBe("healthy");
  });
});
