/**
 * What agent and hub say to each other. Tolerant of unknown fields (a newer hub, a newer agent), bounded in
 * size and count. Every text is cut to one clean line here, at the edge.
 */
import { z } from "zod";
import { publicKeySchema } from "./charter.ts";
import {
  ASSIGNMENTS_PER_CLUSTER_MAX,
  REPORT_DRIFTS_MAX,
  REPORT_FAILURES_MAX,
  REPORT_FIELDS_MAX,
  REPORT_PLACEMENTS_MAX,
} from "./limits.ts";
import { nameSchema } from "./metadata.ts";
import { outcomeCountsSchema } from "./outcome.ts";
import { sentence } from "./text.ts";

export const PROTOCOL_VERSION = 1;
export const AGENT_PATHS = {
  register: "/agent/v1/register",
  desired: "/agent/v1/desired",
  report: "/agent/v1/report",
  bundle: (app: string) => `/agent/v1/apps/${app}/bundle`,
} as const;

const line = (charsMax: number) => z.string().transform((text) => sentence(text, charsMax));

/** Registration: the short-lived token's secret and the key made in the cluster. */
export const registerRequestSchema = z.object({
  protocol: z.number().int(),
  token: z.string().max(2000),
  key: publicKeySchema,
  agent: line(40),
  kubernetes: line(40).optional(),
});
export type RegisterRequest = z.infer<typeof registerRequestSchema>;

export const registerAnswerSchema = z.object({
  project: nameSchema,
  cluster: nameSchema,
  recoveryKey: publicKeySchema,
  charter: z.string().max(8000),
});
export type RegisterAnswer = z.infer<typeof registerAnswerSchema>;

/** The token a person hands to the agent: base64url of this JSON behind `fl1.`. */
export const registrationTokenSchema = z.object({
  hub: z.string().min(1).max(64),
  url: z.url({ protocol: /^https?$/ }),
  project: nameSchema,
  cluster: nameSchema,
  /** SHA-256 of the recovery key's canonical JWK: pinned by the agent. */
  recovery: z.string().regex(/^[0-9a-f]{64}$/),
  secret: z.string().min(32).max(100),
});
export type RegistrationToken = z.infer<typeof registrationTokenSchema>;

/** Answer to a desired-state request that is not a 304. */
export const desiredAnswerSchema = z.object({
  charter: z.string().max(8000),
  pollMs: z.number().int().positive(),
  assignments: z
    .array(z.object({ app: nameSchema, statement: z.string().max(64_000) }))
    .max(ASSIGNMENTS_PER_CLUSTER_MAX),
});
export type DesiredAnswer = z.infer<typeof desiredAnswerSchema>;

/** Names the wait until the next poll (ms) on a 304, which has no body. */
export const POLL_HEADER = "fairlead-poll-ms";
/** Sent by the agent when its heartbeat is due: the hub writes it down. */
export const BEAT_HEADER = "fairlead-beat";
/** The hub's clock (ms since 1970) on a 401 for time. */
export const TIME_HEADER = "fairlead-time";

export const driftSchema = z.object({
  object: line(400),
  fields: z
    .array(z.object({ path: line(300), before: line(200).optional(), after: line(200).optional() }))
    .max(REPORT_FIELDS_MAX),
  by: line(100).optional(),
  at: z.number().optional(),
  restored: z.boolean(),
});
export type Drift = z.infer<typeof driftSchema>;

export const failureSchema = z.object({ object: line(400), reason: line(300) });
export type Failure = z.infer<typeof failureSchema>;

/**
 * Phases in the order an agent goes through them: `received` before anything is touched, then `applying`,
 * `progressing` (applied, not healthy yet), `healthy`; `failed`; `refused` (statement or bundle not accepted, the old
 * state stays); `removed`; `orphaned` (the hub's answer lacks the App; kept).
 */
export const PHASES = [
  "received",
  "applying",
  "progressing",
  "healthy",
  "failed",
  "refused",
  "removed",
  "orphaned",
] as const;
export type Phase = (typeof PHASES)[number];

export const placementReportSchema = z.object({
  app: nameSchema,
  /** Grows with each report of this App; a replayed report is not newer than what is stored. */
  seq: z.number().int().positive(),
  epoch: z.number().int().nonnegative(),
  generation: z.number().int().nonnegative(),
  release: z.number().int().nonnegative(),
  bundle: z.string().max(64).optional(),
  phase: z.enum(PHASES),
  message: line(300),
  objects: z.number().int().nonnegative(),
  outcomes: outcomeCountsSchema,
  failures: z.array(failureSchema).max(REPORT_FAILURES_MAX).default([]),
  /** Drift seen now or restored last; `driftTotal` counts also what was cut. */
  drift: z.array(driftSchema).max(REPORT_DRIFTS_MAX).default([]),
  driftTotal: z.number().int().nonnegative().default(0),
});
export type PlacementReport = z.infer<typeof placementReportSchema>;

export const reportRequestSchema = z.object({
  protocol: z.number().int(),
  agent: line(40),
  kubernetes: line(40).optional(),
  /** Digest of the whole state after this report. */
  fingerprint: z.string().max(64),
  placements: z.array(placementReportSchema).max(REPORT_PLACEMENTS_MAX),
});
export type ReportRequest = z.infer<typeof reportRequestSchema>;

/** `stale` names Apps whose stored report is newer, with the number to go above. */
export const reportAnswerSchema = z.object({
  accepted: z.number().int().nonnegative(),
  stale: z.array(z.object({ app: nameSchema, seq: z.number() })),
});
export type ReportAnswer = z.infer<typeof reportAnswerSchema>;
