/** Events in the cluster: what changed is told once, what did not is not told, and nothing waits for any of it. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { EventTeller } from "../../agent/events.ts";
import type { MemoryKube } from "../../agent/kube/memory.ts";
import { KubeError, type Kube } from "../../agent/kube/port.ts";
import {
  configMap,
  deployment,
  memoryCluster,
  phase,
  startAgent,
  stopAgents,
  WAIT,
} from "../support/test-agent.ts";
import { TestHub } from "../support/test-hub.ts";

afterEach(stopAgents);

const SHOWN = { options: { placements: true, holdEveryMs: 5 } };
interface Told extends KubeObject {
  reason: string;
  message: string;
  type: string;
  count: number;
  involvedObject: { kind: string; name: string; uid?: string };
}
const eventsIn = (kube: MemoryKube): Told[] => kube.list().filter(({ kind }) => kind === "Event") as Told[];
const toldOf = (kube: MemoryKube, app: string, reason: string): Told[] =>
  eventsIn(kube).filter((one) => one.involvedObject.name === app && one.reason === reason);
const tells = (kube: MemoryKube, app: string, reason: string, note: RegExp): Promise<Told | undefined> =>
  vi.waitFor(() => {
    const found = toldOf(kube, app, reason).find(({ message }) => note.test(message));
    expect(found?.message).toMatch(note);
    return found;
  }, WAIT);
const at = (kind: string, name: string) => ({ apiVersion: "v1", kind, namespace: "shop", name });
const placement = {
  apiVersion: "fairlead.dev/v1",
  kind: "Placement",
  namespace: "fairlead-system",
  name: "shop",
};

describe(EventTeller.name, () => {
  it("tells of a delivery, of drift by paths alone, and of a removal, at the App's placement", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    startAgent(hub, kube, { token: hub.token(), ...SHOWN });
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "db" },
      data: { pin: btoa("s3cr3t-0ne") },
    };
    await hub.assign("shop", [configMap("a"), secret], { release: 7 });
    const applied = await tells(kube, "shop", "Applied", /^release 7: 2 created$/);
    await tells(kube, "shop", "Healthy", /all 2 objects/);
    const uid = (await kube.get(placement))?.metadata["uid"];
    expect(applied?.involvedObject).toMatchObject({ kind: "Placement", uid });
    kube.edit(at("Secret", "db"), { data: { pin: btoa("by-hand-99") } }, "kubectl-edit");
    await tells(
      kube,
      "shop",
      "DriftRestored",
      /^Secret shop\/db: \/data\/pin restored, changed by kubectl-edit$/,
    );
    const text = JSON.stringify(eventsIn(kube));
    for (const value of ["s3cr3t-0ne", "by-hand-99"])
      for (const form of [value, btoa(value)]) expect(text).not.toContain(form);
    await hub.remove("shop", "delete");
    await tells(kube, "shop", "Removed", /removed/);
  });

  it("stands at the placement also when the server serves the new kind only a moment later", async () => {
    const hub = await TestHub.create();
    const memory = memoryCluster();
    let refusals = 2;
    const kube: MemoryKube = {
      ...memory,
      apply: async (object, options) => {
        if (object.kind === "Placement" && refusals-- > 0) throw new KubeError(404, "NotFound", "not yet");
        return await memory.apply(object, options);
      },
    };
    startAgent(hub, kube, { token: hub.token(), ...SHOWN });
    await hub.assign("shop", [configMap("a")], { release: 7 });
    const applied = await tells(kube, "shop", "Applied", /^release 7: 1 created$/);
    expect(refusals).toBeLessThan(0);
    const uid = (await kube.get(placement))?.metadata["uid"];
    expect(applied?.involvedObject.uid).toBe(uid);
  });

  it("tells of a failure once, and writes nothing when nothing has changed, nor after a restart", async () => {
    const hub = await TestHub.create();
    const memory = memoryCluster();
    const writes: string[] = [];
    const kube: MemoryKube = {
      ...memory,
      apply: async (object, options) => {
        if (object.kind === "Event") writes.push(String(object["reason"]));
        return await memory.apply(object, options);
      },
    };
    const agent = startAgent(hub, kube, { token: hub.token(), ...SHOWN });
    await hub.assign("shop", [configMap("a")]);
    await hub.assign("db", [deployment("db", "web:broken")]);
    await tells(kube, "db", "Failed", /^Deployment shop\/db/);
    await tells(kube, "shop", "Healthy", /all 1/);
    await agent.stop();
    const before = writes.length;
    startAgent(hub, kube, SHOWN);
    await hub.assign("other", [configMap("b")]);
    await tells(kube, "other", "Healthy", /all 1/);
    expect(writes.slice(before).toSorted()).toEqual(["Applied", "Healthy"]);
    expect(toldOf(kube, "db", "Failed")).toHaveLength(1);
  });

  it("counts what happens again up in one Event", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    startAgent(hub, kube, { token: hub.token(), ...SHOWN });
    await hub.assign("shop", [configMap("a")]);
    await tells(kube, "shop", "Healthy", /all 1/);
    for (const count of [1, 2, 3]) {
      kube.edit(at("ConfigMap", "a"), { data: { key: String(count) } }, "somebody");
      await vi.waitFor(() => {
        const all = toldOf(kube, "shop", "DriftRestored");
        expect(all.reduce((sum, one) => sum + one.count, 0)).toBe(count);
        expect(all).toHaveLength(1);
      }, WAIT);
    }
  });

  it("tells of a hold that somebody writes on a placement, and of its end", async () => {
    const hub = await TestHub.create();
    const kube = memoryCluster();
    startAgent(hub, kube, { token: hub.token(), ...SHOWN });
    await hub.assign("shop", [configMap("a")]);
    await tells(kube, "shop", "Healthy", /all 1/);
    kube.edit(placement, { metadata: { annotations: { "fairlead.dev/hold": "2h payday" } } });
    await tells(kube, "shop", "Held", /^held until .* UTC: payday$/);
    kube.edit(placement, { metadata: { annotations: { "fairlead.dev/hold": null } } });
    await tells(kube, "shop", "Released", /not held any more/);
  });

  it("delivers all the same where it may write none, and says so once", async () => {
    const hub = await TestHub.create();
    const memory = memoryCluster();
    const kube: Kube = {
      ...memory,
      apply: async (object, options) => {
        if (object.kind === "Event") throw new KubeError(403, "Forbidden", "no right to");
        return await memory.apply(object, options);
      },
    };
    const agent = startAgent(hub, kube, { token: hub.token(), ...SHOWN });
    await hub.assign("shop", [configMap("a")]);
    await phase(hub, "shop", "healthy");
    const second = await hub.assign("shop", [configMap("a"), configMap("b")]);
    await phase(hub, "shop", "healthy", second.generation);
    const told = () => agent.logs.filter(({ message }) => message.startsWith("Events are not written"));
    await vi.waitFor(() => expect(told()).toHaveLength(1), WAIT);
    expect(eventsIn(memory)).toEqual([]);
  });
});
