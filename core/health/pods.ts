/**
 * Why a workload is not current, as its pods tell it: the worst pod, and of that its worst container. Nothing here is a
 * verdict; it is what stands behind one. A pod that is being deleted is passed over, and of equals the newest tells.
 */
import { groupOf, parseRefKey, type KubeObject } from "../object.ts";
import { selectorSchema, type Selector } from "../selector.ts";
import {
  conditionOf,
  fieldsOf,
  listOf,
  numberOf,
  specOf,
  statusOf,
  textOf,
  wordsOf,
  type Health,
} from "./verdict.ts";

export interface PodReason {
  pod: KubeObject;
  text: string;
  /** Whose last words are worth reading; `previous`: of the run before the one that is under way. */
  speaker?: { container: string; previous: boolean; run: string };
}

type Fields = Record<string, unknown>;
interface Trouble {
  weight: number;
  text: string;
  speaker?: PodReason["speaker"];
}

const WORKLOADS = new Set([
  "apps/Deployment",
  "apps/StatefulSet",
  "apps/DaemonSet",
  "apps/ReplicaSet",
  "batch/Job",
]);
const UNPULLED = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "RegistryUnavailable",
]);
const UNSTARTED = new Set([
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
  "PostStartHookError",
]);

/** By its `refKey`. */
export function hasPods(key: string): boolean {
  const { group, kind } = parseRefKey(key);
  return WORKLOADS.has(`${group}/${kind}`);
}

/** Which pods are the object's; undefined where it is no workload or selects none. */
export function podSelector(object: KubeObject): Selector | undefined {
  if (!WORKLOADS.has(`${groupOf(object.apiVersion)}/${object.kind}`)) return undefined;
  const parsed = selectorSchema.safeParse(fieldsOf(specOf(object), "selector"));
  const { matchLabels = {}, matchExpressions = [] } = parsed.data ?? {};
  const selects = Object.keys(matchLabels).length + matchExpressions.length > 0;
  return selects ? { matchLabels, matchExpressions } : undefined;
}

/** The verdict with its reason behind it. */
export function withReason(verdict: Health, reason: string): Health {
  return { ...verdict, sentence: `${verdict.sentence}; ${reason}` };
}

/** Undefined where every pod is well, or there is none. */
export function podReason(pods: readonly KubeObject[]): PodReason | undefined {
  const found = pods
    .filter((pod) => pod.metadata["deletionTimestamp"] === undefined)
    .flatMap((pod) => {
      const trouble = podTrouble(pod);
      return trouble === undefined ? [] : [{ pod, trouble }];
    });
  const worst = found.toSorted(
    (a, b) => b.trouble.weight - a.trouble.weight || (bornAt(a.pod) < bornAt(b.pod) ? 1 : -1),
  )[0];
  if (worst === undefined) return undefined;
  const { text, speaker } = worst.trouble;
  const reason = { pod: worst.pod, text: `pod ${worst.pod.metadata.name}: ${text}` };
  return speaker === undefined ? reason : { ...reason, speaker };
}

function bornAt(pod: KubeObject): string {
  return textOf(pod.metadata, "creationTimestamp");
}

function podTrouble(pod: KubeObject): Trouble | undefined {
  const status = statusOf(pod);
  if (textOf(status, "phase") === "Succeeded") return undefined;
  const inContainers = ["initContainer", "container"].flatMap((role) =>
    listOf(status, `${role}Statuses`).flatMap((one) => containerTrouble(pod, role, one) ?? []),
  );
  const worst = inContainers.toSorted((a, b) => b.weight - a.weight)[0];
  if (worst !== undefined) return worst;
  if (textOf(status, "phase") === "Failed") {
    const words = [textOf(status, "reason"), textOf(status, "message")].filter((word) => word !== "");
    return { weight: 4, text: words.length === 0 ? "has failed" : words.join(": ") };
  }
  const scheduled = conditionOf(pod, "PodScheduled");
  if (scheduled?.status === "False")
    return { weight: 3, text: `cannot be scheduled: ${wordsOf(scheduled, "Unschedulable")}` };
  return undefined;
}

