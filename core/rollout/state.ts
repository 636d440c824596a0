/**
 * A rollout as plain data: its stages over the frozen target order, how far each rank has come, and its state. The record
 * alone says what may be assigned; an event only says "look".
 */
import * as z from "zod";
import { stampSchema } from "../actor.ts";
import { approversSchema } from "../approval.ts";
import { gateSchema, verdictSchema } from "../gate.ts";
import { calendarWindowSchema } from "./calendar.ts";

const ranks = z.array(z.number().int().nonnegative());

export const stageSchema = z.object({
  name: z.string(),
  /** Ranks `from` up to, not including, `to`. */
  from: z.number().int(),
  to: z.number().int(),
  maxUnavailable: z.number().int().positive(),
  /** Clusters that move at the same time, whatever their health was. */
  maxConcurrent: z.number().int().positive().optional(),
  /** All of it has to stay available this long before the next stage. */
  soakMs: z.number().int().positive().optional(),
  /** Somebody has to say yes before its first cluster moves, or after its last one has soaked. */
  approval: z.enum(["before", "after"]).optional(),
  /** How many, and who counts; absent: one person who may. */
  approvers: approversSchema.optional(),
  gates: z.array(gateSchema).optional(),
  /** Instead of the rollout's. */
  windows: z.array(calendarWindowSchema).optional(),
});
export type Stage = z.infer<typeof stageSchema>;

const stepSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("soaking"), since: z.number(), until: z.number() }),
  z.object({ kind: z.literal("approval"), when: z.enum(["before", "after"]), since: z.number() }),
  /** The soak is over, and not all gates have passed. */
  z.object({ kind: z.literal("gates"), since: z.number() }),
  z.object({ kind: z.literal("window"), until: z.number().optional() }),
  /** Nothing of the stage moves, and some of it wait for another App. */
  z.object({ kind: z.literal("dependency") }),
]);
export type Step = z.infer<typeof stepSchema>;

export const rolloutStateSchema = z.discriminatedUnion("kind", [
  /**
   * It would make more vanish than the budget allows: nothing of it is signed, so that there is nothing to assign. Once
   * `approved`, the release function signs it, if it would still be the same that goes. `authors` do not count.
   */
  z.object({
    kind: z.literal("withheld"),
    since: z.number(),
    reason: z.string(),
    authors: z.array(z.string()).readonly(),
    approved: z.object({ by: z.string(), at: z.number() }).optional(),
  }),
  /** Waits for the rollout of release `after`. */
  z.object({ kind: z.literal("pending"), after: z.number().int() }),
  /** `step` is what the stage in force waits for; absent: it moves. */
  z.object({ kind: z.literal("running"), step: stepSchema.optional() }),
  z.object({ kind: z.literal("paused"), by: z.string(), at: z.number() }),
  /** Nothing more is released until what failed is healthy, a person goes on, or a newer release comes. `by`: it was a person; `gate`: it was a gate. */
  z.object({
    kind: z.literal("halted"),
    reason: z.string(),
    by: z.string().optional(),
    gate: z.string().optional(),
  }),
  /** `asked`: when its list was last asked for. */
  z.object({
    kind: z.literal("rolling-back"),
    reason: z.string(),
    since: z.number(),
    asked: z.number().optional(),
  }),
  z.object({ kind: z.literal("rolled-back"), at: z.number(), reason: z.string() }),
  z.object({
    kind: z.literal("succeeded"),
    at: z.number(),
    /** They get it when they are heard again. */
    silent: z.number().int(),
    /** Not silent, and not to be moved at their turn: they get it when they may. */
    held: z.number().int().optional(),
    /** Tolerated by `maxFailures`. */
    failed: z.number().int().optional(),
  }),
  z.object({ kind: z.literal("superseded"), at: z.number(), by: z.number().int() }),
  z.object({ kind: z.literal("aborted"), at: z.number(), by: z.string(), reason: z.string().optional() }),
]);
export type RolloutState = z.infer<typeof rolloutStateSchema>;

/** The way back: a list of its own, first those that fail, then those that do not. */
const backSchema = z.object({
  /** Digest of its list. */
  targets: z.string(),
  total: z.number().int(),
  /** Ranks below this one fail where they are: they go back at once. */
  failing: z.number().int(),
  maxUnavailable: z.number().int().positive(),
  released: z.number().int(),
  out: ranks,
  failed: ranks,
  /** Clusters that had nothing healthy before: they stay as they are. */
  stay: z.number().int(),
});
export type Back = z.infer<typeof backSchema>;

const approvalSchema = z.object({
  stage: z.string(),
  when: z.enum(["before", "after"]),
  by: z.string(),
  at: z.number(),
});

/** One gate of one stage, since that stage began to soak. */
const gateRunSchema = z.object({
  stage: z.string(),
  gate: z.string(),
  /** The newest one. Numbers are the rollout's: none comes twice. */
  attempt: z.number().int(),
  /** An answer is owed since then; `soaked`: the soak was over when it was asked for. */
  asked: z.object({ at: z.number(), soaked: z.boolean() }).optional(),
  told: verdictSchema.extend({ at: z.number(), soaked: z.boolean() }).optional(),
  /** In a row. */
  failures: z.number().int(),
  inconclusive: z.number().int(),
  /** Of the samples that all were within their limits, the first. */
  passingSince: z.number().optional(),
  /** When it was asked for the first time after the soak. */
  since: z.number().optional(),
});
export type GateRun = z.infer<typeof gateRunSchema>;

