/**
 * Gates of a stage: what else has to say yes besides its clusters. Here what an App may ask for, and what a gate may
 * answer; `core/rollout/judging.ts` decides what follows from the answers.
 */
import * as z from "zod";
import { isPrivateWay } from "./chart.ts";
import { durationSchema } from "./duration.ts";
import { nameSchema } from "./metadata.ts";
import { objectCheckSchema } from "./object-check.ts";

export const GATES_MAX = 10;
/** Of all stages together, as JSON: each step of the rollout writes them again. */
export const GATES_CHARS_MAX = 4096;
const QUERY_CHARS_MAX = 2000;
const DAY_MS = 86_400_000;

const urlSchema = z
  .url({ protocol: /^https?$/, message: "must be an http or https URL" })
  .max(500)
  .refine((url) => !/[?#@]/.test(url), {
    message: "must have no query, fragment or credentials; keep those under a name in `credentials`",
  });

/** What the table keeps without loss. */
const limitSchema = z
  .number()
  .min(-1e15)
  .max(1e15)
  .refine((value) => value === 0 || Math.abs(value) >= 1e-15, { message: "is too close to 0: take 0" });

const VARIABLES = ["app", "project", "release", "commit", "stage"] as const;
export type GateNames = Record<(typeof VARIABLES)[number], string | number>;

const querySchema = z
  .string()
  .min(1)
  .max(QUERY_CHARS_MAX)
  .refine(
    (query) => [...query.matchAll(/\$\{([^}]*)\}?/g)].every(([, name]) => VARIABLES.some((v) => v === name)),
    { message: `knows only ${VARIABLES.map((name) => `\${${name}}`).join(", ")}` },
  );

const prometheusSchema = z
  .strictObject({
    /** Where `/api/v1/query` is below. */
    url: urlSchema,
    query: querySchema,
    /** The value may be neither below nor above. */
    min: limitSchema.optional(),
    max: limitSchema.optional(),
    /** All samples have to be within for so long. */
    for: durationSchema(1000, DAY_MS).optional(),
    credentials: nameSchema.optional(),
  })
  .refine(({ min, max }) => min !== undefined || max !== undefined, {
    message: "needs min or max: without one every value would pass",
  })
  .refine(({ url, credentials }) => credentials === undefined || isPrivateWay(new URL(url)), {
    path: ["credentials"],
    message: "would be sent over plain http: take an https address",
  });

const webhookSchema = z.strictObject({
  url: urlSchema,
  /** The key that signs; made with `fairlead credentials set NAME --webhook`. */
  credentials: nameSchema,
});

/** Worst first. */
export const SEVERITIES = ["critical", "high", "medium", "low"] as const;
export type Severity = (typeof SEVERITIES)[number];
const scanSchema = z.strictObject({
  /** Of this severity and worse ones together. */
  severity: z.enum(SEVERITIES).default("critical"),
  /** In each image. */
  max: z.number().int().min(0).max(100_000).default(0),
});

export const gateSchema = z
  .strictObject({
    name: nameSchema,
    prometheus: prometheusSchema.optional(),
    webhook: webhookSchema.optional(),
    scan: scanSchema.optional(),
    /** Answered by the agents of the stage. */
    check: objectCheckSchema.optional(),
    /** Between two tries. */
    interval: durationSchema(10_000, 3_600_000).default("1m"),
    /** So many failures in a row are a failed gate. */
    maxFailures: z.number().int().min(1).max(100).default(1),
    /** So many tries in a row without a yes or no halt the rollout. */
    maxInconclusive: z.number().int().min(1).max(1000).default(5),
    /** A gate that has not passed so long after the soak halts the rollout. */
    timeout: durationSchema(10_000, 14 * DAY_MS).default("1h"),
  })
  .refine(
    ({ prometheus, webhook, scan, check }) =>
      [prometheus, webhook, scan, check].filter((one) => one !== undefined).length === 1,
    { message: "must be one of prometheus, webhook, scan and check" },
  );
export type Gate = z.infer<typeof gateSchema>;

export const gatesSchema = z
  .array(gateSchema)
  .max(GATES_MAX)
  .refine((gates) => new Set(gates.map(({ name }) => name)).size === gates.length, {
    message: "hold two of one name: an answer would count for both",
  });

/** `wait`: not yet. `inconclusive`: nothing was learned, neither yes nor no. */
export const VERDICTS = ["pass", "fail", "wait", "inconclusive"] as const;
export const verdictSchema = z.object({
  kind: z.enum(VERDICTS),
  /** The evidence in one sentence. */
  message: z.string(),
  /** As it was measured: text, for not every number is one to the table. */
  value: z.string().optional(),
  /** HTTP status of the answer. */
  status: z.number().int().optional(),
});
export type Verdict = z.infer<typeof verdictSchema>;

/** Samples are taken while the stage soaks already. */
export function isWatched({ prometheus }: Gate): boolean {
  return prometheus !== undefined;
}

/** The query of this stage of this release. The names hold no character that a query could misread. */
export function filledQuery(query: string, names: GateNames): string {
  return VARIABLES.reduce((text, name) => text.replaceAll(`\${${name}}`, String(names[name])), query);
}
