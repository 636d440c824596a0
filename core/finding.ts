/**
 * What a rule found in rendered objects: which rule, which object, in words. A list of them is bounded and says how many
 * there were.
 */
import * as z from "zod";
import { SENTENCE_CHARS_MAX } from "./limits.ts";
import { sentence } from "./text.ts";

export const FINDINGS_LISTED_MAX = 20;

export const findingSchema = z.object({
  /** `Policy no-latest`, `Project web`. */
  by: z.string(),
  /** `Deployment shop/web`. */
  object: z.string(),
  message: z.string(),
});
export type Finding = z.infer<typeof findingSchema>;

/** `listed` are the first ones; `total` counts all. */
export const findingsSchema = z.object({
  total: z.number().int().nonnegative(),
  listed: z.array(findingSchema).max(FINDINGS_LISTED_MAX),
});
export type Findings = z.infer<typeof findingsSchema>;

export const NO_FINDINGS: Findings = { total: 0, listed: [] };

export function findingsOf(all: readonly Finding[]): Findings {
  return { total: all.length, listed: all.slice(0, FINDINGS_LISTED_MAX).map(bounded) };
}

/** Of several bundles of one App: what stands in more than one of them is listed once. */
export function mergeFindings(a: Findings, b: Findings): Findings {
  const known = new Set(a.listed.map(words));
  const fresh = b.listed.filter((one) => !known.has(words(one)));
  const twice = b.listed.length - fresh.length;
  return {
    total: a.total + b.total - twice,
    listed: [...a.listed, ...fresh].slice(0, FINDINGS_LISTED_MAX),
  };
}

/** The first ones only, for a record that is read often. */
export function firstFindings({ total, listed }: Findings, max: number): Findings {
  return { total, listed: listed.slice(0, max) };
}

/** `Policy no-latest: Deployment shop/web: the words`. */
export function words({ by, object, message }: Finding): string {
  return object === "" ? `${by}: ${message}` : `${by}: ${object}: ${message}`;
}

/** One sentence for the App's error: the first finding, and how many more there are. */
export function withheldMessage({ total, listed }: Findings): string {
  const [first] = listed;
  if (first === undefined) throw new Error("nothing was found, so nothing is withheld");
  const more = total === 1 ? "" : ` (and ${total - 1} more)`;
  return `withheld: ${words(first)}${more}`;
}

function bounded({ by, object, message }: Finding): Finding {
  return { by, object: sentence(object, SENTENCE_CHARS_MAX), message: sentence(message, SENTENCE_CHARS_MAX) };
}
