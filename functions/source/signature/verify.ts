/**
 * Whether a commit or tag is signed by one of the demanded signers: the one question that the rest of the hub asks. It tells who
 * vouched for the content, not that the content belongs at this place: a ref can be moved to an older signed commit.
 */
import type { Signer } from "#core/project.ts";
import { sentence } from "#core/text.ts";
import { partsOf, tagHeaders, type RawObject } from "./payload.ts";
import { verifySsh } from "./ssh.ts";
import { refused, type Verdict } from "./verdict.ts";

export type Signature =
  | Extract<Verdict, { kind: "signed" }>
  | { readonly kind: "refused"; readonly message: string };

/** What stands at a Source's ref. */
export interface RefObjects {
  readonly commit: RawObject;
  /** Of a ref that is an annotated tag: the tag, and the name under which it was found. */
  readonly tag?: { readonly object: RawObject; readonly name: string } | undefined;
}

const MESSAGE_CHARS_MAX = 500;

/** Either signature is enough; where neither holds, both are told. */
export async function verifyRef(
  { commit, tag }: RefObjects,
  signers: readonly Signer[],
  now: number,
): Promise<Signature> {
  if (tag === undefined) return verifySignature(commit, signers, now);
  const ofTag = named(tag.object, tag.name) ?? (await verifySignature(tag.object, signers, now));
  if (ofTag.kind === "signed") return ofTag;
  const ofCommit = await verifySignature(commit, signers, now);
  if (ofCommit.kind === "signed") return ofCommit;
  const message = `${ofTag.message}. ${ofCommit.message}`;
  return { kind: "refused", message: sentence(message, MESSAGE_CHARS_MAX) };
}

/** A signed tag object can be put behind another name: `v1.0`, signed, would come as `v2.0`. */
function named(object: RawObject, name: string): Signature | undefined {
  const own = tagHeaders(object.raw)?.name;
  if (own === name) return undefined;
  const reason = `was made for the name ${JSON.stringify(own ?? "")} and stands at ${name}; make a tag of this name`;
  return told(object, refused(reason));
}

export async function verifySignature(
  object: RawObject,
  signers: readonly Signer[],
  now: number,
): Promise<Signature> {
  const verdict = await verdictOn(object, signers, now);
  return told(object, verdict.kind === "foreign" ? refused(foreignWords(verdict.key, signers)) : verdict);
}

function foreignWords(key: string, signers: readonly Signer[]): string {
  const names = signers.map(({ name }) => name).join(", ");
  return `is signed with ${key}, which belongs to none of the demanded signers (${names}); sign with a key of theirs, or add this one to spec.signers of the Project`;
}

async function verdictOn(object: RawObject, signers: readonly Signer[], now: number): Promise<Verdict> {
  const parts = partsOf(object);
  const names = signers.map(({ name }) => name).join(", ");
  if (parts.kind === "unsigned") return refused(`is not signed; the Source demands a signature of ${names}`);
  if (parts.kind === "malformed") return refused(parts.reason);
  const { payload, signature } = parts;
  if (signature.startsWith("-----BEGIN SSH SIGNATURE-----"))
    return verifySsh(
      payload,
      signature,
      signers.filter((one) => "ssh" in one),
    );
  if (signature.startsWith("-----BEGIN PGP SIGNATURE-----")) {
    const { verifyGpg } = await import("./gpg.ts");
    const theirs = signers.filter((one) => "gpg" in one);
    return verifyGpg(payload, signature, theirs, now);
  }
  return refused("carries a signature that is neither OpenPGP's nor SSH's; X.509 is not read here");
}

function told({ kind, oid }: RawObject, verdict: Exclude<Verdict, { kind: "foreign" }>): Signature {
  if (verdict.kind === "signed") return verdict;
  const what = kind === "commit" ? "Commit" : "Tag";
  return {
    kind: "refused",
    message: sentence(`${what} ${oid.slice(0, 7)} ${verdict.reason}`, MESSAGE_CHARS_MAX),
  };
}
