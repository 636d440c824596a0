/** What a look at one signature can end with. A reason is the end of a sentence that begins with the object. */
export type Verdict =
  | {
      readonly kind: "signed";
      readonly signer: string;
      /** As people compare it: `SHA256:…` of an SSH key, the fingerprint of an OpenPGP (sub)key. */
      readonly key: string;
    }
  /** Signed, by none of those who were asked for. */
  | { readonly kind: "foreign"; readonly key: string }
  | Refused;

export interface Refused {
  readonly kind: "refused";
  readonly reason: string;
}

export function refused(reason: string): Refused {
  return { kind: "refused", reason };
}

export function altered(signer: string, key: string): Refused {
  return refused(
    `carries a signature of ${signer} (${key}) that does not fit its content: it was altered after it was signed`,
  );
}
