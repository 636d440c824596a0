/** What the HTTP API answers, and what the CLI and the page read: one set of shapes for all three. */
import * as z from "zod";
import { appSchema } from "./app.ts";
import { chartFactsSchema } from "./chart-state.ts";
import { clusterSchema } from "./cluster.ts";
import { driftAuditSchema } from "./drift-audit.ts";
import { findingsSchema } from "./finding.ts";
import { fleetFolderSchema } from "./fleet-folder.ts";
import { clusterHoldSchema, holdSchema } from "./hold.ts";
import { placementDetailSchema, placementSchema } from "./placement.ts";
import { policySchema } from "./policy.ts";
import { promotionSchema } from "./promotion.ts";
import { promotionStateSchema } from "./promotion/state.ts";
import { projectSchema } from "./project.ts";
import { PRUNABLE_KINDS } from "./prune.ts";
import { releaseSchema } from "./release.ts";
import { fieldChangeSchema } from "./field-changes.ts";
import { resourceSchema } from "./resource.ts";
import { rolloutSchema } from "./rollout.ts";
import { sourceSchema, sourceStateSchema } from "./source.ts";
import { vanishSchema } from "./vanish.ts";

/** Why an App's newest commit became no release; gone when one did. */
export const appErrorSchema = z.object({
  commit: z.string(),
  message: z.string(),
  file: z.string().optional(),
  line: z.number().optional(),
  object: z.string().optional(),
  /** What the Project's rules or Policies found, where they withhold it. */
  findings: findingsSchema.optional(),
});
export type AppError = z.infer<typeof appErrorSchema>;

/** The chart that is rendered; `failed`: why its repository gave nothing since. */
export const chartViewSchema = chartFactsSchema.extend({
  failed: z.object({ code: z.string(), message: z.string() }).optional(),
});
export type ChartView = z.infer<typeof chartViewSchema>;

/** `commit` is the newest one looked at; `release` 0 before the first. */
export const appStateSchema = z.object({
  release: z.number().int(),
  commit: z.string().optional(),
  active: z.boolean(),
  /** Whose rollout is in force, where that is not the newest release. */
  rolling: z.number().int().optional(),
  /** That release went back: until what failed has changed, or somebody lifts it, nothing newer is released. */
  pinned: z
    .object({
      release: z.number().int(),
      clusters: z.array(z.string()),
      /** What may not come again, where that is not what `release` gave. */
      against: z.number().int().optional(),
    })
    .optional(),
  /** The last one that had to wait for an approval of what it would delete; its rollout says what became of it. */
  withheld: z.number().int().optional(),
  error: appErrorSchema.optional(),
  /** What was found and withholds nothing when it was last looked at: the first ones, and how many. */
  warnings: findingsSchema.optional(),
  /** Of an App whose chart is not in its repository. */
  chart: chartViewSchema.optional(),
});
export type AppState = z.infer<typeof appStateSchema>;

export const sourceViewSchema = z.object({
  resource: sourceSchema,
  version: z.number(),
  state: sourceStateSchema.optional(),
  /** Where `spec.apps` names a fleet folder that was looked at. */
  fleet: fleetFolderSchema.optional(),
});
export const appViewSchema = z.object({
  resource: appSchema,
  version: z.number(),
  deleting: z.boolean(),
  state: appStateSchema.optional(),
});
/** Of a cluster's agent; told with one cluster, not in lists. */
export const agentKeySchema = z.object({
  /** Fingerprint of its public key. */
  key: z.string().optional(),
  registeredAt: z.number().optional(),
  rotatedAt: z.number().optional(),
  revoked: z.boolean().optional(),
  /** It was asked for a new key. */
  rotating: z.boolean().optional(),
});
export type AgentKeyView = z.infer<typeof agentKeySchema>;

export const clusterViewSchema = agentKeySchema.extend({
  resource: clusterSchema,
  version: z.number(),
  registered: z.boolean(),
  silent: z.boolean(),
  heardAt: z.number().optional(),
  agent: z.string().optional(),
  kubernetes: z.string().optional(),
  /** When two agents with this cluster's key were last heard beside each other. */
  duplicatedAt: z.number().optional(),
  /** What holds it for all Apps at this moment. */
  hold: holdSchema.optional(),
});
export const holdViewSchema = clusterHoldSchema;
export type HoldView = z.infer<typeof holdViewSchema>;
export const placementViewSchema = placementSchema.extend({ detail: placementDetailSchema.optional() });
export type SourceView = z.infer<typeof sourceViewSchema>;
export type AppView = z.infer<typeof appViewSchema>;
export type ClusterView = z.infer<typeof clusterViewSchema>;
export type PlacementView = z.infer<typeof placementViewSchema>;

export const applyRequestSchema = z.object({
  resources: z.array(z.unknown()).min(1),
  dryRun: z.boolean().default(false),
  /** Removes what `selector` (as kubectl writes it) matches in the documents' projects and what is not among them. */
  prune: z
    .object({ selector: z.string().min(1).max(1000), kinds: z.array(z.enum(PRUNABLE_KINDS)).optional() })
    .optional(),
  /** Changes also what a fleet folder keeps; the folder lets it be until both say the same. */
  takeover: z.boolean().default(false),
});
export const applyAnswerSchema = z.object({
  results: z.array(
    z.object({
      kind: z.string(),
      project: z.string(),
      name: z.string(),
      outcome: z.enum(["created", "configured", "unchanged", "deleted", "skipped"]),
      /** The stored version afterwards. */
      version: z.number().int().optional(),
      /** Field by field; `more` of them are not listed. */
      changes: z.array(fieldChangeSchema).optional(),
      more: z.number().int().optional(),
      /** Why it was skipped, or what follows. */
      note: z.string().optional(),
    }),
  ),
  /** Allowed, and most likely not meant. */
  warnings: z.array(z.string()).default([]),
  /** What is taken off clusters by it. */
  vanish: vanishSchema.optional(),
});
/** Of a DELETE that begins something, or only asks. */
export const deletingSchema = z.object({ deleting: z.boolean(), vanish: vanishSchema.optional() });
export type ApplyRequest = z.infer<typeof applyRequestSchema>;
export type ApplyAnswer = z.infer<typeof applyAnswerSchema>;

export const registrationAnswerSchema = z.object({
  token: z.string(),
  expiresAt: z.number(),
  recovery: z.string(),
});
export type RegistrationAnswer = z.infer<typeof registrationAnswerSchema>;

/** `next` is the cursor of the page that follows; absent on the last one. */
export const listOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next: z.string().optional() });

export const projectViewSchema = z.object({ resource: projectSchema, version: z.number() });
export const policyViewSchema = z.object({ resource: policySchema, version: z.number() });
export const promotionViewSchema = z.object({
  resource: promotionSchema,
  version: z.number(),
  /** Absent before it was looked at. */
  state: promotionStateSchema.optional(),
});
export type PromotionView = z.infer<typeof promotionViewSchema>;
export type ProjectView = z.infer<typeof projectViewSchema>;
export type PolicyView = z.infer<typeof policyViewSchema>;

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
