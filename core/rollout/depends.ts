/** What an App's clusters wait for in Apps that it depends on: each cluster for what stands on itself, and nothing else. */
import type { Placement } from "../placement.ts";
import { isUnderWay } from "../protocol.ts";
import { sameGeneration, type NotNow } from "./standing.ts";
import type { RolloutState } from "./state.ts";

export interface DependencyFacts {
  app: string;
  /** Of the release in force; undefined where it is not for this cluster. */
  target: { epoch: number; generation: number; action: "apply" | "remove" } | undefined;
  placement: Placement | undefined;
  /** Of the release in force. */
  rollout: RolloutState["kind"];
}

/** Undefined: nothing to wait for. */
export function dependencyWait({ app, target, placement, rollout }: DependencyFacts): NotNow | undefined {
  if (target === undefined || target.action === "remove") return undefined;
  const observed = placement?.observed;
  const told = observed !== undefined && sameGeneration(observed, target) ? observed : undefined;
  if (told?.phase === "healthy") return undefined;
  const isAssigned = placement?.assigned !== undefined && sameGeneration(placement.assigned, target);
  const how = told?.phase ?? (isAssigned ? "assigned" : "not moved yet");
  const why = `waits for App ${app} on this cluster: ${how}`;
  // Its rollout is over without this cluster: nobody knows when it comes, and the others shall not wait for it.
  const isPassed = rollout === "succeeded" && !(told !== undefined && isUnderWay(told.phase));
  return { kind: isPassed ? "held" : "waiting", why };
}

/** The App is there, and nothing of it was released so far. */
export function unreleasedWait(app: string): NotNow {
  return { kind: "waiting", why: `waits for App ${app}, which has no release yet` };
}
