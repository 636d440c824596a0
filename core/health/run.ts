/**
 * Health of what runs once or on its own: Pod, Job, CronJob. A Job is current only when it is complete: a
 * migration that still runs has not arrived (kstatus calls a started Job current; Argo CD reads it as here).
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
  textOf,
  wordsOf,
  type Health,
} from "./verdict.ts";

/** The kubelet has tried and waits to try again; nothing gets better without a change. */
const HOPELESS = new Set(["CrashLoopBackOff", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"]);

export function podHealth(object: KubeObject): Health {
  const status = statusOf(object);
  const phase = textOf(status, "phase");
  if (phase === "Succeeded") return current("ran to completion");
  if (phase === "Failed")
    return failed(textOf(status, "message") || textOf(status, "reason") || "pod failed");
  const stuck = stuckContainer(status);
  if (stuck !== undefined) return failed(stuck);
  const scheduled = conditionOf(object, "PodScheduled");
  if (scheduled?.status === "False")
    return progressing(`not scheduled: ${wordsOf(scheduled, "Unschedulable")}`);
  const containers = listOf(status, "containerStatuses");
  const ready = containers.filter((container) => container["ready"] === true).length;
  const wanted = Math.max(containers.length, listOf(specOf(object), "containers").length);
  const text = `${ready} of ${wanted} ${wanted === 1 ? "container" : "containers"} ready`;
  return conditionOf(object, "Ready")?.status === "True" ? current(text) : progressing(text);
}

function stuckContainer(status: Record<string, unknown>): string | undefined {
  for (const list of ["initContainerStatuses", "containerStatuses"])
    for (const container of listOf(status, list)) {
      const waiting = fieldsOf(fieldsOf(container, "state"), "waiting");
      const reason = textOf(waiting, "reason");
      if (!HOPELESS.has(reason)) continue;
      const restarts = numberOf(container, "restartCount");
      return `container ${textOf(container, "name")} is in ${reason} after ${restarts} restarts`;
    }
  return undefined;
}

export function jobHealth(object: KubeObject): Health {
  const status = statusOf(object);
  const wanted = numberOf(specOf(object), "completions", 1);
  const succeeded = numberOf(status, "succeeded");
  const done = `${succeeded} of ${wanted} ${wanted === 1 ? "completion" : "completions"}`;
  if (conditionOf(object, "Complete")?.status === "True") return current(`complete: ${done}`);
  const broken = conditionOf(object, "Failed");
  if (broken?.status === "True") return failed(`${done}: ${wordsOf(broken, "job failed")}`);
  if (specOf(object)["suspend"] === true) return current(`suspended at ${done}`);
  return progressing(`${done}, ${numberOf(status, "active")} active, ${numberOf(status, "failed")} failed`);
}

/** A schedule is healthy as soon as it exists; its Jobs belong to nobody's bundle. */
export function cronJobHealth(object: KubeObject): Health {
  const spec = specOf(object);
  if (spec["suspend"] === true) return current("suspended");
  return current(
    `scheduled ${textOf(spec, "schedule")}, ${listOf(statusOf(object), "active").length} running`,
  );
}
