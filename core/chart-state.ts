/**
 * What the hub found where an App's chart is, and when it looks there again. What was found is pinned by the digest of its
 * archive, so the same release renders again whatever the repository does. Pure.
 */
import * as z from "zod";
import type { App } from "./app.ts";
import { isRange, type ChartRef } from "./chart.ts";
import { digestOf, DIGEST_PATTERN, sha256 } from "./digest.ts";
import type { Project } from "./project.ts";
import { demandedOf, type Demanded } from "./signers.ts";

/** Whose signature the App demands of its chart. */
export function chartDemands({ spec, metadata }: App, project: Project | undefined): Demanded {
  const place = {
    field: "spec.chart.verify.signers",
    what: `App ${metadata.name}`,
    project: metadata.project,
  };
  return demandedOf(spec.chart?.verify, project, place);
}

/** Changes when the repository must be asked anew. */
export function chartAsked(chart: ChartRef, rules: Demanded): string {
  return digestOf({ chart, ...(rules.kind === "nothing" ? {} : { rules }) });
}

const foundSchema = z.object({
  kind: z.literal("found"),
  /** Digest of what was asked for (`chartAsked`). */
  asked: z.string(),
  version: z.string(),
  /** SHA-256 of the archive, 64 hex digits: its name in the object store. */
  digest: z.string().regex(DIGEST_PATTERN),
  /** Who signed it, with which key; absent where no signature was demanded. */
  signer: z.string().optional(),
  signedWith: z.string().optional(),
  at: z.number(),
});
export type FoundChart = z.infer<typeof foundSchema>;

/** What is known of an App's chart; written only when it changes. `last` is what was found before it failed. */
export const chartStateSchema = z.discriminatedUnion("kind", [
  foundSchema,
  z.object({
    kind: z.literal("failed"),
    asked: z.string(),
    code: z.string(),
    message: z.string(),
    at: z.number(),
    /** Failures in a row; the next look waits the longer. */
    attempts: z.number().int().positive(),
    last: foundSchema.optional(),
  }),
]);
export type ChartState = z.infer<typeof chartStateSchema>;

/** What may be rendered for what is asked now, also while the repository is out of reach. */
export function usableChart(state: ChartState | undefined, asked: string): FoundChart | undefined {
  const found = state?.kind === "failed" ? state.last : state;
  return found?.asked === asked ? found : undefined;
}

/** A range is asked for something newer this often, one version whether it is still the same. */
export const CHART_RANGE_MS = 10 * 60_000;
export const CHART_VERSION_MS = 6 * 60 * 60_000;
const RETRY_MS = 60_000;
const RETRY_MS_MAX = 60 * 60_000;
const DOUBLINGS_MAX = 10;

export interface WatchedChart {
  readonly app: App;
  readonly chart: ChartRef;
  readonly asked: string;
  readonly state: ChartState | undefined;
  /** When this process asked last. */
  readonly lookedAt: number | undefined;
  /** When the credential that the chart names was stored last. */
  readonly credentialAt: number | undefined;
}

/** Milliseconds since 1970; 0 is at once, infinity never: what the App itself pins cannot change. */
export function chartDueAt({ app, chart, asked, state, lookedAt, credentialAt }: WatchedChart): number {
  if (state === undefined || state.asked !== asked) return 0;
  const last = Math.max(state.at, lookedAt ?? 0);
  if (state.kind === "failed") {
    if ((credentialAt ?? 0) > last) return 0;
    return last + Math.min(RETRY_MS * 2 ** Math.min(state.attempts - 1, DOUBLINGS_MAX), RETRY_MS_MAX);
  }
  if (chart.digest !== undefined) return Number.POSITIVE_INFINITY;
  return last + (isRange(chart) ? CHART_RANGE_MS : CHART_VERSION_MS) * shareOf(app);
}

/** Between 0.9 and 1, by the App's name: Apps spread. */
function shareOf({ metadata }: App): number {
  const share = Number.parseInt(sha256(`${metadata.project}/${metadata.name}`).slice(0, 4), 16) / 0xffff;
  return 0.9 + share * 0.1;
}

/** What a release, and an App's state, say of the chart. */
export const chartFactsSchema = z.object({
  repository: z.string(),
  name: z.string(),
  version: z.string(),
  /** SHA-256 of the archive, 64 hex digits. */
  digest: z.string(),
  signer: z.string().optional(),
});
export type ChartFacts = z.infer<typeof chartFactsSchema>;

export function chartFacts(
  { repository, name }: ChartRef,
  { version, digest, signer }: FoundChart,
): ChartFacts {
  return { repository, name, version, digest, ...(signer === undefined ? {} : { signer }) };
}