export const rolloutSchema = z.object({
  project: z.string(),
  app: z.string(),
  release: z.number().int().positive(),
  commit: z.string(),
  targets: z.string(),
  total: z.number().int(),
  stages: z.array(stageSchema),
  /** Of stages that have none of their own. */
  windows: z.array(calendarWindowSchema).optional(),
  /** The stage whose windows somebody let it pass. */
  opened: z.number().int().optional(),
  /** Ranks below this one had their turn. */
  released: z.number().int(),
  /** Ranks below this one are done with. */
  settled: z.number().int(),
  /** Grows when work that was handed out before must not be done any more. */
  fence: z.number().int(),
  deadlineMs: z.number().int(),
  state: rolloutStateSchema,
  startedAt: z.number(),
  version: z.number().int(),
  /** In which its statements are signed; absent in items from before, where it stood with the release alone. */
  epoch: z.number().int().optional(),
  /** Of the statements that it moves clusters to; the next number is kept for its way back. */
  generation: z.number().int().default(0),
  /** Which of `stages` is in force; their number when all are passed. */
  stage: z.number().int().default(0),
  /** Clusters of this stage that were moved; a stage that moved nothing has nothing to soak. */
  moved: z.number().int().default(0),
  /** Released and not known to be available, in order. */
  out: ranks.default([]),
  /** Those of `out` that were unavailable before they were moved: not because of us. */
  free: ranks.default([]),
  /** Those of `out` that failed. */
  failed: ranks.default([]),
  /** The first few of them in words. */
  failures: z
    .array(z.object({ rank: z.number().int(), cluster: z.string(), reason: z.string() }))
    .default([]),
  /** Silent at their turn, or not to be moved: the stage `returning`. */
  later: ranks.default([]),
  /** Those of `later` that were left behind although they are heard. */
  held: ranks.default([]),
  /** Those of `later` that their stage does not end before. */
  waiting: ranks.default([]),
  /** The first few of both in words. */
  waits: z.array(z.object({ rank: z.number().int(), cluster: z.string(), why: z.string() })).default([]),
  /** Apps that have to be healthy on a cluster before this one moves there. */
  dependsOn: z.array(z.string()).optional(),
  /** Apps whose clusters wait for this one: they are looked at when it is healthy somewhere. */
  dependants: z.array(z.string()).optional(),
  maxFailures: z.number().int().positive().default(1),
  onFailure: z.enum(["rollback", "halt"]).default("halt"),
  approvals: z.array(approvalSchema).default([]),
  /** Of the stage in force, or of the last one that had gates. */
  gates: z.array(gateRunSchema).default([]),
  /** How often gates were asked for. */
  attempts: z.number().int().default(0),
  /** Whoever changed the App and so made this release: their own yes does not count. */
  by: z.string().optional(),
  /** What failed before this moment is given its time again. */
  retriedAt: z.number().optional(),
  back: backSchema.optional(),
  /** Nothing newer is released until what failed has changed, or somebody lifts it. */
  pinned: z.boolean().optional(),
  /** Somebody lets it go on without soaks and windows. */
  promoted: z.object({ by: z.string(), at: z.number() }).optional(),
  /** While it was in force, somebody wanted what this release gave. */
  returnTo: z.number().int().optional(),
  /** Of the last command. */
  stamp: stampSchema.optional(),
});
export type Rollout = z.infer<typeof rolloutSchema>;

/** Of a rollout that nothing was released of. */
export const UNMOVED = {
  released: 0,
  settled: 0,
  fence: 1,
  generation: 0,
  stage: 0,
  moved: 0,
  out: [],
  free: [],
  failed: [],
  failures: [],
  later: [],
  held: [],
  waiting: [],
  waits: [],
  maxFailures: 1,
  onFailure: "halt",
  approvals: [],
  gates: [],
  attempts: 0,
} satisfies Partial<Rollout>;

/** Ended; only the silent clusters of one that succeeded are still to come. */
export function isOver(state: RolloutState): boolean {
  return ["succeeded", "superseded", "aborted", "rolled-back"].includes(state.kind);
}

/** Nothing is left to be done for it. */
export function isDone({ state, later, out, failed }: Rollout): boolean {
  if (state.kind !== "succeeded") return isOver(state);
  return later.length === 0 && out.length === failed.length;
}

/** Whether what it has released may be written to the clusters. */
export function mayAssign({ kind }: RolloutState): boolean {
  return ["running", "paused", "halted", "succeeded", "rolling-back"].includes(kind);
}

/** A count, or a percentage of `total` rounded down; never below 1. `"25%"` of 7 is 1, of 8 is 2. */
export function countOf(countOrPercent: number | string, total: number): number {
  if (typeof countOrPercent === "number") return countOrPercent;
  return Math.max(1, Math.floor((Number.parseInt(countOrPercent, 10) * total) / 100));
}
