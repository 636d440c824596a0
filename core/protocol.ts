/**
 * What agent and hub say to each other. Tolerant of unknown fields (a newer hub, a newer agent), bounded in
 * size and count. Every text is cut to one clean line here, at the edge.
 */
import * as z from "zod";
import { publicKeySchema } from "./charter.ts";
import { DIGEST_PATTERN } from "./digest.ts";
import { toldHoldSchema } from "./hold.ts";
import {
  ASSIGNMENTS_PER_CLUSTER_MAX,
  REPORT_DRIFTS_MAX,
  REPORT_FAILURES_MAX,
  REPORT_FIELDS_MAX,
  REPORT_PLACEMENTS_MAX,
} from "./limits.ts";
import { nameSchema } from "./metadata.ts";
import { CHECKS_MAX, checkAnswerSchema } from "./object-check.ts";
import { outcomeCountsSchema } from "./outcome.ts";
import { sentence } from "./text.ts";

export * from "./agent-api.ts";

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

/** A new key for a registered cluster. The request is signed by the old one; `proof` by the new one. */
export const rotateRequestSchema = z.object({
  protocol: z.number().int(),
  key: publicKeySchema,
  proof: z.string().max(2000),
});
export type RotateRequest = z.infer<typeof rotateRequestSchema>;

/** What the proof says; bound to hub and cluster, so it is good nowhere else. */
export const keyProofSchema = z.object({
  hub: z.string(),
  /** `<project>/<cluster>` */
  agent: z.string(),
  x: z.string(),
});
export type KeyProof = z.infer<typeof keyProofSchema>;

/** `already`: the hub holds this key, the answer to the first request was lost. */
export const rotateAnswerSchema = z.object({ outcome: z.enum(["rotated", "already"]) });
export type RotateAnswer = z.infer<typeof rotateAnswerSchema>;

/**
 * What the cluster's API server serves: its version, and the digest of its list of APIs. `seq` grows, so that a replay
 * changes nothing. A hub from before answers 404.
 */
export const servedRequestSchema = z.object({
  protocol: z.number().int(),
  seq: z.number().int().positive(),
  kubernetes: line(40),
  /** SHA-256 of the list as canonical JSON; absent where the list is too long to be told. */
  apis: z.string().regex(DIGEST_PATTERN).optional(),
  /** SHA-256 of the shapes of the built-in kinds as canonical JSON; told only where the hub asked for them. */
  schemas: z.string().regex(DIGEST_PATTERN).optional(),
});
export type ServedRequest = z.infer<typeof servedRequestSchema>;

/**
 * `wants` names what the hub has not got yet: `apis`, the list itself, as the body of a PUT; `schemas`, the shapes of this
 * version, first their digest and then themselves. Names that an agent does not know it passes over. `stale`: nothing was taken, the number to go above.
 */
export const servedAnswerSchema = z.object({
  wants: z.array(z.string().max(40)).max(20),
  stale: z.number().optional(),
});
export type ServedAnswer = z.infer<typeof servedAnswerSchema>;

/**
 * "Not now", as the cluster's own people say it; told when it changes, and all of it each time. `seq` grows, so that a
 * replay changes nothing. A hub from before answers 404.
 */
export const holdRequestSchema = z.object({
  protocol: z.number().int(),
  seq: z.number().int().positive(),
  hold: toldHoldSchema,
});
export type HoldRequest = z.infer<typeof holdRequestSchema>;

/** `stale`: nothing was taken, the number to go above. */
export const holdAnswerSchema = z.object({ stale: z.number().optional() });
export type HoldAnswer = z.infer<typeof holdAnswerSchema>;

/** Answer to a desired-state request that is not a 304. */
export const desiredAnswerSchema = z.object({
  charter: z.string().max(8000),
  pollMs: z.number().int().positive(),
  /** Somebody asked for a new key of this agent. */
  rotate: z.boolean().optional(),
  assignments: z
    .array(z.object({ app: nameSchema, statement: z.string().max(64_000) }))
    .max(ASSIGNMENTS_PER_CLUSTER_MAX),
});
export type DesiredAnswer = z.infer<typeof desiredAnswerSchema>;

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

/** On its way to an end that is not known yet. */
export function isUnderWay(phase: Phase): boolean {
  return phase === "received" || phase === "applying" || phase === "progressing";
}

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
  /** Answers to the statement's checks; absent before they are asked. */
  checks: z.array(checkAnswerSchema).max(CHECKS_MAX).optional(),
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
