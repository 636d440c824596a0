/** What the agent tells of its cluster's API server: by digest, rarely, and never in the way of anything else. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { apiListSchema } from "#core/capabilities.ts";
import { sha256 } from "#core/digest.ts";
import type { KubeObject } from "#core/object.ts";
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

const gadgets: KubeObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "gadgets.example.org" },
  spec: {
    group: "example.org",
    scope: "Namespaced",
    names: { kind: "Gadget", plural: "gadgets" },
    versions: [{ name: "v1", served: true, storage: true }],
  },
  status: { conditions: [{ type: "Established", status: "True" }] },
};
const start = (options: object = {}) => startAgent(hub, kube, { token: hub.token(), options });
const lists = () =>
  [...hub.apiLists].map(([digest, text]) => [digest, JSON.parse(text) as string[]] as const);

describe("an agent tells its hub what is served", () => {
  it("at its start: the version, and the list where the hub has not got it", async () => {
    start();
    await vi.waitFor(() => expect(hub.apiLists.size).toBe(1), WAIT);
    const [[digest, list] = ["", []]] = lists();
    expect(hub.served[0]).toMatchObject({ kubernetes: "v1.34.4+simulated", apis: digest });
    expect(sha256(hub.apiLists.get(digest) ?? "")).toBe(digest);
    expect(apiListSchema.parse(list)).toEqual(list);
    expect(list).toEqual(expect.arrayContaining(["apps/v1", "apps/v1/Deployment", "v1/ConfigMap"]));
    expect(list).not.toContain("example.org/v1");
  });

  it("without the list where the hub has it, and nothing more while nothing changes", async () => {
    start();
    await vi.waitFor(() => expect(hub.apiLists.size).toBe(1), WAIT);
    await stopAgents();
    const held = [...hub.apiLists.keys()];
    const told = hub.served.length;
    start({ apisEveryMs: 5 });
    await vi.waitFor(() => expect(hub.served.length).toBe(told + 1), WAIT);
    const polls = hub.polls;
    await vi.waitFor(() => expect(hub.polls).toBeGreaterThan(polls + 5), WAIT);
    expect(hub.served.length).toBe(told + 1);
    expect([...hub.apiLists.keys()]).toEqual(held);
  });

  it("again soon after a definition of its Apps was applied", async () => {
    start();
    await vi.waitFor(() => expect(hub.apiLists.size).toBe(1), WAIT);
    await hub.assign("web", [gadgets]);
    await vi.waitFor(() => expect(hub.apiLists.size).toBe(2), WAIT);
    const [, list = []] = lists()[1] ?? [];
    expect(list).toEqual(expect.arrayContaining(["example.org/v1", "example.org/v1/Gadget"]));
  });

  it("above the number that the hub holds, where its clock is behind", async () => {
    hub.servedSeq = Date.now() + 1_000_000;
    start();
    await vi.waitFor(() => expect(hub.apiLists.size).toBe(1), WAIT);
    expect(hub.served.map(({ seq }) => seq > Date.now() + 900_000)).toEqual([false, true]);
  });

  it("and works all the same under a hub that knows nothing of it, or a server that does not answer", async () => {
    hub.knowsServed = false;
    const served = vi.spyOn(kube, "served");
    const agent = start({ apisEveryMs: 20 });
    await hub.assign("web", [configMap("a")]);
    await phase(hub, "web", "healthy");
    await vi.waitFor(() => expect(served.mock.calls.length).toBeGreaterThan(3), WAIT);
    const complaints = agent.logs.filter(({ message }) => message.includes("which APIs are served"));
    expect(complaints).toHaveLength(1);
  });
});
