/** One sentence: why this cluster is not on the newest release, or that it is. */
import type { Placement } from "../placement.ts";
import { sentence } from "../text.ts";
import { sameGeneration, type NotNow } from "./standing.ts";
import { inStage } from "./ranks.ts";
import type { Rollout } from "./state.ts";
import type { WindowVerdict } from "./window.ts";
import { stateWords, windowWords } from "./words.ts";

export interface WhyFacts {
  app: string;
  cluster: string;
  /** Of the newest release. */
  rollout: Rollout | undefined;
  /** The cluster's place in it; undefined: it is no target. */
  target: { rank: number; epoch: number; generation: number; release: number } | undefined;
  placement: Placement | undefined;
  silent: boolean;
  /** Of the cluster's stage. */
  window?: WindowVerdict | undefined;
  /** Why it is not to be moved at this moment. */
  notNow?: NotNow | undefined;
  /** What was withheld last. */
  withheld?: Rollout | undefined;
  /** Why the newest commit made no release. */
  error?: string | undefined;
}

export function whyOf(facts: WhyFacts): string {
  const reason = reasonOf(facts);
  const error = facts.error === undefined ? "" : `; the newest commit made no release: ${facts.error}`;
  const { withheld } = facts;
  const held =
    withheld?.state.kind === "withheld" ? `; release ${withheld.release} ${stateWords(withheld)}` : "";
  return sentence(`${facts.app} on ${facts.cluster}: ${reason}${error}${held}`, 500);
}

function reasonOf(facts: WhyFacts): string {
  const { rollout, target, placement } = facts;
  if (rollout === undefined) return "the App has no release yet";
  const { release, state } = rollout;
  if (target === undefined)
    return `release ${release} does not mean this cluster: spec.clusters does not match it`;
  const { assigned, observed } = placement ?? {};
  const isAssigned = assigned !== undefined && sameGeneration(assigned, target);
  const told =
    isAssigned && observed !== undefined && sameGeneration(observed, assigned) ? observed : undefined;
  if (told?.phase === "healthy" || told?.phase === "removed")
    return `on release ${release}, the newest, and ${told.phase}`;
  if (told !== undefined) return `release ${release} is assigned, and it is ${told.phase}: ${told.message}`;
  if (isAssigned)
    return facts.silent
      ? `release ${release} is assigned, and the cluster is silent`
      : `release ${release} is assigned, and the cluster has not taken it yet`;
  return `still on release ${assigned?.release ?? "none"}: ${waitingWords(facts, rollout, target.rank, state.kind)}`;
}

function waitingWords(
  facts: WhyFacts,
  rollout: Rollout,
  rank: number,
  kind: Rollout["state"]["kind"],
): string {
  const { release } = rollout;
  const how = stateWords(rollout);
  if (kind === "rolled-back" || kind === "rolling-back") return `release ${release} ${how}`;
  if (rollout.later.includes(rank))
    return `it was ${passedWords(rollout, rank)}, and ${laterWords(facts, release)}`;
  if (kind !== "running" && kind !== "succeeded")
    return `release ${release} is not handed out further: ${how}`;
  if (rollout.out.includes(rank)) return `release ${release} is about to be assigned`;
  const stage = rollout.stages.findIndex((one) => inStage(one, rank));
  const name = rollout.stages[stage]?.name ?? "";
  if (stage > rollout.stage) return `stage ${name} has not begun; ${how}`;
  const before = rank - rollout.released;
  return `${before} clusters of stage ${name} come before it; ${how}`;
}

function passedWords({ held, waiting }: Rollout, rank: number): string {
  return held.includes(rank) || waiting.includes(rank) ? "passed by at its turn" : "silent at its turn";
}

function laterWords({ silent, window, notNow }: WhyFacts, release: number): string {
  if (silent) return "still is";
  if (notNow !== undefined) return notNow.why;
  if (window?.open === false) return `its stage ${windowWords(window.until)}`;
  return `is about to get release ${release}`;
}
