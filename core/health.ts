/**
 * Health of a live object: a table group/kind -> rule, with the kstatus checks that hold for every kind in front
 * and a declared fallback for kinds that the table does not know. Each verdict is one sentence with its numbers.
 * Never a guess from age: there is no clock here, deadlines belong to the rollout.
 */
import { canaryHealth, rolloutHealth } from "./health/delivery.ts";
import {
  certificateHealth,
  certificateRequestHealth,
  crossplaneHealth,
  packageHealth,
  sealedSecretHealth,
  settledReadyHealth,
} from "./health/operators.ts";
import {
  apiServiceHealth,
  budgetHealth,
  claimHealth,
  definitionHealth,
  namespaceHealth,
} from "./health/other.ts";
import { scalerHealth, serviceHealth } from "./health/other.ts";
import { daemonSetHealth, deploymentHealth, replicaSetHealth, statefulSetHealth } from "./health/replicas.ts";
import { cronJobHealth, jobHealth, podHealth } from "./health/run.ts";
import {
  conditionOf,
  current,
  failed,
  progressing,
  statusOf,
  terminating,
  wordsOf,
} from "./health/verdict.ts";
import type { Health, HealthStatus } from "./health/verdict.ts";
import { groupOf, type KubeObject } from "./object.ts";

export type { Health } from "./health/verdict.ts";

type Rule = (object: KubeObject) => Health;

const RULES: ReadonlyMap<string, Rule> = new Map([
  ["apps/Deployment", deploymentHealth],
  ["apps/StatefulSet", statefulSetHealth],
  ["apps/DaemonSet", daemonSetHealth],
  ["apps/ReplicaSet", replicaSetHealth],
  ["/Pod", podHealth],
  ["batch/Job", jobHealth],
  ["batch/CronJob", cronJobHealth],
  ["/PersistentVolumeClaim", claimHealth],
  ["/Service", serviceHealth],
  ["policy/PodDisruptionBudget", budgetHealth],
  ["apiextensions.k8s.io/CustomResourceDefinition", definitionHealth],
  ["apiregistration.k8s.io/APIService", apiServiceHealth],
  ["/Namespace", namespaceHealth],
  ["autoscaling/HorizontalPodAutoscaler", scalerHealth],
  ["argoproj.io/Rollout", rolloutHealth],
  ["flagger.app/Canary", canaryHealth],
  ["cert-manager.io/Certificate", certificateHealth],
  ["cert-manager.io/CertificateRequest", certificateRequestHealth],
  ["bitnami.com/SealedSecret", sealedSecretHealth],
  ["pkg.crossplane.io/Provider", packageHealth],
  ["pkg.crossplane.io/Function", packageHealth],
  ["pkg.crossplane.io/Configuration", packageHealth],
]);

/** Whole families, by the end of their group. */
const FAMILIES: readonly (readonly [group: string, rule: Rule])[] = [
  ["external-secrets.io", settledReadyHealth],
  ["serving.knative.dev", settledReadyHealth],
  ["crossplane.io", crossplaneHealth],
  ["upbound.io", crossplaneHealth],
];

function ruleOf(group: string, kind: string): Rule {
  const family = FAMILIES.find(([name]) => group === name || group.endsWith(`.${name}`));
  return RULES.get(`${group}/${kind}`) ?? family?.[1] ?? readyHealth;
}

/** Kinds whose controller fills `status.observedGeneration`: without it nobody has looked yet. */
const OBSERVED = new Set(["apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "apps/ReplicaSet"]);

/** Source of the rules: kstatus; where a rule departs from it, the rule says so. */
export function health(object: KubeObject): Health {
  return unseen(object) ?? generic(object) ?? ruleOf(groupOf(object.apiVersion), object.kind)(object);
}

/** What no rule is asked about: it goes, or its controller has not looked at it as it is now. */
export function unseen(object: KubeObject): Health | undefined {
  const observedWanted = OBSERVED.has(`${groupOf(object.apiVersion)}/${object.kind}`);
  if (typeof object.metadata["deletionTimestamp"] === "string") return terminating("is being deleted");
  const observed = statusOf(object)["observedGeneration"];
  const generation = object.metadata["generation"];
  if (observedWanted && typeof observed !== "number")
    return progressing("its controller has not looked at it yet");
  if (typeof observed === "number" && typeof generation === "number" && observed < generation)
    return progressing(`generation ${generation} is not observed yet, the last one seen is ${observed}`);
  return undefined;
}

function generic(object: KubeObject): Health | undefined {
  const stalled = conditionOf(object, "Stalled");
  if (stalled?.status === "True") return failed(`stalled: ${wordsOf(stalled, "no reason given")}`);
  const reconciling = conditionOf(object, "Reconciling");
  if (reconciling?.status === "True")
    return progressing(`reconciling: ${wordsOf(reconciling, "no reason given")}`);
  return undefined;
}

function readyHealth(object: KubeObject): Health {
  const ready = conditionOf(object, "Ready");
  if (ready === undefined) return current(`${object.kind} is in place`);
  if (ready.status === "True") return current(`ready: ${wordsOf(ready, "True")}`);
  return progressing(`not ready: ${wordsOf(ready, ready.status)}`);
}

const BY_WEIGHT: readonly HealthStatus[] = ["current", "progressing", "terminating", "failed"];

/** The worst verdict, the first of equals; undefined for an empty list. Failed outweighs terminating outweighs progressing. */
export function worstHealth<T extends Health>(list: readonly T[]): T | undefined {
  let worst: T | undefined;
  for (const one of list)
    if (worst === undefined || BY_WEIGHT.indexOf(one.status) > BY_WEIGHT.indexOf(worst.status)) worst = one;
  return worst;
}
