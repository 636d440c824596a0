import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { health, worstHealth, type Health } from "#core/health.ts";
import type { KubeObject } from "#core/object.ts";

function of(yaml: string): string {
  const verdict = health({ metadata: { name: "x" }, ...(parse(yaml) as object) } as KubeObject);
  return `${verdict.status}: ${verdict.sentence}`;
}

const deployment = (rest: string) => of(`{ apiVersion: apps/v1, kind: Deployment, ${rest} }`);

describe("health, what holds for every kind", () => {
  it("says that an object being deleted is terminating, whatever its status", () => {
    expect(
      deployment(
        `metadata: { name: x, deletionTimestamp: "2026-01-01T00:00:00Z" }, status: { observedGeneration: 1 }`,
      ),
    ).toBe("terminating: is being deleted");
  });
  it("waits for the controller to see the newest generation, naming both", () => {
    expect(
      of(
        `{ apiVersion: example.org/v1, kind: Thing, metadata: { name: x, generation: 3 }, status: { observedGeneration: 2 } }`,
      ),
    ).toBe("progressing: generation 3 is not observed yet, the last one seen is 2");
  });
  it("reads Stalled as failed and Reconciling as progressing", () => {
    const thing = (type: string) =>
      of(
        `{ apiVersion: e.org/v1, kind: T, status: { conditions: [{ type: ${type}, status: "True", message: why }] } }`,
      );
    expect(thing("Stalled")).toBe("failed: stalled: why");
    expect(thing("Reconciling")).toBe("progressing: reconciling: why");
  });
  it("takes the Ready condition of an unknown kind, and calls it current without one", () => {
    const thing = (status: string) =>
      of(
        `{ apiVersion: e.org/v1, kind: T, status: { conditions: [{ type: Ready, status: "${status}", message: m }] } }`,
      );
    expect(thing("True")).toBe("current: ready: m");
    expect(thing("False")).toBe("progressing: not ready: m");
    expect(of("{ apiVersion: v1, kind: ConfigMap }")).toBe("current: ConfigMap is in place");
  });
  it("never throws on a status of a wrong shape", () => {
    for (const status of ["7", "[]", "{ conditions: 3, replicas: many }"])
      for (const kind of ["apps/v1, kind: Deployment", "v1, kind: Pod", "batch/v1, kind: Job"])
        expect(of(`{ apiVersion: ${kind}, spec: 1, status: ${status} }`)).toMatch(/^progressing: /);
  });
});

