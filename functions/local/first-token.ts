/**
 * The API token of a local hub's own folder, made known to its table at each start: `.fairlead/cli.json` goes on working
 * for a year from the last one, whatever became of the table. Whoever can read the folder is the hub's admin anyway.
 */
import { hubStamp } from "#core/actor.ts";
import { API_TOKEN_TTL_MS_MAX } from "#core/account.ts";
import { sha256 } from "#core/digest.ts";
import { HUB_PROJECT } from "#core/project.ts";
import { adminRules } from "../identity/api-token.ts";
import { keepApiToken, type ApiToken } from "../store/api-token.ts";
import type { Db } from "../store/db.ts";

const ID_CHARS = 10;

export async function registerFirstToken(db: Db, text: string, now: number): Promise<void> {
  const digest = sha256(text);
  const token: ApiToken = {
    id: digest.slice(0, ID_CHARS),
    name: "local",
    project: HUB_PROJECT,
    role: "admin",
    rules: adminRules(),
    createdAt: now,
    expiresAt: now + API_TOKEN_TTL_MS_MAX,
  };
  await keepApiToken(db, token, digest, hubStamp("start"));
}
