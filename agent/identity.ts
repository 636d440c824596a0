/**
 * Who this agent is: its key, the hub's recovery key as pinned by the token, and the newest charter. What the hub says
 * of itself counts only after the recovery key vouched for it.
 */
import type { CryptoKey } from "jose";
import { fingerprintOf, newerCharter, type Charter, type PublicKey } from "#core/charter.ts";
import { sha256 } from "#core/digest.ts";
import { registrationTokenSchema, type RegisterAnswer, type RegistrationToken } from "#core/protocol.ts";
import type { Kube } from "./kube/port.ts";
import { loadEnrolment, SECRET_PLACE, storeEnrolment, type AgentKey, type Enrolment } from "./keys.ts";
import { verifyCharter } from "./signed.ts";

const TOKEN_PREFIX = "fl1.";
const TOKEN_CHARS_MAX = 4000;

export interface Identity {
  hub: string;
  project: string;
  cluster: string;
  key: CryptoKey;
  recoveryKey: PublicKey;
  charter: Charter;
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

/** Names a token without giving it away. */
export function tokenDigest({ secret }: RegistrationToken): string {
  return sha256(secret);
}

/**
 * What the hub answered to the registration, held against what the token pins.
 * Throws when the hub is not the one the token was made by.
 */
export async function checkedEnrolment(token: RegistrationToken, answer: RegisterAnswer): Promise<Enrolment> {
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
  const digest = tokenDigest(token);
  return { hub: token.hub, project, cluster, recoveryKey, charter: answer.charter, token: digest };
}

/** The stored charter is verified again: it decides whose statements are obeyed. */
export async function identityOf(enrolment: Enrolment, key: AgentKey): Promise<Identity> {
  const charter = await verifyCharter(enrolment.charter, enrolment.recoveryKey);
  if (charter.kind === "refused") throw new Error(`${SECRET_PLACE}: ${charter.message}`);
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
  const before = await loadEnrolment(kube);
  await storeEnrolment(kube, { ...before, hub, project, cluster, recoveryKey, charter: jws });
  return { kind: "replaced", charter: next.value };
}