describe("health of what keeps replicas", () => {
  const at = (counts: string) =>
    deployment(
      `metadata: { name: x, generation: 2 }, spec: { replicas: 3 }, status: { observedGeneration: 2, ${counts} }`,
    );

  it("tells how far a Deployment has come", () => {
    expect(deployment("status: {}")).toBe("progressing: its controller has not looked at it yet");
    expect(at("replicas: 3, updatedReplicas: 1")).toBe("progressing: 1 of 3 replicas updated");
    expect(at("replicas: 4, updatedReplicas: 3")).toBe(
      "progressing: 1 more than the 3 replicas wanted still to go",
    );
    expect(at("replicas: 3, updatedReplicas: 3, availableReplicas: 1")).toBe(
      "progressing: 1 of 3 replicas available",
    );
    expect(at("replicas: 3, updatedReplicas: 3, availableReplicas: 3, readyReplicas: 3")).toBe(
      "current: 3 of 3 replicas available",
    );
  });
  it("fails a Deployment only past its own deadline", () => {
    expect(
      at(
        `availableReplicas: 2, conditions: [{ type: Progressing, status: "False", reason: ProgressDeadlineExceeded, message: timed out }]`,
      ),
    ).toBe("failed: 2 of 3 replicas available: timed out");
  });
  it("names why pods cannot be created", () => {
    expect(at(`conditions: [{ type: ReplicaFailure, status: "True", message: exceeded quota }]`)).toBe(
      "progressing: pods cannot be created: exceeded quota",
    );
  });
  it("counts a Deployment scaled to zero as current", () => {
    expect(deployment("spec: { replicas: 0 }, status: { observedGeneration: 1 }")).toBe(
      "current: 0 of 0 replicas available",
    );
  });
  it("lets a StatefulSet keep the old revision below its partition, and all of it under OnDelete", () => {
    const set = (strategy: string, updated: number) =>
      of(
        `{ apiVersion: apps/v1, kind: StatefulSet, spec: { replicas: 3, updateStrategy: ${strategy} }, status: { observedGeneration: 1, replicas: 3, readyReplicas: 3, updatedReplicas: ${updated}, currentRevision: a, updateRevision: b } }`,
      );
    expect(set("{}", 1)).toBe("progressing: 1 of 3 replicas updated");
    expect(set("{ rollingUpdate: { partition: 2 } }", 0)).toBe("progressing: 0 of 1 replicas updated");
    expect(set("{ rollingUpdate: { partition: 2 } }", 1)).toBe("current: 3 of 3 replicas available");
    expect(set("{ type: OnDelete }", 0)).toBe("current: 3 of 3 replicas available");
  });
  it("counts a DaemonSet by nodes", () => {
    const set = (status: string) =>
      of(`{ apiVersion: apps/v1, kind: DaemonSet, status: { observedGeneration: 1, ${status} } }`);
    expect(set("")).toBe("progressing: not scheduled to any node yet");
    expect(
      set(
        "desiredNumberScheduled: 4, currentNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 1",
      ),
    ).toBe("progressing: 1 of 4 nodes have the pod available");
    expect(
      set(
        "desiredNumberScheduled: 4, currentNumberScheduled: 4, updatedNumberScheduled: 4, numberAvailable: 4",
      ),
    ).toBe("current: available on 4 of 4 nodes");
  });
  it("counts a ReplicaSet by what is available", () => {
    const set = "apiVersion: apps/v1, kind: ReplicaSet, spec: { replicas: 1 }";
    expect(of(`{ ${set}, status: { observedGeneration: 1, replicas: 1 } }`)).toBe(
      "progressing: 0 of 1 replica available",
    );
  });
});

describe("health of what runs once", () => {
  const pod = (status: string) =>
    of(`{ apiVersion: v1, kind: Pod, spec: { containers: [{ name: a }] }, status: ${status} }`);
  const job = (status: string, spec = "{ completions: 2 }") =>
    of(`{ apiVersion: batch/v1, kind: Job, spec: ${spec}, status: ${status} }`);

  it("reads a Pod's phase and readiness", () => {
    expect(pod("{ phase: Succeeded }")).toBe("current: ran to completion");
    expect(pod("{ phase: Failed, message: evicted }")).toBe("failed: evicted");
    expect(pod("{ phase: Pending }")).toBe("progressing: 0 of 1 container ready");
    expect(
      pod(
        `{ phase: Running, containerStatuses: [{ name: a, ready: true }], conditions: [{ type: Ready, status: "True" }] }`,
      ),
    ).toBe("current: 1 of 1 container ready");
  });
  it("fails a Pod whose container cannot start, with the number of tries", () => {
    expect(
      pod(
        "{ phase: Running, containerStatuses: [{ name: a, restartCount: 4, state: { waiting: { reason: CrashLoopBackOff } } }] }",
      ),
    ).toBe("failed: container a is in CrashLoopBackOff after 4 restarts");
  });
  it("says why a Pod is not scheduled", () => {
    expect(
      pod(
        `{ phase: Pending, conditions: [{ type: PodScheduled, status: "False", message: "0/3 nodes fit" }] }`,
      ),
    ).toBe("progressing: not scheduled: 0/3 nodes fit");
  });
  it("calls a Job current only when it is complete", () => {
    expect(job("{ succeeded: 1, active: 1 }")).toBe("progressing: 1 of 2 completions, 1 active, 0 failed");
    expect(job(`{ succeeded: 2, conditions: [{ type: Complete, status: "True" }] }`)).toBe(
      "current: complete: 2 of 2 completions",
    );
    expect(job(`{ conditions: [{ type: Failed, status: "True", message: too many tries }] }`)).toBe(
      "failed: 0 of 2 completions: too many tries",
    );
    expect(job("{}", "{ suspend: true }")).toBe("current: suspended at 0 of 1 completion");
  });
  it("calls a CronJob current as soon as it exists", () => {
    expect(of(`{ apiVersion: batch/v1, kind: CronJob, spec: { schedule: "0 1 * * *" } }`)).toBe(
      "current: scheduled 0 1 * * *, 0 running",
    );
  });
});

