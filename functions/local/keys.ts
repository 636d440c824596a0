/**
 * A local hub's keys, as files that only their owner may read: the recovery key (to be kept offline by anyone who
 * means it), the signing key, the API token. Made once; what is there is never made anew.
 */
import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { apiTokenText } from "../identity/api-token.ts";
import { makePrivateKey, type PrivateKey } from "../release/sign.ts";

export interface HubKeys {
  hub: string;
  recovery: PrivateKey;
  signing: PrivateKey;
  apiToken: string;
}

export async function loadKeys(dataDir: string): Promise<HubKeys> {
  const folder = join(dataDir, "keys");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return {
    hub: await once(join(folder, "hub-id"), async () => `hub-${randomBytes(6).toString("hex")}`),
    recovery: JSON.parse(await once(join(folder, "recovery.json"), newKey)) as PrivateKey,
    signing: JSON.parse(await once(join(folder, "signing.json"), newKey)) as PrivateKey,
    apiToken: await once(join(folder, "api-token"), async () => apiTokenText(randomBytes(5).toString("hex"))),
  };
}

const newKey = async (): Promise<string> => JSON.stringify(await makePrivateKey());

/** Written beside and linked into place, so a crash leaves the whole text or none. */
async function once(file: string, make: () => Promise<string>): Promise<string> {
  const before = await readIfThere(file);
  if (before !== undefined) return before;
  const beside = `${file}.${randomBytes(4).toString("hex")}`;
  await writeFile(beside, await make(), { mode: 0o600 });
  await link(beside, file).catch(ignoreExisting);
  await rm(beside);
  return readFile(file, "utf8");
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== "EEXIST") throw error;
}
