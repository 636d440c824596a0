/**
 * A hub as lines of JSON: all that a new hub needs to be the old one for its agents. No secret is in it - no private
 * key, no credential, no token, only hashes. What is lost is told: rollouts under way, observed state, the log itself.
 */
import * as z from "zod";
import { ruleSchema } from "./access.ts";
import { stampSchema } from "./actor.ts";
import { apiListSchema } from "./capabilities.ts";
import { CHARTER_CHARS_MAX, publicKeySchema } from "./charter.ts";
import { DIGEST_PATTERN } from "./digest.ts";
import { nameSchema } from "./metadata.ts";
import { releaseSchema, targetIndexSchema, targetPageSchema } from "./release.ts";
import { resourceSchema } from "./resource.ts";

export const EXPORT_VERSION = 1;
/** One request of an import; pages of an export are made to fit. */
export const EXPORT_LINES_MAX = 500;
export const EXPORT_PAGE_BYTES = 512 * 1024;
/** One resource may be near 400 KB, as much as the table holds in one item. */
export const IMPORT_BODY_BYTES_MAX = 2 * 1024 * 1024;

const digest = z.string().regex(DIGEST_PATTERN);
const thing = { project: nameSchema, cluster: nameSchema };

/** Always the first line. */
const headerSchema = z.object({
  kind: z.literal("header"),
  fairlead: z.literal("export"),
  version: z.literal(EXPORT_VERSION),
  hub: z.string().min(1).max(64),
  at: z.number(),
});

/** Always the second: who the hub is. */
const hubLineSchema = z.object({
  kind: z.literal("hub"),
  hub: z.string().min(1).max(64),
  epoch: z.number().int().positive(),
  serial: z.number().int().positive(),
  charter: z.string().max(CHARTER_CHARS_MAX),
  recoveryKey: publicKeySchema,
});
export type HubLine = z.infer<typeof hubLineSchema>;

const resourceLineSchema = z.object({
  kind: z.literal("resource"),
  resource: resourceSchema,
  version: z.number().int().positive(),
  stamp: stampSchema.optional(),
  managedBy: z.string().max(200).optional(),
  deleting: z.boolean().optional(),
});
export type ResourceLine = z.infer<typeof resourceLineSchema>;

/** A cluster's agent, by its public keys. */
const agentLineSchema = z.object({
  kind: z.literal("agent"),
  ...thing,
  line: z.object({
    key: publicKeySchema.optional(),
    previous: z.string().max(64).optional(),
    previousUntil: z.number().optional(),
    revoked: z.boolean().optional(),
    revokedKey: z.string().max(64).optional(),
    revocations: z.number().int().optional(),
    rotate: z.boolean().optional(),
    desired: z.number().int(),
    pollMs: z.number().int().positive(),
  }),
  registeredAt: z.number().optional(),
  rotatedAt: z.number().optional(),
  revokedAt: z.number().optional(),
});
export type AgentLine = z.infer<typeof agentLineSchema>;

/** A list of APIs, and a cluster that serves it: a chart that asked of it must not be rendered without. */
const apisLineSchema = z.object({ kind: z.literal("apis"), digest, list: apiListSchema });
const servedLineSchema = z.object({
  kind: z.literal("served"),
  ...thing,
  kubernetes: z.string().max(40),
  apis: digest.optional(),
});
export type ServedLine = z.infer<typeof servedLineSchema>;

/** By its hash: it goes on working. */
const tokenLineSchema = z.object({
  kind: z.literal("token"),
  digest,
  token: z.object({
    id: z.string().max(64),
    name: z.string().max(100),
    project: nameSchema,
    role: z.string().max(63),
    rules: z.array(ruleSchema).max(100),
    createdAt: z.number(),
    expiresAt: z.number(),
  }),
});
export type TokenLine = z.infer<typeof tokenLineSchema>;

/** The name only: its value has to be set again. */
const credentialLineSchema = z.object({
  kind: z.literal("credential"),
  project: nameSchema,
  name: z.string().max(100),
});

/** The newest target list of an App, in pages and an index of their digests; without bundles and statements. */
const targetsLineSchema = z.object({ kind: z.literal("targets"), body: targetPageSchema });
const indexLineSchema = z.object({ kind: z.literal("index"), body: targetIndexSchema });

/** Where an App's numbers stand. `release` is its newest one; its targets came before. */
const appLineSchema = z.object({
  kind: z.literal("app"),
  project: nameSchema,
  app: nameSchema,
  epoch: z.number().int(),
  generation: z.number().int(),
  number: z.number().int(),
  commit: z.string().max(64).optional(),
  release: releaseSchema.optional(),
});
export type AppLine = z.infer<typeof appLineSchema>;

/** Where a project's audit log ended: who keeps the log elsewhere can tell that it is whole. */
const logLineSchema = z.object({
  kind: z.literal("log"),
  project: nameSchema,
  n: z.number().int(),
  hash: z.string().max(64),
});

/** Always the last, so that a file that was cut is not taken for a whole one. `digest` is of all lines before it. */
const endSchema = z.object({ kind: z.literal("end"), lines: z.number().int(), digest });

export const exportLineSchema = z.discriminatedUnion("kind", [
  headerSchema,
  hubLineSchema,
  resourceLineSchema,
  agentLineSchema,
  apisLineSchema,
  servedLineSchema,
  tokenLineSchema,
  credentialLineSchema,
  targetsLineSchema,
  indexLineSchema,
  appLineSchema,
  logLineSchema,
  endSchema,
]);
export type ExportLine = z.infer<typeof exportLineSchema>;

/** `GET /v1/export`: lines in order, and where to go on; without `next` it was the last. */
export const exportPageSchema = z.object({ lines: z.array(z.unknown()), next: z.string().optional() });

/** `POST /v1/import`: the lines of one export in order, in as many requests as they need. */
export const importRequestSchema = z.strictObject({
  /** Names the export: the digest in its last line. */
  export: digest,
  /** Place of the first of `lines` in the export; 0 begins, or begins again. */
  from: z.number().int().nonnegative(),
  /** By the export's recovery key: the old hub's id, a higher epoch, this hub's key and address. */
  charter: z.string().min(1).max(CHARTER_CHARS_MAX),
  lines: z.array(z.unknown()).min(1).max(EXPORT_LINES_MAX),
});
export type ImportRequest = z.infer<typeof importRequestSchema>;

/** `already`: this export is in the hub. */
export const importAnswerSchema = z.object({ outcome: z.enum(["taken", "done", "already"]) });
export type ImportAnswer = z.infer<typeof importAnswerSchema>;
