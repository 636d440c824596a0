/** Durations as people write them: `30s`, `10m`, `2h`, `1h30m`. */
import * as z from "zod";
import { assert } from "./assert.ts";

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const PATTERN = /^(?:\d+(?:ms|s|m|h|d))+$/;

/** Milliseconds, or undefined where `text` is no duration. */
export function parseDuration(text: string): number | undefined {
  if (!PATTERN.test(text)) return undefined;
  let totalMs = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g))
    totalMs += Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS];
  return totalMs;
}

/** A duration between two bounds (ms), kept as it was written. */
export function durationSchema(minMs: number, maxMs: number) {
  return z.string().refine(
    (text) => {
      const ms = parseDuration(text);
      return ms !== undefined && ms >= minMs && ms <= maxMs;
    },
    { message: `must be a duration such as 30s, 10m or 2h, from ${minMs} ms to ${maxMs} ms` },
  );
}

/** For schema-checked text only. */
export function durationMs(text: string): number {
  const ms = parseDuration(text);
  assert(ms !== undefined, `${text} is no duration`);
  return ms;
}
