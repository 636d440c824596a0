/**
 * The agent's keys and its registration, kept in the Secret `fairlead-system/fairlead-agent`. A key is stored before
 * the hub hears of it, and the one in force is let go only when its successor is known to be good; one write each.
 */
import { exportJWK, generateKeyPair, importJWK, type CryptoKey } from "jose";
import * as z from "zod";
import { publicKeySchema, type PublicKey } from "#core/charter.ts";
import { nameSchema } from "#core/metadata.ts";
import type { Kube } from "./kube/port.ts";
import { ensureNamespace, readState, SYSTEM_NAMESPACE, writeState } from "./state/system.ts";

const SECRET = "fairlead-agent";
export const SECRET_PLACE = `Secret ${SYSTEM_NAMESPACE}/${SECRET}`;

const pairSchema = publicKeySchema.extend({ d: z.string().min(1) });

const enrolmentSchema = z.object({
  hub: z.string().min(1).max(64),
  project: nameSchema,
  cluster: nameSchema,
  recoveryKey: publicKeySchema,
  charter: z.string(),
  /** SHA-256 of the token that it came by. */
  token: z.string().optional(),
});
export type Enrolment = z.infer<typeof enrolmentSchema>;

export interface AgentKey {
  publicKey: PublicKey;
  privateKey: CryptoKey;
}

export interface AgentKeys {
  key: AgentKey;
  /** When `key` was made (ms); 0 where that was never written down. */
  madeAt: number;
  /** Offered to the hub, or about to be; `token` is the digest of the token that it is to register with. */
  next: (AgentKey & { token: string | undefined }) | undefined;
}

/** All of it, as the Secret has it: text by key. */
type Stored = Record<string, string>;

/** The cluster's keys; the first is made and stored on the first call, the same on every later one. */
export async function loadKeys(kube: Kube, now: number): Promise<AgentKeys> {
  const stored = await readState(kube, "Secret", SECRET);
  if (stored?.["key"] !== undefined) return await keysOf(stored);
  const first: Stored = { key: await newPair(), madeAt: String(now) };
  await ensureNamespace(kube, SYSTEM_NAMESPACE);
  await writeState(kube, "Secret", SECRET, first);
  return await keysOf(first);
}

/** Undefined until the hub has registered this cluster. */
export async function loadEnrolment(kube: Kube): Promise<Enrolment | undefined> {
  const stored = await readState(kube, "Secret", SECRET);
  if (stored?.["enrolment"] === undefined) return undefined;
  return enrolmentSchema.parse(JSON.parse(stored["enrolment"]));
}

export async function storeEnrolment(kube: Kube, enrolment: Enrolment): Promise<void> {
  await change(kube, (stored) => ({ ...stored, enrolment: JSON.stringify(enrolment) }));
}

/** A new pair beside the key in force; nobody has heard of it yet. */
export async function prepareNext(kube: Kube, token?: string): Promise<AgentKeys> {
  const next = await newPair();
  return await change(kube, (stored) => ({ ...stored, next, nextToken: token }));
}

/**
 * `good` takes the place of the key in force, with the new registration where there is one. Where another process has put
 * something else beside that key meanwhile, the hub has not heard of it: nothing changes, and the next refusal tells.
 */
export async function promoteNext(
  kube: Kube,
  now: number,
  good: AgentKey,
  enrolment?: Enrolment,
): Promise<AgentKeys> {
  return await change(kube, ({ next, ...stored }) => {
    if (next === undefined || publicPart(next) !== good.publicKey.x) return { ...stored, next };
    const registered = enrolment === undefined ? {} : { enrolment: JSON.stringify(enrolment) };
    return { ...stored, key: next, madeAt: String(now), ...registered, nextToken: undefined };
  });
}

export async function dropNext(kube: Kube): Promise<AgentKeys> {
  return await change(kube, (stored) => ({ ...stored, next: undefined, nextToken: undefined }));
}

async function change(
  kube: Kube,
  edit: (stored: Stored) => Record<string, string | undefined>,
): Promise<AgentKeys> {
  const edited = edit((await readState(kube, "Secret", SECRET)) ?? {});
  const kept = Object.entries(edited).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const next = Object.fromEntries(kept);
  await writeState(kube, "Secret", SECRET, next);
  return await keysOf(next);
}

async function keysOf({ key, madeAt, next, nextToken }: Stored): Promise<AgentKeys> {
  return {
    key: await importPair(key ?? ""),
    madeAt: Number(madeAt ?? 0),
    next: next === undefined ? undefined : { ...(await importPair(next)), token: nextToken },
  };
}

async function newPair(): Promise<string> {
  const pair = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  return JSON.stringify(await exportJWK(pair.privateKey));
}

function publicPart(pair: string): string {
  return pairSchema.parse(JSON.parse(pair)).x;
}

async function importPair(text: string): Promise<AgentKey> {
  const jwk = pairSchema.parse(JSON.parse(text));
  const privateKey = await importJWK(jwk, "EdDSA");
  if (privateKey instanceof Uint8Array) throw new Error(`${SECRET_PLACE} holds no Ed25519 key`);
  return { privateKey, publicKey: { kty: jwk.kty, crv: jwk.crv, x: jwk.x } };
}
