/**
 * The trace that every change but one of status leaves in an object's metadata: what a watch of metadata can see. Two
 * equal traces of one object mean that nothing which could be drift has happened in between.
 */
import { digestOf } from "./digest.ts";
import { MANAGER } from "./managed.ts";
import type { KubeObject } from "./object.ts";
import { isFields } from "./pointer.ts";

const TRACE_CHARS = 20;

/** Kept by controllers beside the status, and changed as often as that. */
const NOISE = new Set([
  "autoscaling.alpha.kubernetes.io/conditions",
  "autoscaling.alpha.kubernetes.io/current-metrics",
  "control-plane.alpha.kubernetes.io/leader",
  "deployment.kubernetes.io/revision",
  "endpoints.kubernetes.io/last-change-trigger-time",
]);

/** Of a whole object or of its metadata alone: the same. */
export function traceOf({ metadata }: Pick<KubeObject, "metadata">): string {
  const { uid, generation, labels, annotations, deletionTimestamp } = metadata;
  const writers = writersOf(metadata["managedFields"]);
  const kept = Object.entries(annotations ?? {}).filter(([name]) => !NOISE.has(name));
  const changed = generation ?? versionOf(metadata, writers.status);
  const parts = { uid, changed, labels, kept: Object.fromEntries(kept), deletionTimestamp };
  return digestOf([parts, writers.others]).slice(0, TRACE_CHARS);
}

/**
 * A ConfigMap counts no generations, and its managers' times are whole seconds: each version of it is a change. Where
 * somebody keeps a status, versions come and go with it, and the managers have to do.
 */
function versionOf(metadata: KubeObject["metadata"], status: boolean): unknown {
  return status ? undefined : metadata["resourceVersion"];
}

function writersOf(managedFields: unknown): { others: unknown[]; status: boolean } {
  const entries = Array.isArray(managedFields) ? managedFields.filter(isFields) : [];
  const others = entries.filter((entry) => entry["subresource"] !== "status");
  return {
    // Our own entry's time says nothing: an apply that changes nothing leaves it, one that does is ours.
    others: others.map(({ manager, operation, subresource, time }) =>
      manager === MANAGER ? [manager, operation] : [manager, operation, subresource, time],
    ),
    status: others.length < entries.length,
  };
}
