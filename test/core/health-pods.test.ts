import { describe, expect, it } from "vitest";
import { podReason, podSelector } from "#core/health/pods.ts";
import type { KubeObject } from "#core/object.ts";

const pod = (status: object, more: Partial<KubeObject["metadata"]> = {}, spec: object = {}): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web-1", namespace: "shop", ...more },
  spec: { containers: [{ name: "web", image: "shop/web:2" }], ...spec },
  status,
});
const container = (state: object, more: object = {}) => ({
  containerStatuses: [{ name: "web", ready: false, restartCount: 0, state, ...more }],
});
const textOf = (...pods: KubeObject[]): string | undefined => podReason(pods)?.text;

describe("podReason", () => {
  it("names the image that cannot be pulled, with the kubelet's words", () => {
    const waiting = { reason: "ImagePullBackOff", message: "manifest unknown" };
    expect(textOf(pod(container({ waiting })))).toBe(
      "pod web-1: container web: image shop/web:2 cannot be pulled: ImagePullBackOff: manifest unknown",
    );
  });
  it("tells a crash loop's exit code and where its last words are", () => {
    const lastState = { terminated: { exitCode: 3, reason: "Error", containerID: "c://1" } };
    const crashing = container({ waiting: { reason: "CrashLoopBackOff" } }, { restartCount: 4, lastState });
    const reason = podReason([pod(crashing)]);
    expect(reason?.text).toBe("pod web-1: container web ended with exit code 3 (4 restarts)");
    expect(reason?.speaker).toEqual({ container: "web", previous: true, run: "c://1" });
  });
  it("reads a run that has ended for good itself, not the one before", () => {
    const ended = container({ terminated: { exitCode: 1, containerID: "c://2" } });
    expect(podReason([pod(ended)])?.speaker).toEqual({ container: "web", previous: false, run: "c://2" });
  });
  it("says that memory was the reason", () => {
    const lastState = { terminated: { exitCode: 137, reason: "OOMKilled" } };
    const killed = container({ running: {} }, { restartCount: 1, lastState });
    expect(textOf(pod(killed))).toBe(
      "pod web-1: container web took more memory than its limit (OOMKilled, exit code 137, 1 restart)",
    );
  });
  it("tells an init container from the others", () => {
    const state = { terminated: { exitCode: 2 } };
    const status = { initContainerStatuses: [{ name: "wait", restartCount: 2, state }] };
    expect(textOf(pod(status))).toBe("pod web-1: init container wait ended with exit code 2 (2 restarts)");
  });
  it("tells why no node takes it, what cannot start, and what was evicted", () => {
    const message = "0/3 nodes are available: insufficient memory";
    const unscheduled = { conditions: [{ type: "PodScheduled", status: "False", message }] };
    expect(textOf(pod(unscheduled))).toBe(`pod web-1: cannot be scheduled: ${message}`);
    const waiting = { reason: "CreateContainerConfigError", message: 'secret "db" not found' };
    expect(textOf(pod(container({ waiting })))).toBe(
      'pod web-1: container web cannot start: CreateContainerConfigError: secret "db" not found',
    );
    expect(textOf(pod({ phase: "Failed", reason: "Evicted", message: "low on disk" }))).toBe(
      "pod web-1: Evicted: low on disk",
    );
  });
  it("names the probe that does not succeed", () => {
    const readinessProbe = { httpGet: { path: "/ready", port: 8080 } };
    const startupProbe = { tcpSocket: { port: "http" } };
    const containers = [{ name: "web", readinessProbe, startupProbe }];
    const running = { running: {} };
    expect(textOf(pod(container(running, { started: true }), {}, { containers }))).toBe(
      "pod web-1: container web runs, but its readiness probe GET :8080/ready does not succeed",
    );
    expect(textOf(pod(container(running, { started: false }), {}, { containers }))).toContain(
      "its startup probe TCP :http has not succeeded",
    );
  });
  it("takes the worst pod, of equals the newest, and passes over those that go", () => {
    const pulling = pod(container({ waiting: { reason: "ErrImagePull" } }), { name: "pulling" });
    const crashed = (name: string, creationTimestamp: string, more: object = {}) =>
      pod(container({ terminated: { exitCode: 1 } }), { name, creationTimestamp, ...more });
    const old = crashed("old", "2026-01-01T00:00:00Z");
    const young = crashed("young", "2026-01-02T00:00:00Z");
    const going = crashed("going", "2026-01-03T00:00:00Z", { deletionTimestamp: "now" });
    expect(textOf(pulling, old, young, going)).toContain("pod young");
  });
  it("has nothing to say of pods that are well, or only on their way", () => {
    const running = { containerStatuses: [{ name: "web", ready: true, state: { running: {} } }] };
    expect(podReason([])).toBeUndefined();
    expect(podReason([pod(running)])).toBeUndefined();
    expect(podReason([pod(container({ waiting: { reason: "ContainerCreating" } }))])).toBeUndefined();
    expect(podReason([pod({ phase: "Succeeded" })])).toBeUndefined();
  });
});

describe("podSelector", () => {
  it("is the workload's own, and nothing where that would mean every pod", () => {
    const workload = (kind: string, selector?: object): KubeObject => ({
      apiVersion: kind === "Job" ? "batch/v1" : "apps/v1",
      kind,
      metadata: { name: "web" },
      spec: { selector },
    });
    const matchLabels = { app: "web" };
    expect(podSelector(workload("Deployment", { matchLabels }))).toEqual({
      matchLabels,
      matchExpressions: [],
    });
    expect(podSelector(workload("Job", { matchLabels }))).toBeDefined();
    expect(podSelector(workload("Deployment", {}))).toBeUndefined();
    expect(podSelector(workload("Deployment"))).toBeUndefined();
    expect(podSelector({ ...workload("Service", { matchLabels }), apiVersion: "v1" })).toBeUndefined();
  });
});
