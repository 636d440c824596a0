/**
 * Health of what keeps replicas: Deployment, StatefulSet, DaemonSet, ReplicaSet. The counts decide, in the order
 * of kstatus: too few updated, too many old, too few available. No clock: only the controller's own deadline fails
 * a rollout.
 */
import type { KubeObject } from "../object.ts";
import {
  conditionOf,
  current,
  failed,
  fieldsOf,
  numberOf,
  progressing,
  specOf,
  statusOf,
  textOf,
  wordsOf,
  type Health,
} from "./verdict.ts";

/** Failed only when its controller says ProgressDeadlineExceeded. */
export function deploymentHealth(object: KubeObject): Health {
  const deadline = conditionOf(object, "Progressing");
  const wanted = numberOf(specOf(object), "replicas", 1);
  const status = statusOf(object);
  const available = numberOf(status, "availableReplicas");
  if (deadline?.reason === "ProgressDeadlineExceeded")
    return failed(
      `${available} of ${count(wanted)} available: ${wordsOf(deadline, "progress deadline exceeded")}`,
    );
  const refusedPods = conditionOf(object, "ReplicaFailure");
  if (refusedPods?.status === "True")
    return progressing(`pods cannot be created: ${wordsOf(refusedPods, "ReplicaFailure")}`);
  return countedHealth(wanted, {
    all: numberOf(status, "replicas"),
    updated: numberOf(status, "updatedReplicas"),
    available,
    ready: numberOf(status, "readyReplicas"),
  });
}

/** Under `OnDelete`, and below a partition, replicas of the old revision are as wanted. */
export function statefulSetHealth(object: KubeObject): Health {
  const spec = specOf(object);
  const status = statusOf(object);
  const strategy = fieldsOf(spec, "updateStrategy");
  const wanted = numberOf(spec, "replicas", 1);
  const all = numberOf(status, "replicas");
  const ready = numberOf(status, "readyReplicas");
  const partition = numberOf(fieldsOf(strategy, "rollingUpdate"), "partition");
  const toUpdate = textOf(strategy, "type") === "OnDelete" ? 0 : Math.max(0, wanted - partition);
  const updated = numberOf(status, "updatedReplicas");
  const moved = textOf(status, "updateRevision") === textOf(status, "currentRevision") ? wanted : updated;
  if (moved < toUpdate) return progressing(`${moved} of ${toUpdate} replicas updated`);
  return countedHealth(wanted, { all, updated: wanted, available: ready, ready });
}

export function daemonSetHealth(object: KubeObject): Health {
  const status = statusOf(object);
  if (typeof status["desiredNumberScheduled"] !== "number")
    return progressing("not scheduled to any node yet");
  const wanted = numberOf(status, "desiredNumberScheduled");
  const onDelete = textOf(fieldsOf(specOf(object), "updateStrategy"), "type") === "OnDelete";
  const scheduled = numberOf(status, "currentNumberScheduled");
  const updated = onDelete ? wanted : numberOf(status, "updatedNumberScheduled");
  const available = numberOf(status, "numberAvailable");
  if (scheduled < wanted) return progressing(`${scheduled} of ${wanted} nodes have the pod`);
  if (updated < wanted) return progressing(`${updated} of ${wanted} nodes have the new pod`);
  if (available < wanted) return progressing(`${available} of ${wanted} nodes have the pod available`);
  return current(`available on ${available} of ${wanted} nodes`);
}

export function replicaSetHealth(object: KubeObject): Health {
  const refusedPods = conditionOf(object, "ReplicaFailure");
  if (refusedPods?.status === "True")
    return progressing(`pods cannot be created: ${wordsOf(refusedPods, "ReplicaFailure")}`);
  const wanted = numberOf(specOf(object), "replicas", 1);
  const status = statusOf(object);
  return countedHealth(wanted, {
    all: numberOf(status, "replicas"),
    updated: wanted,
    available: numberOf(status, "availableReplicas"),
    ready: numberOf(status, "readyReplicas"),
  });
}

interface Counts {
  all: number;
  updated: number;
  available: number;
  ready: number;
}

function countedHealth(wanted: number, { all, updated, available, ready }: Counts): Health {
  if (updated < wanted) return progressing(`${updated} of ${count(wanted)} updated`);
  if (all > wanted) return progressing(`${all - wanted} more than the ${count(wanted)} wanted still to go`);
  if (available < wanted) return progressing(`${available} of ${count(wanted)} available`);
  if (ready < wanted) return progressing(`${ready} of ${count(wanted)} ready`);
  return current(`${available} of ${count(wanted)} available`);
}

function count(replicas: number): string {
  return `${replicas} ${replicas === 1 ? "replica" : "replicas"}`;
}
