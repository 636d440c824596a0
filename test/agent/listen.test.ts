import { afterEach, describe, expect, it, vi } from "vitest";
import { listen, type Life } from "../../agent/listen.ts";
import { Vitals } from "../../agent/vitals.ts";
import { configMap, memoryCluster, phase, startAgent, stopAgents, WAIT } from "../support/test-agent.ts";
import { TestHub } from "../support/test-hub.ts";

afterEach(stopAgents);

const LOOPBACK = { host: "127.0.0.1", port: 0 };

async function asked(life: Life, ...paths: string[]): Promise<[number, string][]> {
  const { port, close } = await listen(LOOPBACK, life);
  try {
    const answers: [number, string][] = [];
    for (const path of paths) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      answers.push([answer.status, await answer.text()]);
    }
    return answers;
  } finally {
    await close();
  }
}

describe(listen.name, () => {
  it("tells of a living agent: ready once it has read its state, and what it has done", async () => {
    const hub = await TestHub.create();
    const { life } = startAgent(hub, memoryCluster(), { token: hub.token() });
    await hub.assign("shop", [configMap("a")]);
    await phase(hub, "shop", "healthy");
    await vi.waitFor(() => expect(life.metrics()).toContain('polls_total{outcome="unchanged"}'), WAIT);
    const [health, ready, metrics] = await asked(life, "/healthz", "/readyz", "/metrics");
    expect([health, ready]).toEqual([
      [200, "ok\n"],
      [200, "ok\n"],
    ]);
    const [status, text = ""] = metrics ?? [];
    expect(status).toBe(200);
    for (const series of [
      'fairlead_agent_apps{phase="healthy"} 1',
      "fairlead_agent_hub_reachable 1",
      'fairlead_agent_passes_total{result="settled"} 1',
      'fairlead_agent_pass_seconds_bucket{le="+Inf"} 1',
      'fairlead_agent_kube_calls_total{call="apply",code="2xx"} ',
    ])
      expect(text).toContain(series);
    for (const line of text.trimEnd().split("\n")) expect(line).toMatch(/^[a-z_]+(\{[^}]*\})? [\d.e+-]+$/);
  });

  it("refuses what it has not, and writes", async () => {
    const life: Life = { stuck: () => undefined, ready: () => false, metrics: () => "" };
    const [unready, nothing] = await asked(life, "/readyz", "/secrets");
    expect(unready?.[0]).toBe(503);
    expect(nothing?.[0]).toBe(404);
    const { port, close } = await listen(LOOPBACK, life);
    const written = await fetch(`http://127.0.0.1:${port}/healthz`, { method: "POST", body: "x" });
    expect(written.status).toBe(405);
    await close();
  });

  it("says in /healthz why the agent has to be started anew", async () => {
    const life: Life = { stuck: () => "the poll is overdue", ready: () => true, metrics: () => "" };
    expect(await asked(life, "/healthz", "/readyz")).toEqual([
      [503, "the poll is overdue\n"],
      [503, "the poll is overdue\n"],
    ]);
  });
});

describe(Vitals.name, () => {
  it("is stuck when a step hangs and nothing is answered, not while requests are", async () => {
    let now = 0;
    const vitals = new Vitals(() => now);
    const kube = vitals.metered(memoryCluster());
    const hanging = Promise.withResolvers<void>();
    now = 60 * 60_000;
    const step = vitals.step(() => hanging.promise);
    now += 4 * 60_000;
    await kube.get({ apiVersion: "v1", kind: "ConfigMap", namespace: "default", name: "none" });
    now += 4 * 60_000;
    expect(vitals.stuck()).toBeUndefined();
    now += 2 * 60_000;
    expect(vitals.stuck()).toContain("nothing was answered for 360 s");
    hanging.resolve();
    await step;
    expect(vitals.stuck()).toBeUndefined();
  });
  it("is stuck when the poll does not come, however long the hub wanted it to wait", () => {
    let now = 0;
    const vitals = new Vitals(() => now);
    vitals.pollDue(60 * 60_000);
    now = 64 * 60_000;
    expect(vitals.stuck()).toBeUndefined();
    now = 66 * 60_000;
    expect(vitals.stuck()).toContain("overdue");
  });
});
