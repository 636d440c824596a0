/**
 * What happened to a rollout, one entry for each change that people would tell each other: made of two states of its
 * record, so that no change can be forgotten or told twice.
 */
import * as z from "zod";
import { canonicalJson } from "../digest.ts";
import { sentence } from "../text.ts";
import { approversOf } from "./gates.ts";
import { runWords } from "./judging.ts";
import type { Rollout } from "./state.ts";
import { stageName, stateWords } from "./words.ts";

export const timelineEntrySchema = z.object({
  /** The version of the record that the change made: its place in the order. */
  version: z.number().int(),
  at: z.number(),
  stage: z.string(),
  /** The state's kind, or that of what its stage waits for. */
  state: z.string(),
  what: z.string(),
  /** Of a command: who gave it. */
  by: z.string().optional(),
  why: z.string().optional(),
  /** How long the state before had lasted (ms). */
  afterMs: z.number().optional(),
});
export type TimelineEntry = z.infer<typeof timelineEntrySchema>;

/** Undefined where nothing changed but how many clusters are done. */
export function timelineOf(
  before: Rollout | undefined,
  after: Rollout,
  at: number,
): TimelineEntry | undefined {
  const isTold = canonicalJson(before?.stamp ?? null) !== canonicalJson(after.stamp ?? null);
  if (before !== undefined && keyOf(before) === keyOf(after) && !isTold) return undefined;
  const stamp = isTold ? after.stamp : undefined;
  return {
    version: after.version,
    at,
    stage: stageName(after),
    state: stateKind(after),
    what: sentence(before === undefined ? `started: ${stateWords(after)}` : whatOf(before, after)),
    ...(stamp === undefined ? {} : { by: stamp.by }),
    ...(stamp?.why === undefined ? {} : { why: stamp.why }),
  };
}

function whatOf(before: Rollout, after: Rollout): string {
  const given = approvedWords(before, after);
  if (before.promoted?.at !== after.promoted?.at && after.promoted !== undefined)
    return `promoted: no soaks and no windows any more${given === "" ? "" : `; ${given}`}`;
  if (given !== "") return given;
  const answered = answeredGate(before, after);
  if (answered !== undefined) return answered;
  if (before.state.kind === "withheld" && after.state.kind === "withheld")
    return "approved what it would delete";
  if (before.pinned === true && after.pinned !== true) return "unpinned";
  if (after.returnTo !== undefined && after.stamp?.request !== before.stamp?.request)
    return `goes back to release ${after.returnTo}`;
  if (after.retriedAt !== before.retriedAt) return "what failed is tried again";
  return stateWords(after);
}

/** `approved before stage eu (1 of 2)`; of several stages at once each. */
function approvedWords(before: Rollout, after: Rollout): string {
  const fresh = after.approvals.slice(before.approvals.length);
  const words = fresh.map(({ stage: name, when }) => {
    const stage = after.stages.find((one) => one.name === name);
    const { count = 1 } = stage?.approvers ?? {};
    const given = stage === undefined ? 1 : approversOf(after, stage, when).size;
    return `${when} stage ${name}${count === 1 ? "" : ` (${given} of ${count})`}`;
  });
  return words.length === 0 ? "" : `approved ${words.join(", ")}`;
}

/** Another verdict than before; another value of the same one is no news. */
function answeredGate(before: Rollout, after: Rollout): string | undefined {
  if (stateKind(before) !== stateKind(after) || before.stage !== after.stage) return undefined;
  const run = after.gates.find(
    ({ gate, told }) =>
      told !== undefined && before.gates.find((one) => one.gate === gate)?.told?.kind !== told.kind,
  );
  return run === undefined ? undefined : `gate ${runWords(run)}`;
}

function stateKind({ state }: Rollout): string {
  return state.kind === "running" && state.step !== undefined ? state.step.kind : state.kind;
}

/** What an entry is about: times and counts within a state are not told. */
function keyOf(rollout: Rollout): string {
  const { state } = rollout;
  const reason = "reason" in state ? state.reason : "";
  const told = rollout.gates.flatMap(({ gate, told: last }) =>
    last === undefined ? [] : `${gate}=${last.kind}`,
  );
  return `${told.join()} ${rollout.stage} ${stateKind(rollout)} ${reason} ${rollout.pinned === true} ${rollout.approvals.length} ${rollout.promoted?.at ?? ""} ${rollout.retriedAt ?? ""}`;
}
