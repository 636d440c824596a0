/**
 * Health of what operators make, by the conditions that their controllers write: cert-manager, Sealed Secrets, External
 * Secrets, Knative, Crossplane. Each says when `False` is an end and when it is only not yet.
 */
import type { KubeObject } from "../object.ts";
import {
  conditionOf,
  current,
  failed,
  progressing,
  wordsOf,
  type Condition,
  type Health,
} from "./verdict.ts";

/** Source: cert-manager. A failed issuance is tried again an hour later at the earliest: for a rollout it has failed. */
export function certificateHealth(object: KubeObject): Health {
  const issuing = conditionOf(object, "Issuing");
  if (issuing?.status === "False" && issuing.reason === "Failed")
    return failed(`not issued: ${wordsOf(issuing, "Failed")}`);
  if (issuing?.status === "True") return progressing(`being issued: ${wordsOf(issuing, "Issuing")}`);
  return byReady(object, () => false);
}

const REFUSED = new Set(["Failed", "Denied"]);

export function certificateRequestHealth(object: KubeObject): Health {
  return byReady(object, ({ reason }) => REFUSED.has(reason));
}

/** Source: the controller's one condition; what it cannot unseal today it cannot unseal tomorrow. */
export function sealedSecretHealth(object: KubeObject): Health {
  const synced = conditionOf(object, "Synced");
  if (synced === undefined) return progressing("not unsealed yet");
  return synced.status === "True"
    ? current("unsealed")
    : failed(`not unsealed: ${wordsOf(synced, "no reason given")}`);
}

/** External Secrets and Knative: `Unknown` is on its way, `False` stands until something changes. */
export function settledReadyHealth(object: KubeObject): Health {
  return byReady(object, () => true);
}

function byReady(object: KubeObject, isEnd: (ready: Condition) => boolean): Health {
  const ready = conditionOf(object, "Ready");
  if (ready === undefined) return progressing("its controller has not looked at it yet");
  const words = wordsOf(ready, ready.status);
  if (ready.status === "True") return current(`ready: ${words}`);
  return ready.status === "False" && isEnd(ready)
    ? failed(`not ready: ${words}`)
    : progressing(`not ready: ${words}`);
}

/** Source: Crossplane's conditions of managed and composite resources; one without any (a ProviderConfig) is in place. */
export function crossplaneHealth(object: KubeObject): Health {
  const synced = conditionOf(object, "Synced");
  if (synced?.status === "False") return failed(`not synced: ${wordsOf(synced, "no reason given")}`);
  const ready = conditionOf(object, "Ready");
  if (ready === undefined)
    return synced === undefined
      ? current(`${object.kind} is in place`)
      : progressing("synced, not ready yet");
  const words = wordsOf(ready, ready.status);
  return ready.status === "True" ? current(`ready: ${words}`) : progressing(`not ready: ${words}`);
}

/** Packages of Crossplane: installed, and then healthy. */
export function packageHealth(object: KubeObject): Health {
  for (const type of ["Installed", "Healthy"]) {
    const condition = conditionOf(object, type);
    if (condition === undefined) return progressing(`${type} is not told yet`);
    if (condition.status !== "True")
      return progressing(`${type} is ${condition.status}: ${wordsOf(condition, "no reason given")}`);
  }
  return current("installed and healthy");
}
