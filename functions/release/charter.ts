/** Reads a charter that somebody brought: nothing of it counts before the recovery key's signature holds. */
import { compactVerify, importJWK } from "jose";
import { charterSchema, SIGNED_TYPES, type Charter, type PublicKey } from "#core/charter.ts";

export type ReadCharter = { kind: "read"; charter: Charter } | { kind: "refused"; message: string };

export async function readCharter(jws: string, recoveryKey: PublicKey): Promise<ReadCharter> {
  try {
    const key = await importJWK({ ...recoveryKey }, "EdDSA");
    const { payload, protectedHeader } = await compactVerify(jws, key, { algorithms: ["EdDSA"] });
    if (protectedHeader.typ !== SIGNED_TYPES.charter)
      return {
        kind: "refused",
        message: `its typ is ${String(protectedHeader.typ)}, not ${SIGNED_TYPES.charter}`,
      };
    const charter = charterSchema.safeParse(JSON.parse(new TextDecoder().decode(payload)));
    if (charter.success) return { kind: "read", charter: charter.data };
    const [issue] = charter.error.issues;
    return {
      kind: "refused",
      message: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "cannot be read"}`,
    };
  } catch {
    return { kind: "refused", message: "it is not signed by the recovery key that this hub's agents pin" };
  }
}
