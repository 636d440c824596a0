/** Health of progressive delivery: Argo Rollouts and Flagger. A pause at a step is on its way: somebody, or a clock, goes on. */
import type { KubeObject } from "../object.ts";
import {
  conditionOf,
  current,
  failed,
  numberOf,
  progressing,
  specOf,
  statusOf,
  textOf,
  wordsOf,
  type Health,
} from "./verdict.ts";

/** Source: the phases that Argo Rollouts' own controller writes; its `observedGeneration` is a text. */
export function rolloutHealth(object: KubeObject): Health {
  const status = statusOf(object);
  const seen = Number(textOf(status, "observedGeneration"));
  const generation = object.metadata["generation"];
  if (typeof generation === "number" && seen < generation)
    return progressing(`generation ${generation} is not observed yet`);
  const message = textOf(status, "message");
  const wanted = numberOf(specOf(object), "replicas", 1);
  const counted = `${numberOf(status, "availableReplicas")} of ${wanted} replicas available`;
  switch (textOf(status, "phase")) {
    case "Healthy":
      return current(counted);
    case "Degraded":
      return failed(`degraded: ${message || counted}`);
    case "Paused":
      return progressing(`paused: ${message || "waits at a step"}`);
    default:
      return progressing(message || counted);
  }
}

/** Source: Flagger's phases; a canary that failed was rolled back by it. */
export function canaryHealth(object: KubeObject): Health {
  const status = statusOf(object);
  const phase = textOf(status, "phase");
  const promoted = conditionOf(object, "Promoted");
  const words = promoted === undefined ? phase : wordsOf(promoted, phase);
  if (phase === "Initialized" || phase === "Succeeded") return current(words);
  if (phase === "Failed") return failed(words);
  const weight = numberOf(status, "canaryWeight");
  return progressing(`${phase || "not looked at yet"}, ${weight} % of traffic: ${words}`);
}
