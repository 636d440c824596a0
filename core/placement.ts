/**
 * A placement: one App on one cluster, what is assigned and what was last observed. Written by two hands, so the
 * two halves never touch each other's fields.
 */
import * as z from "zod";
import { failureSchema, driftSchema, PHASES } from "./protocol.ts";
import { checkAnswerSchema } from "./object-check.ts";
import { outcomeCountsSchema } from "./outcome.ts";

export const assignedSchema = z.object({
  action: z.enum(["apply", "remove"]),
  epoch: z.number().int(),
  generation: z.number().int(),
  release: z.number().int(),
  bundle: z.string().optional(),
  at: z.number(),
  /** The rollout that moved it here, and its rank there; `back`: on the way back. */
  rollout: z.number().int().optional(),
  rank: z.number().int().optional(),
  back: z.literal(true).optional(),
});
export type Assigned = z.infer<typeof assignedSchema>;

export const observedSchema = z.object({
  seq: z.number().int(),
  epoch: z.number().int(),
  generation: z.number().int(),
  release: z.number().int(),
  bundle: z.string().optional(),
  phase: z.enum(PHASES),
  message: z.string(),
  objects: z.number().int(),
  outcomes: outcomeCountsSchema,
  drift: z.number().int(),
  checks: z.array(checkAnswerSchema).optional(),
  /** When the agent's report was taken. */
  at: z.number(),
});

/** The newest thing that a cluster was healthy on. */
const healthySchema = z.object({
  epoch: z.number().int(),
  generation: z.number().int(),
  release: z.number().int(),
});

export const placementSchema = z.object({
  project: z.string(),
  app: z.string(),
  cluster: z.string(),
  assigned: assignedSchema.optional(),
  observed: observedSchema.optional(),
  healthy: healthySchema.optional(),
  /** What it was healthy on when this was assigned: where a rollback returns to. */
  before: healthySchema.nullish(),
});
export type Placement = z.infer<typeof placementSchema>;

/** Too long for the placement's own kilobyte; there only when there is something to tell. */
export const placementDetailSchema = z.object({
  failures: z.array(failureSchema),
  drift: z.array(driftSchema),
});
export type PlacementDetail = z.infer<typeof placementDetailSchema>;
