/** Opening a browser session: the cookie's value is random and told once; the table holds its SHA-256. */
import { randomBytes } from "node:crypto";
import { sha256 } from "#core/digest.ts";
import type { Db, TransactItem } from "../store/db.ts";
import { putSession, type Session } from "../store/session.ts";

export const SESSION_TTL_MS = 12 * 3_600_000;

export interface Opened {
  /** For the cookie alone. */
  value: string;
  expiresAt: number;
}

/** Undefined when what is written `beside` it was lost. It never outlives `until`. */
export async function openSession(
  db: Db,
  proof: Session["proof"],
  now: number,
  { until, beside = [] }: { until?: number; beside?: readonly TransactItem[] } = {},
): Promise<Opened | undefined> {
  const value = randomBytes(32).toString("base64url");
  const expiresAt = Math.min(now + SESSION_TTL_MS, until ?? Number.POSITIVE_INFINITY);
  const written = await putSession(db, sha256(value), { proof, createdAt: now, expiresAt }, beside);
  return written === "written" ? { value, expiresAt } : undefined;
}
