/**
 * The first admin: a token that is printed where the hub is started or opened, holds for an hour and buys one thing
 * once - a browser session or an API token, both with all rights in all projects.
 */
import { randomBytes } from "node:crypto";
import { actorName, type Actor } from "#core/actor.ts";
import { sha256 } from "#core/digest.ts";
import { HUB_PROJECT } from "#core/project.ts";
import { bootstrapRedemption, putBootstrap } from "../store/bootstrap.ts";
import type { Db } from "../store/db.ts";
import { adminRules, makeApiToken, type MadeToken } from "./api-token.ts";
import { openSession, type Opened } from "./session.ts";

const PREFIX = "fb_";
const TOKEN_CHARS_MAX = 100;
const BOOTSTRAP_TTL_MS = 3_600_000;
/** The API token that `fairlead login --bootstrap` stores. */
const FIRST_TOKEN_TTL_MS = 30 * 86_400_000;
const ACTOR: Actor = { kind: "token", id: "bootstrap", name: "bootstrap", project: HUB_PROJECT };

/** To be shown once, to the person who starts or opens the hub; only its SHA-256 is kept. */
export async function makeBootstrapToken(db: Db, now: number): Promise<{ token: string; expiresAt: number }> {
  const token = `${PREFIX}${randomBytes(32).toString("base64url")}`;
  const expiresAt = now + BOOTSTRAP_TTL_MS;
  await putBootstrap(db, sha256(token), expiresAt);
  return { token, expiresAt };
}

export function isBootstrapToken(text: string): boolean {
  return text.startsWith(PREFIX) && text.length <= TOKEN_CHARS_MAX;
}

/** Undefined where the token is unknown, used, or too old. */
export async function bootstrapSession(db: Db, token: string, now: number): Promise<Opened | undefined> {
  const proof = { kind: "bootstrap" as const, actor: ACTOR, rules: adminRules() };
  return openSession(db, proof, now, { beside: [bootstrapRedemption(db, sha256(token), now)] });
}

/** An admin's API token in the hub's own project. Undefined where the token is unknown, used, or too old. */
export async function bootstrapApiToken(
  db: Db,
  token: string,
  now: number,
  from: string | undefined,
  request: string,
): Promise<(MadeToken & { by: string }) | undefined> {
  const wanted = {
    project: HUB_PROJECT,
    name: `first-admin-${randomBytes(3).toString("hex")}`,
    role: "admin",
    rules: adminRules(),
    expiresAt: now + FIRST_TOKEN_TTL_MS,
  };
  const by = actorName(ACTOR);
  const stamp = { by, request, ...(from === undefined ? {} : { from }) };
  const beside = [bootstrapRedemption(db, sha256(token), now)];
  const made = await makeApiToken(db, wanted, stamp, now, beside);
  return made === undefined ? undefined : { ...made, by };
}
