/**
 * Health of what neither runs nor keeps replicas: storage, network, scaling, budgets, API extensions, namespaces.
 */
import type { KubeObject } from "../object.ts";
import {
  conditionOf,
  current,
  failed,
  fieldsOf,
  listOf,
  numberOf,
  progressing,
  specOf,
  statusOf,
  terminating,
  textOf,
  wordsOf,
  type Health,
} from "./verdict.ts";

export function claimHealth(object: KubeObject): Health {
  const phase = textOf(statusOf(object), "phase");
  if (phase === "Bound") return current(`bound to ${textOf(specOf(object), "volumeName") || "a volume"}`);
  if (phase === "Lost") return failed("its volume is lost");
  return progressing("waits for a volume");
}

/** A load balancer counts once it has an address: before that no one reaches it (kstatus waits for a cluster IP only). */
export function serviceHealth(object: KubeObject): Health {
  const spec = specOf(object);
  const type = textOf(spec, "type") || "ClusterIP";
  if (type !== "LoadBalancer") return current(`${type} service is in place`);
  const addresses = listOf(fieldsOf(statusOf(object), "loadBalancer"), "ingress");
  if (addresses.length === 0) return progressing("0 load balancer addresses assigned");
  const first = addresses[0] ?? {};
  return current(
    `load balancer answers at ${textOf(first, "ip") || textOf(first, "hostname") || "its address"}`,
  );
}

/** Current once computed: a budget over pods that are down is a matter of those pods. */
export function budgetHealth(object: KubeObject): Health {
  const allowed = conditionOf(object, "DisruptionAllowed");
  if (allowed?.reason === "SyncFailed") return progressing(`not computed: ${wordsOf(allowed, "SyncFailed")}`);
  const status = statusOf(object);
  if (typeof status["observedGeneration"] !== "number") return progressing("not computed yet");
  return current(`${numberOf(status, "disruptionsAllowed")} disruptions allowed`);
}

export function definitionHealth(object: KubeObject): Health {
  const names = conditionOf(object, "NamesAccepted");
  if (names?.status === "False") return failed(`names not accepted: ${wordsOf(names, "conflict")}`);
  const established = conditionOf(object, "Established");
  if (established?.status === "True") return current("established");
  return progressing(
    established === undefined ? "not established yet" : wordsOf(established, "not established yet"),
  );
}

export function apiServiceHealth(object: KubeObject): Health {
  const available = conditionOf(object, "Available");
  if (available?.status === "True") return current("available");
  return progressing(available === undefined ? "not available yet" : wordsOf(available, "not available yet"));
}

export function namespaceHealth(object: KubeObject): Health {
  const phase = textOf(statusOf(object), "phase");
  return phase === "Terminating"
    ? terminating("namespace is being deleted")
    : current("namespace is in place");
}

/** Missing metrics are passing trouble (they are missing in a first minute anyway), never a failure. */
export function scalerHealth(object: KubeObject): Health {
  for (const type of ["AbleToScale", "ScalingActive"]) {
    const condition = conditionOf(object, type);
    if (condition?.status !== "False" || condition.reason === "ScalingDisabled") continue;
    return progressing(`${type} is False: ${wordsOf(condition, "no reason given")}`);
  }
  const status = statusOf(object);
  return current(
    `${numberOf(status, "currentReplicas")} of ${numberOf(status, "desiredReplicas")} replicas wanted`,
  );
}
