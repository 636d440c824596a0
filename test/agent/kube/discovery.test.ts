import { describe, expect, it } from "vitest";
import { createDiscovery, EXPECTED_WAIT_MS, REASK_MS } from "../../../agent/kube/discovery.ts";
import type { Wire, WireRequest } from "../../../agent/kube/wire.ts";

/** A server whose kinds the test sets, with a clock that only sleeping moves. */
function server(...kinds: string[]) {
  let now = 0;
  const asked: WireRequest[] = [];
  const wire: Pick<Wire, "send"> = {
    async send(request) {
      asked.push(request);
      if (request.path === "/api") return { kind: "APIGroupDiscoveryList", items: [] };
      const resources = kinds.map((kind) => ({
        resource: `${kind.toLowerCase()}s`,
        responseKind: { group: "g.io", version: "v1", kind },
        scope: "Namespaced",
      }));
      return {
        kind: "APIGroupDiscoveryList",
        items: [{ metadata: { name: "g.io" }, versions: [{ version: "v1", resources }] }],
      };
    },
  };
  const sleep = async (ms: number) => {
    now += ms;
    if (now >= 1_000) kinds.push("Late");
  };
  const discovery = createDiscovery(wire, { now: () => now, sleep });
  return { discovery, rounds: () => asked.length / 2, kinds, pass: (ms: number) => void (now += ms) };
}

describe("createDiscovery", () => {
  it("asks once for all kinds, when the first is wanted", async () => {
    const { discovery, rounds } = server("One", "Two");
    expect(rounds()).toBe(0);
    expect(await discovery.find("g.io/v1", "One")).toEqual({
      prefix: "/apis/g.io/v1/",
      resource: "ones",
      namespaced: true,
    });
    expect(await discovery.find("g.io/v1", "Two")).toBeDefined();
    expect(rounds()).toBe(1);
  });
  it("asks again for an unknown kind, but not in a storm", async () => {
    const { discovery, rounds, kinds, pass } = server();
    for (let i = 0; i < 5; i++) expect(await discovery.find("g.io/v1", "New")).toBeUndefined();
    expect(rounds()).toBe(1);
    kinds.push("New");
    pass(REASK_MS);
    expect(await discovery.find("g.io/v1", "New")).toBeDefined();
    expect(rounds()).toBe(2);
  });
  it("lets many that want the first kind at once share one round", async () => {
    const { discovery, rounds } = server("One");
    await Promise.all(Array.from({ length: 20 }, () => discovery.find("g.io/v1", "One")));
    expect(rounds()).toBe(1);
  });
  it("waits for an expected kind to be served", async () => {
    const { discovery } = server();
    discovery.expect("g.io", "Late");
    expect(await discovery.find("g.io/v1", "Late")).toBeDefined();
  });
  it("waits for an expected kind no longer than it says", async () => {
    const { discovery, rounds } = server();
    discovery.expect("g.io", "Never");
    expect(await discovery.find("g.io/v1", "Never")).toBeUndefined();
    expect(rounds()).toBeLessThanOrEqual(EXPECTED_WAIT_MS / 200 + 1);
  });
  it("names the versions under which a group has a kind", async () => {
    const { discovery } = server("One");
    await discovery.find("g.io/v2", "One");
    expect(discovery.versionsOf("g.io", "One")).toEqual(["g.io/v1"]);
    expect(discovery.versionsOf("other.io", "One")).toEqual([]);
  });
});
