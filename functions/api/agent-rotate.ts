/** `POST /agent/v1/rotate`: an agent changes its key, proved by both halves of the change. May repeat: an answer is lost. */
import { compactVerify, importJWK } from "jose";
import { SIGNED_TYPES, type PublicKey } from "#core/charter.ts";
import { Problem } from "#core/problem.ts";
import { keyProofSchema, type KeyProof, type RotateAnswer, type RotateRequest } from "#core/protocol.ts";
import { rotateKey } from "../store/agent-key.ts";
import type { Db } from "../store/db.ts";
import type { ProvenAgent } from "./request-identity.ts";

export async function rotate(
  deps: { db: Db; now: () => number },
  hub: string,
  { line, by }: ProvenAgent,
  { key, proof }: RotateRequest,
): Promise<RotateAnswer> {
  const { project, cluster } = line;
  const agent = `${project}/${cluster}`;
  const proved = await readProof(proof, key);
  if (proved === undefined || proved.hub !== hub || proved.agent !== agent || proved.x !== key.x)
    throw new Problem("invalid-request", "proof: is not signed by the new key for this agent and hub");
  const stamp = { by: `agent:${agent}` };
  const outcome = await rotateKey(deps.db, project, cluster, { by, next: key, stamp, now: deps.now() });
  if (outcome === "rotated" || outcome === "already") return { outcome };
  throw outcome === "lost"
    ? new Problem("conflict", "the key is being changed by others at this moment: try again")
    : new Problem(
        "conflict",
        "this key cannot be the next one: it was in use before, or the old one is not good",
      );
}

async function readProof(jws: string, key: PublicKey): Promise<KeyProof | undefined> {
  try {
    const signer = await importJWK({ ...key }, "EdDSA");
    const { payload, protectedHeader } = await compactVerify(jws, signer, { algorithms: ["EdDSA"] });
    if (protectedHeader.typ !== SIGNED_TYPES.key) return undefined;
    return keyProofSchema.safeParse(JSON.parse(new TextDecoder().decode(payload))).data;
  } catch {
    return undefined;
  }
}
