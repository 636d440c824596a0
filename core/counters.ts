/** What the hub counts of its own work wherever it runs. What is told of it, and what it costs, stands apart: `meter.ts`. */
export const COUNTERS = [
  "calls",
  "idlePolls",
  "fetches",
  "heartbeats",
  "reports",
  "bundles",
  "otherOfAgents",
  "people",
  "readUnits",
  "writeUnits",
  "bytesOut",
  "logBytes",
  "ms",
  /** Milliseconds times the megabytes that the function was given: what AWS bills time by. */
  "mbMs",
] as const;
export type Counter = (typeof COUNTERS)[number];
export type Counts = Record<Counter, number>;

export function noCounts(): Counts {
  return Object.fromEntries(COUNTERS.map((counter) => [counter, 0])) as Counts;
}

export function sumOf(all: readonly Partial<Counts>[]): Counts {
  const total = noCounts();
  for (const one of all) for (const counter of COUNTERS) total[counter] += one[counter] ?? 0;
  return total;
}
