/** The closed vocabulary of what happened to an object, from the agent to the page. */
import * as z from "zod";

export const OUTCOMES = ["created", "configured", "unchanged", "deleted", "skipped", "failed"] as const;
export const outcomeSchema = z.enum(OUTCOMES);
export type Outcome = z.infer<typeof outcomeSchema>;

export const outcomeCountsSchema = z.partialRecord(outcomeSchema, z.number().int().nonnegative());
export type OutcomeCounts = z.infer<typeof outcomeCountsSchema>;

/** Counts without the zeros, in the vocabulary's order. */
export function countOutcomes(outcomes: Iterable<Outcome>): OutcomeCounts {
  const counts = new Map<Outcome, number>();
  for (const outcome of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return Object.fromEntries(OUTCOMES.filter((o) => counts.has(o)).map((o) => [o, counts.get(o) ?? 0]));
}
