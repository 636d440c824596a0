/**
 * Charters, signed where the recovery key is: on the machine of who runs the CLI. The key is read from its file, used,
 * and goes nowhere else - not to the hub, not into an error, not into an output.
 */
import { randomBytes } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { CompactSign, exportJWK, generateKeyPair, importJWK } from "jose";
import * as z from "zod";
import {
  charterSchema,
  fingerprintOf,
  publicKeySchema,
  SIGNED_TYPES,
  type Charter,
  type PublicKey,
} from "#core/charter.ts";
import { canonicalJson } from "#core/digest.ts";
import { hubViewSchema, type HubView } from "#core/hub.ts";
import type { Hub } from "./client.ts";
import { CliError, EXIT } from "./errors.ts";
import type { Io } from "./io.ts";

const privateKeySchema = publicKeySchema.extend({ d: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });
export type PrivateKey = z.infer<typeof privateKeySchema>;

export const recoveryFlag = {
  kind: "parsed",
  parse: String,
  placeholder: "FILE",
  brief: "the hub's recovery key; it signs here and is not sent",
} as const;

/** The public half alone where the file holds no more: enough to name a signing key. */
export async function readPublicKey(io: Io, flag: string, file: string): Promise<PublicKey> {
  const key = publicKeySchema.safeParse(await readJson(io, flag, file));
  if (key.success) return key.data;
  throw new CliError(
    `--${flag} ${file} holds no Ed25519 key as a JWK`,
    "name the file of the key",
    EXIT.usage,
  );
}

/** Throws unless it is the key that the hub's agents pin. */
export async function readRecoveryKey(io: Io, file: string, pinned: string): Promise<PrivateKey> {
  const key = privateKeySchema.safeParse(await readJson(io, "recovery-key", file));
  if (!key.success)
    throw new CliError(
      `--recovery-key ${file} holds no private Ed25519 key as a JWK`,
      "name the file that was made when the hub was opened (locally .fairlead/hub/keys/recovery.json)",
      EXIT.usage,
    );
  const found = fingerprintOf(key.data);
  if (found === pinned) return key.data;
  throw new CliError(
    `--recovery-key ${file} is the key ${found}, the agents of this hub pin ${pinned}`,
    "name the file that was made when that hub was opened",
  );
}

async function readJson(io: Io, flag: string, file: string): Promise<unknown> {
  const text = await readFile(resolve(io.cwd, file), "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new CliError(
      `--${flag} ${file} cannot be read (${error.code ?? ""})`,
      "check the path",
      EXIT.usage,
    );
  });
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON is no key: the caller tells so, and never the text.
    return undefined;
  }
}

/** A new private key in `file`, readable by its owner alone; one that is there stays. */
export async function ensureKeyFile(path: string): Promise<"made" | "there"> {
  const { privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const { kty, crv, x, d } = await exportJWK(privateKey);
  const beside = `${path}.${randomBytes(4).toString("hex")}`;
  await writeFile(beside, JSON.stringify({ kty, crv, x, d }), { mode: 0o600, flag: "wx" });
  try {
    await link(beside, path);
    return "made";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return "there";
    throw error;
  } finally {
    await rm(beside);
  }
}

export async function signCharter(charter: Charter, key: PrivateKey): Promise<string> {
  const checked = charterSchema.safeParse(charter);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new CliError(
      `${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
      "correct what is named",
      EXIT.usage,
    );
  }
  return new CompactSign(new TextEncoder().encode(canonicalJson(checked.data)))
    .setProtectedHeader({ alg: "EdDSA", typ: SIGNED_TYPES.charter })
    .sign(await importJWK(key, "EdDSA"));
}

/** Signs here what `next` makes of the hub as it is, and brings it there. */
export async function replaceCharter(
  hub: Hub,
  io: Io,
  file: string,
  next: (now: HubView) => Charter,
): Promise<HubView> {
  const before = await hub.get("/v1/hub", hubViewSchema);
  const key = await readRecoveryKey(io, file, before.recovery);
  const charter = await signCharter(next(before), key);
  return hub.put("/v1/hub/charter", { charter }, hubViewSchema);
}
