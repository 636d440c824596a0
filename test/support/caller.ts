/** Callers of people's API for tests: an API token of any role or rules, straight into the table. */
import { rulesOf, type Rule } from "#core/access.ts";
import { hubStamp } from "#core/actor.ts";
import { HUB_PROJECT } from "#core/project.ts";
import { makeApiToken } from "../../functions/identity/api-token.ts";
import type { Db } from "../../functions/store/db.ts";

export interface CallerOptions {
  /** The hub's own project, whose tokens reach all projects, unless told. */
  project?: string;
  /** A ready-made role; `admin` unless told. */
  role?: string;
  /** Instead of a role's. */
  rules?: readonly Rule[];
  name?: string;
  /** The clock of the hub that will be asked. */
  now?: number;
  ttlMs?: number;
}

/** Longer than any clock that a test sets. */
const TTL_MS = 10 * 365 * 86_400_000;

/** The token's text: send it as `authorization: Bearer …`. */
export async function apiToken(db: Db, options: CallerOptions = {}): Promise<string> {
  const { project = HUB_PROJECT, role = "admin", name = "test", ttlMs = TTL_MS } = options;
  const now = options.now ?? Date.now();
  const rules = options.rules ?? rulesOf({ role });
  const wanted = { project, name, role, rules, expiresAt: now + ttlMs };
  const made = await makeApiToken(db, wanted, hubStamp("test"), now);
  if (made === undefined) throw new Error("the token was not written");
  return made.text;
}

/** Headers of a JSON request with a new token of `options`. */
export async function headersOf(db: Db, options: CallerOptions = {}): Promise<Record<string, string>> {
  return { authorization: `Bearer ${await apiToken(db, options)}`, "content-type": "application/json" };
}
