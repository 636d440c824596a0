/**
 * Canonical JSON and its SHA-256: equal data has one text and one digest on every machine.
 * Key order by UTF-16 code units as in RFC 8785; numbers and strings as JSON.stringify prints them.
 */
import { createHash } from "node:crypto";

/** Object keys sorted at every depth, `undefined` members left out, no white space. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  // A null prototype keeps a key named __proto__ an ordinary member.
  const out = Object.create(null) as Record<string, unknown>;
  for (const [key, member] of entries) out[key] = sorted(member);
  return out;
}

/** Lower-case hex, 64 characters. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Digest of any plain data, by its canonical JSON. */
export function digestOf(value: unknown): string {
  return sha256(canonicalJson(value));
}

export const DIGEST_PATTERN = /^[0-9a-f]{64}$/;
