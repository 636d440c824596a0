/** What the HTTP API answers, and what the CLI and the page read: one set of shapes for all three. */
import { z } from "zod";
import { appSchema } from "./app.ts";
import { clusterSchema } from "./cluster.ts";
import { driftAuditSchema } from "./drift-audit.ts";
import { placementDetailSchema, placementSchema } from "./placement.ts";
import { releaseSchema } from "./release.ts";
import { resourceSchema } from "./resource.ts";
import { rolloutSchema } from "./rollout.ts";
import { sourceSchema, sourceStateSchema } from "./source.ts";

/** Why an App's newest commit became no release; gone when one did. */
export const appErrorSchema = z.object({
  commit: z.string(),
  message: z.string(),
  file: z.string().optional(),
  line: z.number().optional(),
  object: z.string().optional(),
});
export type AppError = z.infer<typeof appErrorSchema>;

/** `commit` is the newest one looked at; `release` 0 before the first. */
export const appStateSchema = z.object({
  release: z.number().int(),
  commit: z.string().optional(),
  active: z.boolean(),
  error: appErrorSchema.optional(),
});
export type AppState = z.infer<typeof appStateSchema>;

export const sourceViewSchema = z.object({
  resource: sourceSchema,
  version: z.number(),
  state: sourceStateSchema.optional(),
});
export const appViewSchema = z.object({
  resource: appSchema,
  version: z.number(),
  deleting: z.boolean(),
  state: appStateSchema.optional(),
});
export const clusterViewSchema = z.object({
  resource: clusterSchema,
  version: z.number(),
  registered: z.boolean(),
  silent: z.boolean(),
  heardAt: z.number().optional(),
  agent: z.string().optional(),
  kubernetes: z.string().optional(),
});
export const placementViewSchema = placementSchema.extend({ detail: placementDetailSchema.optional() });
export type SourceView = z.infer<typeof sourceViewSchema>;
export type AppView = z.infer<typeof appViewSchema>;
export type ClusterView = z.infer<typeof clusterViewSchema>;
export type PlacementView = z.infer<typeof placementViewSchema>;

export const applyRequestSchema = z.object({
  resources: z.array(z.unknown()).min(1),
  dryRun: z.boolean().default(false),
});
export const applyAnswerSchema = z.object({
  results: z.array(
    z.object({
      kind: z.string(),
      project: z.string(),
      name: z.string(),
      outcome: z.enum(["created", "configured", "unchanged"]),
    }),
  ),
});
export type ApplyAnswer = z.infer<typeof applyAnswerSchema>;

export const registrationAnswerSchema = z.object({
  token: z.string(),
  expiresAt: z.number(),
  recovery: z.string(),
});
export type RegistrationAnswer = z.infer<typeof registrationAnswerSchema>;

export const listOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item) });
export { releaseSchema, resourceSchema, rolloutSchema };

/** One App with all that is told of it; a placement carries its detail only where it drifted or failed. */
export const fleetAppSchema = z.object({
  app: appViewSchema,
  /** Newest first. */
  releases: z.array(releaseSchema),
  /** Of the newest release; absent before it started. */
  rollout: rolloutSchema.optional(),
  placements: z.array(placementViewSchema),
});
export type FleetApp = z.infer<typeof fleetAppSchema>;

/** Everything that the page and a bare `fairlead get` show; `at` is the hub's clock. */
export const fleetViewSchema = z.object({
  at: z.number(),
  clusters: z.array(clusterViewSchema),
  sources: z.array(sourceViewSchema),
  apps: z.array(fleetAppSchema),
  audit: driftAuditSchema.optional(),
});
export type FleetView = z.infer<typeof fleetViewSchema>;
