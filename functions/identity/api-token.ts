/**
 * The form of an API token, `fl_<id>_<secret>`: the prefix lets scanners of leaked secrets find it, the id names it in
 * lists without telling it. Only its SHA-256 is kept.
 */
import { randomBytes } from "node:crypto";
import { ROLES, type Rule } from "#core/access.ts";
import type { Stamp } from "#core/actor.ts";
import { sha256 } from "#core/digest.ts";
import { putApiToken, type ApiToken } from "../store/api-token.ts";
import type { Db, TransactItem } from "../store/db.ts";

const PREFIX = "fl_";

export interface Wanted {
  project: string;
  name: string;
  role: string;
  rules: readonly Rule[];
  expiresAt: number;
}

export interface MadeToken {
  /** The token itself: told to who asked, kept nowhere. */
  text: string;
  token: ApiToken;
}

/** Undefined when what is written `beside` it was lost. */
export async function makeApiToken(
  db: Db,
  wanted: Wanted,
  stamp: Stamp,
  now: number,
  beside: readonly TransactItem[] = [],
): Promise<MadeToken | undefined> {
  const id = randomBytes(5).toString("hex");
  const text = apiTokenText(id);
  const token: ApiToken = { ...wanted, rules: [...wanted.rules], id, createdAt: now };
  const written = await putApiToken(db, token, sha256(text), stamp, beside);
  return written === "written" ? { text, token } : undefined;
}

export function apiTokenText(id: string): string {
  return `${PREFIX}${id}_${randomBytes(32).toString("base64url")}`;
}

export function adminRules(): Rule[] {
  return ROLES.admin.map(({ verbs, nouns }) => ({ verbs: [...verbs], nouns: [...nouns] }));
}
