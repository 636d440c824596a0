/** A rollout in words: where it stands and what it waits for. One set of words for pages, CLI, timeline and `why`. */
import { assertNever } from "../assert.ts";
import { waitingWords } from "./judging.ts";
import type { Rollout, Step } from "./state.ts";

export function stageName({ stages, stage }: Pick<Rollout, "stages" | "stage">): string {
  return stages[stage]?.name ?? "returning";
}

/** `waits for an approval before stage eu`. */
export function stepWords(rollout: Rollout, step: Step | undefined): string {
  const name = stageName(rollout);
  if (step === undefined) return `stage ${name} moves`;
  switch (step.kind) {
    case "soaking":
      return `stage ${name} soaks until ${timeWords(step.until)}`;
    case "approval":
      return `waits for an approval ${step.when} stage ${name}`;
    case "gates":
      return `stage ${name} waits for its gates: ${waitingWords(rollout)}`;
    case "window":
      return `stage ${name} ${windowWords(step.until)}`;
    case "dependency":
      return `stage ${name} ${waitWords(rollout)}`;
    default:
      return assertNever(step);
  }
}

/** What it waits for, or how it ended. */
export function stateWords(rollout: Rollout): string {
  const { state } = rollout;
  switch (state.kind) {
    case "withheld":
      return state.approved === undefined
        ? `waits for an approval: ${state.reason}`
        : `approved by ${state.approved.by}, about to be signed`;
    case "pending":
      return `waits for the rollout of release ${state.after}`;
    case "running":
      return stepWords(rollout, state.step);
    case "paused":
      return `paused by ${state.by}`;
    case "halted":
      return `halted: ${state.reason}`;
    case "rolling-back":
      return `going back: ${state.reason}`;
    case "rolled-back":
      return `went back: ${state.reason}`;
    case "succeeded":
      return `succeeded${state.silent === 0 ? "" : `, ${state.silent} silent clusters get it when heard`}${heldWords(rollout, state.held)}`;
    case "superseded":
      return `superseded by release ${state.by}`;
    case "aborted":
      return state.reason ?? `aborted by ${state.by}`;
    default:
      return assertNever(state);
  }
}

/** The first of those that are left behind, and how many more there are. */
function heldWords(rollout: Rollout, held = 0): string {
  return held === 0 ? "" : `, ${held} held clusters get it when they may (${waitWords(rollout)})`;
}

function waitWords({ waits, held, waiting }: Rollout): string {
  const [first] = waits;
  const more = held.length + waiting.length - 1;
  const others = more > 0 ? ` (and ${more} more)` : "";
  return first === undefined ? "waits for another App" : `${first.cluster}${others}: ${first.why}`;
}

export function windowWords(until: number | undefined): string {
  return `waits for its window${until === undefined ? "" : `, which opens at ${timeWords(until)}`}`;
}

export function timeWords(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace("T", " ") + " UTC";
}
