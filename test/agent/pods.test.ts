import { afterEach, describe, expect, it, vi } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { KubeError, type Kube } from "../../agent/kube/port.ts";
import { PodReasons } from "../../agent/pods.ts";
import { deployment, memoryCluster, phase, startAgent, stopAgents, WAIT } from "../support/test-agent.ts";
import { TestHub } from "../support/test-hub.ts";

afterEach(stopAgents);

const crashing = (restarts: number): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web-1", namespace: "shop", uid: "u1" },
  spec: { containers: [{ name: "web", image: "web:broken" }] },
  status: {
    containerStatuses: [
      {
        name: "web",
        restartCount: restarts,
        state: { waiting: { reason: "CrashLoopBackOff" } },
        lastState: { terminated: { exitCode: 3, containerID: `c${restarts}` } },
      },
    ],
  },
});
const secret = (text: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "db" },
  stringData: { login: text },
});

/** A cluster in which somebody runs pods; `asked` is what was asked of them. */
function withPods(kube: Kube, pods: () => KubeObject[], log: string): Kube & { asked: string[] } {
  const asked: string[] = [];
  return {
    ...kube,
    asked,
    pods: async (namespace, { matchLabels = {} }, podsMax) => {
      asked.push(`pods ${namespace} ${JSON.stringify(matchLabels)} ${podsMax}`);
      return pods();
    },
    podLog: async ({ name, container, previous }) => {
      asked.push(`log ${name} ${container} ${previous}`);
      return log;
    },
  };
}

describe(PodReasons.name, () => {
  it("puts the worst pod's reason and its last words into the message, without the bundle's secrets", async () => {
    const hub = await TestHub.create();
    let restarts = 1;
    const words = "connecting as horsebattery\npanic: \u001b[31mno table orders\n";
    const kube = withPods(memoryCluster(), () => [crashing(restarts)], words);
    startAgent(hub, kube, { token: hub.token() });
    const objects = [deployment("web", "web:broken"), secret("horsebattery")];
    await hub.assign("shop", objects, { namespace: "shop" });
    const wanted =
      "; pod web-1: container web ended with exit code 3 (1 restart): connecting as *** panic: [31mno table orders";
    await vi.waitFor(() => expect(hub.latest.get("shop")?.message).toContain(wanted), WAIT);
    expect(hub.latest.get("shop")?.message).toMatch(/^Deployment shop\/web: /);
    expect(kube.asked[0]).toBe('pods shop {"app":"web"} 20');
    await vi.waitFor(() => expect(kube.asked.length).toBeGreaterThan(6), WAIT);
    expect(kube.asked.filter((one) => one.startsWith("log "))).toEqual(["log web-1 web true"]);
    restarts = 2;
    await vi.waitFor(() => expect(hub.latest.get("shop")?.message).toContain("(2 restarts)"), WAIT);
    expect(kube.asked.filter((one) => one.startsWith("log "))).toHaveLength(2);
  });

  it("asks nothing of pods while all is well", async () => {
    const hub = await TestHub.create();
    const kube = withPods(memoryCluster(), () => [crashing(1)], "");
    startAgent(hub, kube, { token: hub.token() });
    await hub.assign("shop", [deployment("web")]);
    await phase(hub, "shop", "healthy");
    expect(kube.asked).toEqual([]);
  });

  it("goes without where it has no right, and says so once", async () => {
    const hub = await TestHub.create();
    const refused = async () => Promise.reject(new KubeError(403, "Forbidden", "pods is forbidden"));
    const kube: Kube = { ...memoryCluster(), pods: refused };
    const agent = startAgent(hub, kube, { token: hub.token() });
    await hub.assign("shop", [deployment("web", "web:broken"), deployment("db", "web:broken")]);
    await phase(hub, "shop", "failed");
    await vi.waitFor(
      () => expect(agent.logs.filter(({ message }) => message.includes("pods/log"))).toHaveLength(1),
      WAIT,
    );
    expect(hub.latest.get("shop")?.message).not.toContain("pod ");
  });

  it("tells what a failed hook's pod said", async () => {
    const hub = await TestHub.create();
    const kube = withPods(memoryCluster(), () => [crashing(0)], "relation orders exists");
    startAgent(hub, kube, { token: hub.token() });
    const job: KubeObject = {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: "migrate", annotations: { "argocd.argoproj.io/hook": "PreSync" } },
      spec: {
        selector: { matchLabels: { job: "migrate" } },
        template: { spec: { containers: [{ name: "web", image: "web:broken" }] } },
      },
    };
    await hub.assign("shop", [job]);
    await phase(hub, "shop", "failed");
    expect(hub.latest.get("shop")?.message).toContain("relation orders exists");
  });

  it("quotes nothing of a log that was cut within its first line", async () => {
    const kube = withPods(memoryCluster(), () => [crashing(1)], "x".repeat(2048));
    const options = { podsEveryMs: 0 } as never;
    const reasons = new PodReasons({ kube, clock: () => 0, log: () => {}, options });
    const verdict = { status: "failed", sentence: "0 of 1" } as const;
    const web = { ...deployment("web"), metadata: { name: "web", namespace: "shop" } };
    const told = await reasons.explain(web, verdict, async () => []);
    expect(told.sentence).toBe("0 of 1; pod web-1: container web ended with exit code 3 (1 restart)");
    const unknown = await reasons.explain(web, verdict, async () => undefined);
    expect(unknown.sentence).not.toContain("xxx");
  });
});
