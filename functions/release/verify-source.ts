/**
 * The signature policy of a Source, between the fetch and the table: what it demands, and whether what was fetched has it. A Source
 * that demands nothing costs nothing.
 */
import { demanded, type Demanded } from "#core/signers.ts";
import type { ReadSource, Source } from "#core/source.ts";
import { verifyRef, type RefObjects } from "../source/signature/verify.ts";
import type { Db } from "../store/db.ts";
import { getProject } from "../store/resource.ts";

export type Vouched =
  | { kind: "vouched"; facts: Pick<ReadSource, "signer" | "signedWith" | "verified"> }
  | { kind: "failed"; code: "signature"; message: string };

export async function demandedOf(db: Db, source: Source): Promise<Demanded> {
  if (source.spec.verify === undefined) return { kind: "nothing" };
  return demanded(source, await getProject(db, source.metadata.project));
}

export async function vouch(rules: Demanded, objects: RefObjects, now: number): Promise<Vouched> {
  if (rules.kind === "nothing") return { kind: "vouched", facts: {} };
  if (rules.kind === "unknown") return { kind: "failed", code: "signature", message: rules.message };
  const found = await verifyRef(objects, rules.signers, now);
  if (found.kind === "refused") return { kind: "failed", code: "signature", message: found.message };
  const { signer, key } = found;
  return { kind: "vouched", facts: { signer, signedWith: key, verified: rules.digest } };
}
