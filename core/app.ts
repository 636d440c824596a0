/** An App: what to render from a source, for which clusters, and how it syncs. */
import { z } from "zod";
import { durationSchema } from "./duration.ts";
import { DELETES_BUDGET_DEFAULT } from "./limits.ts";
import { API_VERSION, metadataSchema, nameSchema } from "./metadata.ts";
import { selectorSchema } from "./selector.ts";

const ignoreSchema = z.strictObject({
  paths: z
    .array(z.string().startsWith("/", "must be a JSON pointer such as /spec/replicas").max(500))
    .min(1)
    .max(50),
  kinds: z.array(z.string().min(1).max(100)).max(50).optional(),
});

/** Every option here stands in the signed statement: a hub's row cannot loosen one. */
export const syncSchema = z.strictObject({
  prune: z.boolean().default(true),
  drift: z.enum(["correct", "report"]).default("correct"),
  adopt: z.boolean().default(false),
  deletion: z.enum(["delete", "orphan"]).default("delete"),
  ignore: z.array(ignoreSchema).max(50).default([]),
});
export type SyncOptions = z.infer<typeof syncSchema>;

const countOrPercent = z.union([
  z.number().int().min(1, "must be at least 1: 0 would never move a cluster"),
  z.string().regex(/^([1-9]|[1-9]\d|100)%$/, "must be a count from 1 or a percentage from 1% to 100%"),
]);

const rolloutSpecSchema = z.strictObject({
  maxUnavailable: countOrPercent.default("100%"),
  progressDeadline: durationSchema(1000, 86_400_000).default("10m"),
  budget: z
    .strictObject({ deletes: z.number().int().min(0).max(100_000).default(DELETES_BUDGET_DEFAULT) })
    .default({ deletes: DELETES_BUDGET_DEFAULT }),
});

export const appSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal("App"),
  metadata: metadataSchema,
  spec: z.strictObject({
    source: nameSchema,
    path: z.string().max(500).default("."),
    namespace: nameSchema.default("default"),
    clusters: selectorSchema,
    rollout: rolloutSpecSchema.prefault({}),
    sync: syncSchema.prefault({}),
  }),
});
export type App = z.infer<typeof appSchema>;
