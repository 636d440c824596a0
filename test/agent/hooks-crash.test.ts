/** Killed at any call of a delivery with hooks, the next agent ends the same, and no hook has run twice. */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { KubeObject } from "#core/object.ts";
import type { MemoryKube } from "../../agent/kube/memory.ts";
import type { Kube } from "../../agent/kube/port.ts";
import { runAgent } from "../../agent/loop.ts";
import { mortal } from "../support/mortal-kube.ts";
import {
  configMap,
  memoryCluster,
  phase,
  startAgent as start,
  stopAgents,
  userObjects,
  WAIT,
} from "../support/test-agent.ts";
import { TestHub } from "../support/test-hub.ts";

afterEach(stopAgents);

const SLOW = { options: { driftEveryMs: 60_000, stopGraceMs: 0, objectsAtOnceMax: 1 } };

const hook = (name: string, when: string, policy: string): KubeObject => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: {
    name,
    annotations: { "argocd.argoproj.io/hook": when, "argocd.argoproj.io/hook-delete-policy": policy },
  },
  spec: { template: { spec: { restartPolicy: "Never", containers: [{ name, image: "job:1" }] } } },
});
const HOOKS = [
  hook("pre", "PreSync", "BeforeHookCreation"),
  hook("mid", "Sync", "HookSucceeded"),
  hook("post", "PostSync", "BeforeHookCreation"),
  hook("bye", "PreDelete", "HookSucceeded"),
];
const FIRST = [configMap("a"), configMap("b"), ...HOOKS];
const SECOND = [configMap("a", { key: "new" }), configMap("c"), ...HOOKS];
type Next = "update" | "remove";

/** How often each Job was made. */
function countingJobs(kube: Kube): { kube: Kube; made: Map<string, number> } {
  const made = new Map<string, number>();
  const apply: Kube["apply"] = async (object, options) => {
    const { name, namespace = "" } = object.metadata;
    const isNew =
      object.kind === "Job" &&
      (await kube.get({ ...object, namespace, name })) === undefined &&
      !options.dryRun;
    if (isNew) made.set(name, (made.get(name) ?? 0) + 1);
    return await kube.apply(object, options);
  };
  return { kube: { ...kube, apply }, made };
}

async function prepared(next: Next): Promise<{ hub: TestHub; kube: MemoryKube }> {
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

const ended = (hub: TestHub, next: Next): Promise<void> =>
  phase(hub, "shop", next === "update" ? "healthy" : "removed", 2);

describe(`${runAgent.name}, killed with hooks`, () => {
  it.each<[Next, string[]]>([
    ["update", ["mid", "post", "pre"]],
    ["remove", ["bye"]],
  ])("at any call of an %s: each runs once", async (next, names) => {
    const plain = await prepared(next);
    const counting = mortal(plain.kube, Number.POSITIVE_INFINITY, "before");
    const only = start(plain.hub, counting, SLOW);
    await ended(plain.hub, next);
    await only.stop();
    const objects = userObjects(plain.kube);
    expect(counting.calls).toBeGreaterThan(20);
    for (let at = 0; at < counting.calls; at += 1)
      for (const when of ["before", "after"] as const) {
        const { hub, kube } = await prepared(next);
        const jobs = countingJobs(kube);
        const dying = mortal(jobs.kube, at, when);
        const first = start(hub, dying, SLOW);
        await dying.dead;
        await first.stop();
        const second = start(hub, jobs.kube, SLOW);
        await ended(hub, next);
        await vi.waitFor(() => expect(userObjects(kube), `${when} call ${at}`).toEqual(objects), WAIT);
        await second.stop();
        const made = [...jobs.made].sort(([a], [b]) => (a < b ? -1 : 1));
        expect(made, `${when} call ${at}`).toEqual(names.map((name) => [name, 1]));
      }
  });
});
