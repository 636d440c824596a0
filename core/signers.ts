/**
 * Which of a Project's signers a Source, or an App of its chart, demands. The digest stands in the state of what was read, so that a commit that was taken
 * under other rules (none, another name, another key) counts as not looked at.
 */
import { digestOf } from "./digest.ts";
import type { Project, Signer } from "./project.ts";
import type { ReadSource, Source } from "./source.ts";

export type Demanded =
  | { readonly kind: "nothing" }
  | { readonly kind: "signature"; readonly signers: readonly Signer[]; readonly digest: string }
  /** The Source names signers that the Project does not have: nothing can be verified. */
  | { readonly kind: "unknown"; readonly message: string };

export function demanded(source: Source, project: Project | undefined): Demanded {
  const { name, project: where } = source.metadata;
  const place = { field: "spec.verify.signers", what: `Source ${name}`, project: where };
  return demandedOf(source.spec.verify, project, place);
}

/** Where a demand is written, for the sentence that tells what is missing. */
interface Place {
  readonly field: string;
  readonly what: string;
  readonly project: string;
}

/** The same for whatever names signers: a Source, an App's chart. */
export function demandedOf(
  verify: { readonly signers: readonly string[] } | undefined,
  project: Project | undefined,
  { field, what, project: where }: Place,
): Demanded {
  if (verify === undefined) return { kind: "nothing" };
  const known = project?.spec.signers ?? [];
  const missing = verify.signers.filter((name) => known.every((signer) => signer.name !== name));
  if (missing.length > 0) {
    const has = known.length === 0 ? "no signers" : known.map(({ name }) => name).join(", ");
    const message = `${field} of ${what} names ${missing.join(", ")}; Project ${where} has ${has}: put the public key into spec.signers of the Project`;
    return { kind: "unknown", message };
  }
  const signers = known.filter(({ name }) => verify.signers.includes(name));
  return { kind: "signature", signers, digest: digestOf(signers) };
}

/** Whether what was read may be used under these rules. */
export function isVerified(read: ReadSource, rules: Demanded): boolean {
  return rules.kind === "nothing" || (rules.kind === "signature" && read.verified === rules.digest);
}