function containerTrouble(pod: KubeObject, role: string, status: Fields): Trouble | undefined {
  const name = `${role === "container" ? "container" : "init container"} ${textOf(status, "name")}`;
  const state = fieldsOf(status, "state");
  const waiting = fieldsOf(state, "waiting");
  const reason = textOf(waiting, "reason");
  const message = textOf(waiting, "message");
  if (UNPULLED.has(reason)) return { weight: 5, text: `${name}: ${pullText(pod, role, status)}` };
  if (UNSTARTED.has(reason)) return { weight: 5, text: `${name} cannot start: ${reason}: ${message}` };
  const last = fieldsOf(fieldsOf(status, "lastState"), "terminated");
  if (reason === "CrashLoopBackOff") return crash(name, status, last, { weight: 6, previous: true });
  const ended = fieldsOf(state, "terminated");
  if (numberOf(ended, "exitCode") !== 0) return crash(name, status, ended, { weight: 6, previous: false });
  if (status["ready"] === true || state["running"] === undefined || role !== "container") return undefined;
  if (numberOf(last, "exitCode") !== 0) return crash(name, status, last, { weight: 4, previous: true });
  const probe = failingProbe(pod, status);
  return probe === undefined ? undefined : { weight: 2, text: `${name} runs, but ${probe}` };
}

/** The kubelet's message holds the image's name more often than not. */
function pullText(pod: KubeObject, role: string, status: Fields): string {
  const waiting = fieldsOf(fieldsOf(status, "state"), "waiting");
  const image = textOf(specOfContainer(pod, role, status), "image") || textOf(status, "image");
  const words = textOf(waiting, "message") || textOf(waiting, "reason");
  const why = words === textOf(waiting, "reason") ? words : `${textOf(waiting, "reason")}: ${words}`;
  return `image ${image} cannot be pulled: ${why}`;
}

function crash(
  name: string,
  status: Fields,
  ended: Fields,
  { weight, previous }: { weight: number; previous: boolean },
): Trouble {
  const restarts = numberOf(status, "restartCount");
  const code = `exit code ${numberOf(ended, "exitCode")}`;
  const times = `${restarts} ${restarts === 1 ? "restart" : "restarts"}`;
  const killed = textOf(ended, "reason") === "OOMKilled";
  const what = killed ? "took more memory than its limit (OOMKilled" : `ended with ${code} (`;
  const text = `${name} ${what}${killed ? `, ${code}, ` : ""}${times})`;
  const container = textOf(status, "name");
  const run = textOf(ended, "containerID") || `${container} ${restarts}`;
  return { weight, text, speaker: { container, previous, run } };
}

function failingProbe(pod: KubeObject, status: Fields): string | undefined {
  const spec = specOfContainer(pod, "container", status);
  if (status["started"] === false && spec["startupProbe"] !== undefined)
    return `its startup probe ${probeText(fieldsOf(spec, "startupProbe"))} has not succeeded`;
  if (spec["readinessProbe"] === undefined) return undefined;
  return `its readiness probe ${probeText(fieldsOf(spec, "readinessProbe"))} does not succeed`;
}

function probeText(probe: Fields): string {
  const [http, tcp, grpc] = ["httpGet", "tcpSocket", "grpc"].map((how) => portOf(fieldsOf(probe, how)));
  if (http !== undefined) return `GET :${http}${textOf(fieldsOf(probe, "httpGet"), "path") || "/"}`;
  if (tcp !== undefined) return `TCP :${tcp}`;
  return grpc === undefined ? "(a command)" : `gRPC :${grpc}`;
}

/** A number, or a port's name. */
function portOf({ port }: Fields): string | undefined {
  return typeof port === "number" || typeof port === "string" ? String(port) : undefined;
}

function specOfContainer(pod: KubeObject, role: string, status: Fields): Fields {
  return listOf(specOf(pod), `${role}s`).find((one) => one["name"] === status["name"]) ?? {};
}
