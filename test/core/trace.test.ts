import { describe, expect, it } from "vitest";
import type { KubeObject } from "#core/object.ts";
import { traceOf } from "#core/trace.ts";

const entry = (manager: string, time: string, more: object = {}) => ({
  manager,
  operation: "Update",
  time,
  fieldsV1: { "f:spec": {} },
  ...more,
});
const STATUS = entry("kube-controller-manager", "2026-01-01T00:00:00Z", { subresource: "status" });
const OURS = entry("fairlead", "2026-01-01T00:00:00Z", { operation: "Apply" });

function object(metadata: Record<string, unknown> = {}): KubeObject {
  const base = { name: "web", uid: "u", resourceVersion: "1", generation: 1, managedFields: [OURS, STATUS] };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { ...base, ...metadata } };
}

const BEFORE = traceOf(object());
const changed = (metadata: Record<string, unknown>): boolean => traceOf(object(metadata)) !== BEFORE;

describe(traceOf.name, () => {
  it("stays while only the status changes", () => {
    const status = { ...STATUS, time: "2026-01-01T00:00:09Z" };
    expect(changed({ resourceVersion: "2", managedFields: [OURS, status] })).toBe(false);
    expect(changed({ annotations: { "deployment.kubernetes.io/revision": "7" } })).toBe(false);
  });
  it("changes with the generation, labels, annotations, a deletion, the UID", () => {
    expect(changed({ generation: 2 })).toBe(true);
    expect(changed({ labels: { a: "b" } })).toBe(true);
    expect(changed({ annotations: { a: "b" } })).toBe(true);
    expect(changed({ deletionTimestamp: "2026-01-01T00:00:00Z" })).toBe(true);
    expect(changed({ uid: "v" })).toBe(true);
  });
  it("changes when somebody else writes, and when the same one writes again", () => {
    const theirs = (time: string) =>
      traceOf(object({ managedFields: [OURS, STATUS, entry("kubectl", time)] }));
    expect(theirs("2026-01-01T00:00:00Z")).not.toBe(BEFORE);
    expect(theirs("2026-01-01T00:00:00Z")).not.toBe(theirs("2026-01-01T00:00:01Z"));
  });
  it("changes when our own fields are all taken away, and not with the time of our own writes", () => {
    expect(changed({ managedFields: [STATUS] })).toBe(true);
    expect(changed({ managedFields: [{ ...OURS, time: "2026-02-01T00:00:00Z" }, STATUS] })).toBe(false);
  });
  it("changes with each version of what counts no generations and has no status, as times are whole seconds", () => {
    const config = (resourceVersion: string, managedFields = [OURS]) =>
      traceOf(object({ generation: undefined, resourceVersion, managedFields }));
    expect(config("1")).not.toBe(config("2"));
    expect(config("1", [OURS, STATUS])).toBe(config("2", [OURS, STATUS]));
  });
  it("is the same of a whole object and of its metadata alone", () => {
    const whole: KubeObject = { ...object(), spec: { replicas: 2 }, status: {} };
    expect(traceOf(whole)).toBe(BEFORE);
  });
});
