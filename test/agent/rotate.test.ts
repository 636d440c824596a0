/** An agent's key changes under way, whatever dies in between: no step locks the cluster out, none needs a visit. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { fingerprintOf } from "#core/charter.ts";
import { AGENT_PATHS } from "#core/protocol.ts";
import type { Kube } from "../../agent/kube/port.ts";
import type { MemoryKube } from "../../agent/kube/memory.ts";
import { loadKeys, prepareNext } from "../../agent/keys.ts";
import { runAgent } from "../../agent/loop.ts";
import {
  configMap,
  memoryCluster,
  phase,
  startAgent as start,
  stopAgents,
  WAIT,
} from "../support/test-agent.ts";
import { TestHub } from "../support/test-hub.ts";

afterEach(stopAgents);

const AGENT = "web/c1";
const keyAtHub = (hub: TestHub): string | undefined => hub.agents.get(AGENT)?.[0]?.x;
const keysIn = (kube: Kube) => loadKeys(kube, 0);

async function polls(hub: TestHub, more = 3): Promise<void> {
  const from = hub.polls;
  await vi.waitFor(() => expect(hub.polls).toBeGreaterThanOrEqual(from + more), WAIT);
}

/** Running, healthy, with the key it registered with. */
async function registered(extra: Parameters<typeof start>[2] = {}) {
  const hub = await TestHub.create();
  const kube = memoryCluster();
  const agent = start(hub, kube, { token: hub.token(), ...extra });
  await hub.assign("shop", [configMap("a")]);
  await phase(hub, "shop", "healthy");
  return { hub, kube, agent, first: keyAtHub(hub) };
}

describe(runAgent.name, () => {
  it("takes a new key when its own is old, and goes on without a pause", async () => {
    const { hub, kube, first, agent } = await registered({ options: { rotateEveryMs: 300 } });
    await vi.waitFor(() => expect(keyAtHub(hub)).not.toBe(first), WAIT);
    await polls(hub);
    await agent.stop();
    const keys = await keysIn(kube);
    expect([keys.key.publicKey.x, keys.next]).toEqual([keyAtHub(hub), undefined]);
    expect(agent.logs.filter(({ message }) => message.startsWith("poll failed"))).toEqual([]);
    expect(agent.logs.map(({ message }) => message)).toContainEqual(
      expect.stringContaining(`key rotated, its fingerprint is now`),
    );
  });

  it("takes a new key when the hub asks, once", async () => {
    const { hub, first, kube } = await registered({ options: { unconditionalFetchMs: 20 } });
    hub.askRotation = true;
    await vi.waitFor(() => expect(keyAtHub(hub)).not.toBe(first), WAIT);
    const second = keyAtHub(hub);
    await polls(hub, 10);
    expect(keyAtHub(hub)).toBe(second);
    expect((await keysIn(kube)).key.publicKey.x).toBe(second);
  });

  it("tells at its start who it is: its key's fingerprint and the recovery key that it pins", async () => {
    const { hub, agent } = await registered();
    const key = hub.agents.get(AGENT)?.[0];
    if (key === undefined) throw new Error("not registered");
    expect(agent.logs.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(`^agent of web/c1: key ${fingerprintOf(key)}, pinned recovery key [0-9a-f]{64}$`),
    );
  });

  it("names each process by a run of its own", async () => {
    const { hub, kube, agent } = await registered();
    await agent.stop();
    start(hub, kube);
    await polls(hub);
    expect(hub.runs.size).toBe(2);
  });
});

/** Stands in for a kill: at its step the agent hangs, is stopped, and nothing after the step happens. */
type Step = (parts: { hub: TestHub; kube: MemoryKube }) => {
  fetch: TestHub["fetch"];
  kube: Kube;
  reached: Promise<void>;
};

const never = (): Promise<never> => new Promise(() => undefined);

const killed: [what: string, step: Step][] = [
  [
    "after the new key was stored, before the hub heard of it",
    ({ hub, kube }) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const fetch: TestHub["fetch"] = async (url, init) => {
        if (!url.endsWith(AGENT_PATHS.rotate)) return hub.fetch(url, init);
        resolve();
        return never();
      };
      return { fetch, kube, reached: promise };
    },
  ],
  [
    "after the hub took the new key, before its answer arrived",
    ({ hub, kube }) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const fetch: TestHub["fetch"] = async (url, init) => {
        const answer = await hub.fetch(url, init);
        if (!url.endsWith(AGENT_PATHS.rotate)) return answer;
        resolve();
        return never();
      };
      return { fetch, kube, reached: promise };
    },
  ],
  [
    "after the answer arrived, before the old key was let go",
    ({ hub, kube }) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      let rotated = false;
      const fetch: TestHub["fetch"] = async (url, init) => {
        const answer = await hub.fetch(url, init);
        rotated ||= url.endsWith(AGENT_PATHS.rotate);
        return answer;
      };
      const apply: Kube["apply"] = async (object, options) => {
        if (!rotated || object.metadata.name !== "fairlead-agent") return kube.apply(object, options);
        resolve();
        return never();
      };
      return { fetch, kube: { ...kube, apply }, reached: promise };
    },
  ],
  [
    "after the old key was let go, before the new one was used",
    ({ hub, kube }) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      let rotated = false;
      const fetch: TestHub["fetch"] = async (url, init) => {
        if (rotated) {
          resolve();
          return never();
        }
        const answer = await hub.fetch(url, init);
        rotated ||= url.endsWith(AGENT_PATHS.rotate);
        return answer;
      };
      return { fetch, kube, reached: promise };
    },
  ],
];