describe("health of the rest of the table", () => {
  it("waits for a claim to be bound and fails a lost one", () => {
    const claim = (phase: string) =>
      of(
        `{ apiVersion: v1, kind: PersistentVolumeClaim, spec: { volumeName: pv-1 }, status: { phase: ${phase} } }`,
      );
    expect([claim("Pending"), claim("Bound"), claim("Lost")]).toEqual([
      "progressing: waits for a volume",
      "current: bound to pv-1",
      "failed: its volume is lost",
    ]);
  });
  it("waits for a load balancer's address, and for no other service's", () => {
    const service = (rest: string) => of(`{ apiVersion: v1, kind: Service, ${rest} }`);
    expect(service("spec: {}")).toBe("current: ClusterIP service is in place");
    expect(service("spec: { type: LoadBalancer }")).toBe("progressing: 0 load balancer addresses assigned");
    expect(
      service("spec: { type: LoadBalancer }, status: { loadBalancer: { ingress: [{ ip: 10.0.0.1 }] } }"),
    ).toBe("current: load balancer answers at 10.0.0.1");
  });
  it("waits for a disruption budget to be computed", () => {
    const budget = (status: string) =>
      of(`{ apiVersion: policy/v1, kind: PodDisruptionBudget, status: ${status} }`);
    expect(budget("{}")).toBe("progressing: not computed yet");
    expect(budget("{ observedGeneration: 1, disruptionsAllowed: 2 }")).toBe("current: 2 disruptions allowed");
  });
  it("waits for a definition to be established and fails one whose names are taken", () => {
    const definition = (type: string, status: string) =>
      of(
        `{ apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, status: { conditions: [{ type: ${type}, status: "${status}", message: m }] } }`,
      );
    expect(definition("Established", "True")).toBe("current: established");
    expect(definition("Established", "False")).toBe("progressing: m");
    expect(definition("NamesAccepted", "False")).toBe("failed: names not accepted: m");
  });
  it("reads APIService, Namespace and autoscaler", () => {
    expect(
      of(
        `{ apiVersion: apiregistration.k8s.io/v1, kind: APIService, status: { conditions: [{ type: Available, status: "False", message: no endpoints }] } }`,
      ),
    ).toBe("progressing: no endpoints");
    expect(of("{ apiVersion: v1, kind: Namespace, status: { phase: Terminating } }")).toBe(
      "terminating: namespace is being deleted",
    );
    expect(
      of(
        `{ apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, status: { conditions: [{ type: ScalingActive, status: "False", reason: FailedGetResourceMetric }] } }`,
      ),
    ).toBe("progressing: ScalingActive is False: FailedGetResourceMetric");
  });
});

describe("worstHealth", () => {
  it("is the first of the heaviest verdicts", () => {
    const verdict = (status: Health["status"], sentence: string): Health => ({ status, sentence });
    const list = [
      verdict("current", "a"),
      verdict("failed", "b"),
      verdict("terminating", "c"),
      verdict("failed", "d"),
    ];
    expect(worstHealth(list)?.sentence).toBe("b");
    expect(worstHealth([])).toBeUndefined();
  });
});
