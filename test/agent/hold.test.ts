/** The cluster's own "not now": read from its ConfigMap, told when it changes, and never in the way of a delivery. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { MemoryKube } from "../../agent/kube/memory.ts";
import { configMap, memoryCluster, phase, startAgent, stopAgents, WAIT } from "../support/test-agent.ts";
import { TestHub } from "../support/test-hub.ts";

let hub: TestHub;
let kube: MemoryKube;
beforeEach(async () => {
  hub = await TestHub.create();
  kube = memoryCluster();
});
afterEach(stopAgents);

const start = () => startAgent(hub, kube, { token: hub.token(), options: { holdEveryMs: 5 } });
const inAnHour = () => new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000).toISOString();
const write = (data: Record<string, string>) =>
  kube.apply(
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "fairlead-hold", namespace: "fairlead-system" },
      data,
    },
    { dryRun: false, force: true },
  );
const last = () => hub.holds.at(-1);

describe("an agent tells its hub that the cluster is held", () => {
  it("as soon as somebody says so, once, and when it is lifted", async () => {
    const agent = start();
    await vi.waitFor(() => expect(hub.holds).toEqual([{ apps: {} }]), WAIT);
    const until = inAnHour();
    await write({ until, reason: "payday" });
    await vi.waitFor(
      () => expect(last()).toEqual({ all: { until: Date.parse(until), reason: "payday" }, apps: {} }),
      WAIT,
    );
    const { polls } = hub;
    await vi.waitFor(() => expect(hub.polls).toBeGreaterThan(polls + 5), WAIT);
    expect(hub.holds).toHaveLength(2);
    expect(agent.logs.map(({ message }) => message)).toContainEqual(expect.stringContaining("held until"));
    await write({});
    await vi.waitFor(() => expect(hub.holds.slice(2)).toEqual([{ apps: {} }]), WAIT);
  });

  it("and that it is lifted, where the answer to the hold got lost and nobody knows what the hub took", async () => {
    start();
    await vi.waitFor(() => expect(hub.holds).toEqual([{ apps: {} }]), WAIT);
    hub.holdAnswersLost = Number.POSITIVE_INFINITY;
    await write({ until: inAnHour(), reason: "payday" });
    await vi.waitFor(() => expect(last()?.all?.reason).toBe("payday"), WAIT);
    await write({});
    hub.holdAnswersLost = 0;
    await vi.waitFor(() => expect(last()).toEqual({ apps: {} }), WAIT);
  });

  it("for one App alone", async () => {
    start();
    const until = inAnHour();
    await write({ "app.shop": `${until} a migration` });
    await vi.waitFor(
      () => expect(last()?.apps).toEqual({ shop: { until: Date.parse(until), reason: "a migration" } }),
      WAIT,
    );
  });

  it("also where nobody can read it: for an hour, not for ever, and with what is wrong", async () => {
    start();
    await write({ until: "after lunch", reason: "x" });
    await vi.waitFor(() => expect(last()?.all?.reason).toContain("until is no time"), WAIT);
    const until = last()?.all?.until;
    const { polls } = hub;
    await vi.waitFor(() => expect(hub.polls).toBeGreaterThan(polls + 5), WAIT);
    expect(last()?.all?.until).toBe(until);
  });

  it("goes above what an agent before it told", async () => {
    hub.holdSeq = Date.now() + 60_000;
    start();
    await vi.waitFor(() => expect(hub.holds).toHaveLength(1), WAIT);
  });

  it("and delivers all the same, also where the hub knows nothing of holds", async () => {
    hub.knowsServed = false;
    const agent = start();
    await write({ until: inAnHour(), reason: "payday" });
    await hub.assign("shop", [configMap("one")]);
    await phase(hub, "shop", "healthy");
    const told = agent.logs.filter(({ message }) => message.includes("ConfigMap fairlead-hold"));
    expect(told).toHaveLength(1);
  });
});