describe("a rotation that is cut off", () => {
  it.each(killed)("%s: the next agent finds its way, and ends with one key", async (_what, step) => {
    const { hub, kube, agent, first } = await registered();
    await agent.stop();
    const cut = step({ hub, kube });
    const victim = start({ fetch: cut.fetch }, cut.kube, { options: { rotateEveryMs: 1 } });
    await cut.reached;
    await victim.stop();
    const next = start(hub, kube);
    await vi.waitFor(async () => {
      const keys = await keysIn(kube);
      expect(keys.next).toBeUndefined();
      expect(keys.key.publicKey.x).toBe(keyAtHub(hub));
      expect(keyAtHub(hub)).not.toBe(first);
    }, WAIT);
    await polls(hub);
    expect(next.logs.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("a revoked agent", () => {
  it("goes on healing and says why, and comes back with a new token and a new key", async () => {
    const { hub, kube, agent, first } = await registered();
    hub.agents.delete(AGENT);
    const said = () => agent.logs.map(({ message }) => message).join();
    await vi.waitFor(() => expect(said()).toContain("answered 401: unknown agent"), WAIT);
    const address = { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: "a" };
    await kube.delete(address, undefined);
    await vi.waitFor(async () => expect(await kube.get(address)).toBeDefined(), WAIT);
    await agent.stop();
    hub.renewToken();
    start(hub, kube, { token: hub.token() });
    await vi.waitFor(() => expect(keyAtHub(hub)).toBeDefined(), WAIT);
    expect(keyAtHub(hub)).not.toBe(first);
    await polls(hub);
  });

  it("keeps its key where the new token is refused, and asks no more with it", async () => {
    const { hub, kube, agent, first } = await registered();
    await agent.stop();
    const [before, registrations] = [hub.token(), vi.fn()];
    hub.renewToken();
    const other = hub.token();
    hub.renewToken();
    const fetch: TestHub["fetch"] = async (url, init) => {
      if (url.endsWith(AGENT_PATHS.register)) registrations();
      return hub.fetch(url, init);
    };
    const again = start({ fetch }, kube, { token: before });
    await polls(hub);
    await again.stop();
    expect(registrations).not.toHaveBeenCalled();
    const refused = start({ fetch }, kube, { token: other });
    await polls(hub, 10);
    expect(registrations).toHaveBeenCalledTimes(1);
    expect(keyAtHub(hub)).toBe(first);
    expect(refused.logs.map(({ message }) => message).join()).toContain("it goes on as it is");
  });

  it("whose key another process changed in the cluster takes that one up", async () => {
    const { hub, kube, agent } = await registered();
    const other = start(hub, kube, { options: { rotateEveryMs: 200 } });
    await vi.waitFor(
      () => expect(agent.logs.map(({ message }) => message).join()).toContain("changed by another process"),
      WAIT,
    );
    await other.stop();
    // What was under way when the key changed is refused until the next poll.
    await vi.waitFor(async () => {
      const refusals = hub.refusals.length;
      await polls(hub, 5);
      expect(hub.refusals.length).toBe(refusals);
    }, WAIT);
  });

  it("whose offered key another process replaced in the cluster never takes up one that the hub has not heard of", async () => {
    const { hub, kube, agent } = await registered();
    await agent.stop();
    let rotations = 0;
    const fetch: TestHub["fetch"] = async (url, init) => {
      const answer = await hub.fetch(url, init);
      if (url.endsWith(AGENT_PATHS.rotate) && ++rotations === 1) await prepareNext(kube);
      return answer;
    };
    start({ fetch }, kube, { options: { rotateEveryMs: 60_000 } });
    hub.askRotation = true;
    await vi.waitFor(async () => {
      const keys = await keysIn(kube);
      expect([keys.key.publicKey.x, keys.next]).toEqual([keyAtHub(hub), undefined]);
      expect(rotations).toBeGreaterThan(1);
    }, WAIT);
    const refusals = hub.refusals.length;
    await polls(hub, 5);
    expect(hub.refusals.length).toBe(refusals);
  });
});
