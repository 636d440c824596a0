/**
 * Whether a chart is signed as its App demands: by the provenance file with a signer's OpenPGP key, or by cosign with a
 * signer's key. Either is enough; where neither holds, both are told.
 */
import { assertNever } from "#core/assert.ts";
import { chartAddress, type ChartRef } from "#core/chart.ts";
import type { Signer } from "#core/project.ts";
import type { Demanded } from "#core/signers.ts";
import type { Verdict } from "../source/signature/verdict.ts";
import { verifyCosign } from "./cosign.ts";
import { ChartFailure } from "./failure.ts";
import type { Offer } from "./offer.ts";
import { verifyProvenance } from "./provenance.ts";

export interface Vouched {
  readonly signer?: string | undefined;
  readonly signedWith?: string | undefined;
}

/** `digest` is that of the archive, hashed from its bytes. Throws `ChartFailure` where nobody who is demanded vouches. */
export async function vouchForChart(
  rules: Demanded,
  chart: ChartRef,
  offer: Offer,
  digest: string,
  now: number,
): Promise<Vouched> {
  if (rules.kind === "nothing") return {};
  if (rules.kind === "unknown") throw new ChartFailure("signature", rules.message);
  const found = [
    await byProvenance(rules.signers, chart, offer, digest, now),
    await byCosign(rules.signers, offer),
  ].filter((verdict) => verdict !== undefined);
  const signed = found.find((verdict) => verdict.kind === "signed");
  if (signed !== undefined) return { signer: signed.signer, signedWith: signed.key };
  const names = rules.signers.map(({ name }) => name).join(", ");
  const reasons = found.map((verdict) => wordsOf(verdict));
  const why = reasons.length === 0 ? "is not looked at: SSH keys sign no charts" : reasons.join(", and ");
  throw new ChartFailure(
    "signature",
    `${chartAddress(chart)} ${offer.version} ${why}; the App demands a signature of ${names}`,
  );
}

async function byProvenance(
  signers: readonly Signer[],
  { name }: ChartRef,
  offer: Offer,
  digest: string,
  now: number,
): Promise<Verdict | undefined> {
  const own = signers.filter((one) => "gpg" in one);
  if (own.length === 0) return undefined;
  const text = await offer.provenance();
  if (text === undefined) return { kind: "refused", reason: "has no provenance file (.prov)" };
  return verifyProvenance(text, { name, version: offer.version, digest }, own, now);
}

async function byCosign(signers: readonly Signer[], offer: Offer): Promise<Verdict | undefined> {
  const own = signers.filter((one) => "cosign" in one);
  if (own.length === 0) return undefined;
  if (offer.manifest === undefined)
    return { kind: "refused", reason: "comes from a Helm repository, where cosign stores no signatures" };
  return verifyCosign(offer.manifest, await offer.signatures(), own);
}

function wordsOf(verdict: Verdict): string {
  switch (verdict.kind) {
    case "signed":
      return `is signed by ${verdict.signer}`;
    case "foreign":
      return `is signed with ${verdict.key}, which belongs to none of the demanded signers`;
    case "refused":
      return verdict.reason;
    default:
      return assertNever(verdict);
  }
}
