/**
 * A placement: one App on one cluster, what is assigned and what was last observed. Written by two hands, so the
 * two halves never touch each other's fields.
 */
import { z } from "zod";
import { failureSchema, driftSchema, PHASES } from "./protocol.ts";
import { outcomeCountsSchema } from "./outcome.ts";

export const assignedSchema = z.object({
  action: z.enum(["apply", "remove"]),
  epoch: z.number().int(),
  generation: z.number().int(),
  release: z.number().int(),
  bundle: z.string().optional(),
  at: z.number(),
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
  /** When the agent's report was taken. */
  at: z.number(),
});

export const placementSchema = z.object({
  project: z.string(),
  app: z.string(),
  cluster: z.string(),
  assigned: assignedSchema.optional(),
  observed: observedSchema.optional(),
});
export type Placement = z.infer<typeof placementSchema>;

/** Too long for the placement's own kilobyte; there only when there is something to tell. */
export const placementDetailSchema = z.object({
  failures: z.array(failureSchema),
  drift: z.array(driftSchema),
});
export type PlacementDetail = z.infer<typeof placementDetailSchema>;
