/**
 * The status that controllers would give an object of a simulated cluster, as a function of how long ago its
 * generation changed. A workload with an image whose tag starts with `broken` never becomes healthy.
 */
import { groupOf, type KubeObject } from "#core/object.ts";
import { valueAt, type Fields } from "#core/pointer.ts";

export type Progress = "waiting" | "ready" | "broken";

const BROKEN_IMAGE = /"image":"[^"]*:broken/;

/** `ageMs` is the time since the newest generation. */
export function progressOf(object: KubeObject, ageMs: number, readyAfterMs: number): Progress {
  if (ageMs < readyAfterMs) return "waiting";
  return BROKEN_IMAGE.test(JSON.stringify(object["spec"] ?? {})) ? "broken" : "ready";
}

/** Undefined for kinds without a controller. */
export function simulatedStatus(
  object: KubeObject,
  generation: number,
  progress: Progress,
): Fields | undefined {
  const rule = RULES[`${groupOf(object.apiVersion)}/${object.kind}`];
  return rule?.(object, generation, progress);
}

type Rule = (object: KubeObject, generation: number, progress: Progress) => Fields;

const condition = (type: string, status: boolean, reason: string, message = "") => ({
  type,
  status: status ? "True" : "False",
  reason,
  message,
});

function replicasOf(object: KubeObject): number {
  const replicas = valueAt(object, ["spec", "replicas"]);
  return typeof replicas === "number" ? replicas : 1;
}

const deployment: Rule = (object, observedGeneration, progress) => {
  const replicas = replicasOf(object);
  const ready = progress === "ready" ? replicas : 0;
  return {
    observedGeneration,
    replicas,
    updatedReplicas: replicas,
    readyReplicas: ready,
    availableReplicas: ready,
    conditions: [
      condition("Available", progress === "ready", "MinimumReplicasAvailable"),
      progress === "broken"
        ? condition(
            "Progressing",
            false,
            "ProgressDeadlineExceeded",
            "containers do not start: image is broken",
          )
        : condition(
            "Progressing",
            true,
            progress === "ready" ? "NewReplicaSetAvailable" : "ReplicaSetUpdated",
          ),
    ],
  };
};

/** These controllers have no deadline of their own: broken pods stay unready. */
const replicas: Rule = (object, observedGeneration, progress) => {
  const wanted = replicasOf(object);
  const ready = progress === "ready" ? wanted : 0;
  const counts = {
    replicas: wanted,
    updatedReplicas: wanted,
    readyReplicas: ready,
    availableReplicas: ready,
  };
  return { observedGeneration, ...counts, currentRevision: "r", updateRevision: "r" };
};

const daemonSet: Rule = (_object, observedGeneration, progress) => {
  const ready = progress === "ready" ? 1 : 0;
  return {
    observedGeneration,
    desiredNumberScheduled: 1,
    currentNumberScheduled: 1,
    updatedNumberScheduled: 1,
    numberReady: ready,
    numberAvailable: ready,
  };
};

const pod: Rule = (object, _generation, progress) => {
  const containers = valueAt(object, ["spec", "containers"]);
  const names = Array.isArray(containers) ? containers.map((one) => valueAt(one, ["name"])) : [];
  const waiting = progress === "broken" ? { reason: "CrashLoopBackOff" } : { reason: "ContainerCreating" };
  const state = progress === "ready" ? { running: {} } : { waiting };
  return {
    phase: progress === "waiting" ? "Pending" : "Running",
    conditions: [condition("Ready", progress === "ready", "Simulated")],
    containerStatuses: names.map((name) => ({ name, ready: progress === "ready", restartCount: 0, state })),
  };
};

const job: Rule = (object, _generation, progress) => {
  const completions = valueAt(object, ["spec", "completions"]);
  const wanted = typeof completions === "number" ? completions : 1;
  if (progress === "ready")
    return { succeeded: wanted, conditions: [condition("Complete", true, "CompletionsReached")] };
  if (progress === "waiting") return { active: 1 };
  return {
    failed: 1,
    conditions: [
      condition("Failed", true, "BackoffLimitExceeded", "containers do not start: image is broken"),
    ],
  };
};

const RULES: Readonly<Record<string, Rule>> = {
  "apps/Deployment": deployment,
  "apps/StatefulSet": replicas,
  "apps/ReplicaSet": replicas,
  "apps/DaemonSet": daemonSet,
  "batch/Job": job,
  "/Pod": pod,
  "/Namespace": () => ({ phase: "Active" }),
  "/PersistentVolumeClaim": (_object, _generation, progress) => ({
    phase: progress === "waiting" ? "Pending" : "Bound",
  }),
  "/Service": (object) =>
    valueAt(object, ["spec", "type"]) === "LoadBalancer"
      ? { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } }
      : {},
  "policy/PodDisruptionBudget": (_object, observedGeneration) => ({
    observedGeneration,
    disruptionsAllowed: 1,
  }),
  "apiextensions.k8s.io/CustomResourceDefinition": () => ({
    conditions: [
      condition("NamesAccepted", true, "NoConflicts"),
      condition("Established", true, "InitialNamesAccepted"),
    ],
  }),
  "apiregistration.k8s.io/APIService": () => ({ conditions: [condition("Available", true, "Passed")] }),
};
