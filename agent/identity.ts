/**
 * Who this agent is: an Ed25519 key made in the cluster and stored there before the hub hears of it, the hub's
 * recovery key as pinned by the token, and the newest charter. The private key never leaves the cluster.
 */
import { exportJWK, generateKeyPair, importJWK, type CryptoKey } from "jose";
import { z } from "zod";
import { newerCharter, publicKeySchema, type Charter, type PublicKey } from "#core/charter.ts";
import { nameSchema } from "#core/metadata.ts";
import { registrationTokenSchema, type RegistrationToken } from "#core/protocol.ts";
import type { Kube } from "./kube/port.ts";
import { fingerprintOf, verifyCharter } from "./signed.ts";
import { ensureNamespace, readState, SYSTEM_NAMESPACE, writeState } from "./state/system.ts";

const SECRET = "fairlead-agent";
const TOKEN_PREFIX = "fl1.";
const TOKEN_CHARS_MAX = 4000;

const pairSchema = publicKeySchema.extend({ d: z.string().min(1) });

const enrolmentSchema = z.object({
  hub: z.string().min(1).max(64),
  project: nameSchema,
  cluster: nameSchema,
  recoveryKey: publicKeySchema,
  charter: z.string(),
});
export type Enrolment = z.infer<typeof enrolmentSchema>;

export interface Identity {
  hub: string;
  project: string;
  cluster: string;
  key: CryptoKey;
  recoveryKey: PublicKey;
  charter: Charter;
}

export interface AgentKey {
  publicKey: PublicKey;
  privateKey: CryptoKey;
}

/** Throws what is wrong with the token, never the token itself: it holds a secret. */
export function parseToken(text: string): RegistrationToken {
  const trimmed = text.trim();
  const bad = (why: string): Error =>
    new Error(`registration token ${why}; make a new one with: fairlead cluster register <name>`);
  if (!trimmed.startsWith(TOKEN_PREFIX)) throw bad(`does not start with ${TOKEN_PREFIX}`);
  if (trimmed.length > TOKEN_CHARS_MAX) throw bad(`is longer than ${TOKEN_CHARS_MAX} characters`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(trimmed.slice(TOKEN_PREFIX.length), "base64url").toString("utf8"));
  } catch {
    throw bad("is cut or damaged");
  }
  const token = registrationTokenSchema.safeParse(value);
  if (!token.success)
    throw bad(`lacks ${token.error.issues.map((issue) => issue.path.join(".")).join(", ")}`);
  return token.data;
}

/** The cluster's key; made and stored on the first call, the same on every later one. */
export async function loadKey(kube: Kube): Promise<AgentKey> {
  const stored = await readState(kube, "Secret", SECRET);
  if (stored?.["key"] !== undefined) return await importPair(stored["key"]);
  const pair = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  const jwk = JSON.stringify(await exportJWK(pair.privateKey));
  await ensureNamespace(kube, SYSTEM_NAMESPACE);
  await writeState(kube, "Secret", SECRET, { key: jwk });
  return await importPair(jwk);
}

/** Undefined until the hub has registered this cluster. */
export async function loadEnrolment(kube: Kube): Promise<Enrolment | undefined> {
  const stored = await readState(kube, "Secret", SECRET);
  if (stored?.["enrolment"] === undefined) return undefined;
  return enrolmentSchema.parse(JSON.parse(stored["enrolment"]));
}

async function storeEnrolment(kube: Kube, enrolment: Enrolment): Promise<void> {
  const stored = await readState(kube, "Secret", SECRET);
  await writeState(kube, "Secret", SECRET, { ...stored, enrolment: JSON.stringify(enrolment) });
}

/**
 * Checks what the hub answered to the registration against what the token pins, and keeps it.
 * Throws when the hub is not the one the token was made by.
 */
export async function acceptEnrolment(
  kube: Kube,
  token: RegistrationToken,
  answer: Omit<Enrolment, "hub">,
): Promise<Enrolment> {
  const pinned = fingerprintOf(answer.recoveryKey) === token.recovery;
  if (!pinned)
    throw new Error("the hub's recovery key is not the one the token pins; is this the hub that made it?");
  if (answer.project !== token.project || answer.cluster !== token.cluster)
    throw new Error(
      `the hub registered ${answer.project}/${answer.cluster}, not ${token.project}/${token.cluster}`,
    );
  const charter = await verifyCharter(answer.charter, answer.recoveryKey);
  if (charter.kind === "refused") throw new Error(charter.message);
  if (charter.value.hub !== token.hub)
    throw new Error(`the charter is of hub ${charter.value.hub}, not ${token.hub}`);
  const { project, cluster, recoveryKey } = answer;
  const enrolment = { hub: token.hub, project, cluster, recoveryKey, charter: answer.charter };
  await storeEnrolment(kube, enrolment);
  return enrolment;
}

/** The stored charter is verified again: it decides whose statements are obeyed. */
export async function identityOf(enrolment: Enrolment, key: AgentKey): Promise<Identity> {
  const charter = await verifyCharter(enrolment.charter, enrolment.recoveryKey);
  if (charter.kind === "refused") throw new Error(`Secret ${SYSTEM_NAMESPACE}/${SECRET}: ${charter.message}`);
  const { hub, project, cluster, recoveryKey } = enrolment;
  return { hub, project, cluster, recoveryKey, key: key.privateKey, charter: charter.value };
}

export type CharterVerdict =
  | { kind: "kept" }
  | { kind: "replaced"; charter: Charter }
  | { kind: "refused"; message: string };

/** Takes a newer charter after the recovery key vouched for it; the Secret is written before it counts. */
export async function considerCharter(kube: Kube, identity: Identity, jws: string): Promise<CharterVerdict> {
  const next = await verifyCharter(jws, identity.recoveryKey);
  if (next.kind === "refused") return next;
  if (next.value.hub !== identity.hub)
    return {
      kind: "refused",
      message: `charter refused: it is of hub ${next.value.hub}, not ${identity.hub}`,
    };
  if (!newerCharter(identity.charter, next.value)) return { kind: "kept" };
  const { hub, project, cluster, recoveryKey } = identity;
  await storeEnrolment(kube, { hub, project, cluster, recoveryKey, charter: jws });
  return { kind: "replaced", charter: next.value };
}

async function importPair(text: string): Promise<AgentKey> {
  const jwk = pairSchema.parse(JSON.parse(text));
  const privateKey = await importJWK(jwk, "EdDSA");
  if (privateKey instanceof Uint8Array)
    throw new Error(`Secret ${SYSTEM_NAMESPACE}/${SECRET} holds no Ed25519 key`);
  return { privateKey, publicKey: { kty: jwk.kty, crv: jwk.crv, x: jwk.x } };
}
