/** Killed between any two calls to the cluster, the next agent brings it to the same state. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { runAgent } from "../../agent/loop.ts";
import type { MemoryKube } from "../../agent/kube/memory.ts";
import { KubeError, type Kube } from "../../agent/kube/port.ts";
import { mortal } from "../support/mortal-kube.ts";
import {
  configMap,
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

const FIRST = [configMap("a"), configMap("b"), deployment("web")];
const SECOND = [configMap("a", { key: "new" }), configMap("c"), deployment("web", "web:2")];
const SLOW = { options: { driftEveryMs: 60_000, stopGraceMs: 0, objectsAtOnceMax: 1 } };

/** A cluster at the first bundle, its agent stopped, the second (or a removal) on its way. */
async function prepared(next: "update" | "remove"): Promise<{ hub: TestHub; kube: MemoryKube }> {
  const hub = await TestHub.create();
  const kube = memoryCluster();
  await hub.assign("shop", FIRST);
  const agent = start(hub, kube, { token: hub.token(), ...SLOW });
  await phase(hub, "shop", "healthy", 1);
  await agent.stop();
  if (next === "update") await hub.assign("shop", SECOND);
  else await hub.remove("shop", "delete");
  return { hub, kube };
}

async function converged(hub: TestHub, next: "first" | "update" | "remove"): Promise<void> {
  if (next === "remove") return phase(hub, "shop", "removed", 2);
  await phase(hub, "shop", "healthy", next === "first" ? 1 : 2);
}

/** Calls until the work is done, without a death. */
async function callsOf(
  next: "update" | "remove",
): Promise<{ calls: number; objects: string[]; own: string[] }> {
  const { hub, kube } = await prepared(next);
  const counting = mortal(kube, Number.POSITIVE_INFINITY, "before");
  const agent = start(hub, counting, SLOW);
  await converged(hub, next);
  await agent.stop();
  return { calls: counting.calls, objects: userObjects(kube), own: ownNames(kube) };
}

/** A new cluster's agent, dead at call `at`; with none, stopped when all is done. */
async function firstStart(at: number) {
  const hub = await TestHub.create();
  const kube = memoryCluster();
  await hub.assign("shop", FIRST);
  const dying = mortal(kube, at, at % 2 === 0 ? "before" : "after");
  const agent = start(hub, dying, { token: hub.token(), ...SLOW });
  await (Number.isFinite(at) ? dying.dead : converged(hub, "first"));
  await agent.stop();
  return { hub, kube, calls: dying.calls, objects: userObjects(kube), own: ownNames(kube) };
}

/** A cluster whose namespace `shop` cannot be reached until `open`. */
function closedUntil(kube: Kube, open: () => boolean): Kube {
  const checked = async <T>(name: string | undefined, call: () => Promise<T>): Promise<T> => {
    if (name === "shop" && !open()) throw new KubeError(503, "ServiceUnavailable", "closed");
    return await call();
  };
  return {
    ...kube,
    apply: (object, options) => checked(object.metadata.namespace, () => kube.apply(object, options)),
    setManagers: (at, managers, version) =>
      checked(at.namespace, () => kube.setManagers(at, managers, version)),
    get: (at) => checked(at.namespace === "" ? at.name : at.namespace, () => kube.get(at)),
    delete: (at, ...only) => checked(at.namespace, () => kube.delete(at, ...only)),
  };
}

function ownNames(kube: MemoryKube): string[] {
  const own = kube.list().filter((object) => object.metadata.namespace === "fairlead-system");
  return own.map((object) => object.metadata.name);
}

describe(`${runAgent.name}, killed`, () => {
  it.each([["update"], ["remove"]] as const)(
    "at any call of an %s: the next agent ends in the same state",
    async (next) => {
      const undisturbed = await callsOf(next);
      expect(undisturbed.calls).toBeGreaterThan(10);
      for (let at = 0; at < undisturbed.calls; at += 1)
        for (const when of ["before", "after"] as const) {
          const { hub, kube } = await prepared(next);
          const dying = mortal(kube, at, when);
          const agent = start(hub, dying, SLOW);
          await dying.dead;
          await agent.stop();
          const second = start(hub, kube, SLOW);
          await converged(hub, next);
          // The word may be out before the last of the agent's own objects is gone.
          await vi.waitFor(
            () => expect(ownNames(kube), `own, ${when} call ${at}`).toEqual(undisturbed.own),
            WAIT,
          );
          await second.stop();
          expect(userObjects(kube), `${when} call ${at}`).toEqual(undisturbed.objects);
        }
    },
  );

  it("at any call of an update that is then overtaken: what the dead agent made is still found and pruned", async () => {
    const { calls } = await callsOf("update");
    for (let at = 0; at < calls; at += 1) {
      const { hub, kube } = await prepared("update");
      const dying = mortal(kube, at, "after");
      const agent = start(hub, dying, SLOW);
      await dying.dead;
      await agent.stop();
      await hub.assign("shop", [configMap("a")]);
      // The overtaken bundle gets no second chance: only what was written ahead knows of its objects.
      const second = start(
        hub,
        closedUntil(kube, () => hub.latest.get("shop")?.generation === 3),
        SLOW,
      );
      await phase(hub, "shop", "healthy", 3);
      await second.stop();
      expect(userObjects(kube), `call ${at}`).toHaveLength(1);
    }
  });

  it("at any call of the first start: one key, one registration, the same objects", async () => {
    const undisturbed = await firstStart(Number.POSITIVE_INFINITY);
    expect(undisturbed.calls).toBeGreaterThan(15);
    for (let at = 0; at < undisturbed.calls; at += 1) {
      const { hub, kube } = await firstStart(at);
      const second = start(hub, kube, { token: hub.token(), ...SLOW });
      await converged(hub, "first");
      await second.stop();
      expect(userObjects(kube), `call ${at}`).toEqual(undisturbed.objects);
      expect(ownNames(kube), `own, call ${at}`).toEqual(undisturbed.own);
    }
  });
});
