/**
 * Takes a raw commit or tag apart into what was signed and the signature over it, byte for byte as Git does. Nothing is
 * repaired or normalised: a payload that differs by one byte is another payload. It never throws.
 */

/** The object as Git stores it, without the header that says its type and length. */
export interface RawObject {
  readonly kind: "commit" | "tag";
  readonly oid: string;
  readonly raw: Uint8Array;
}

export type Parts =
  | { readonly kind: "signed"; readonly payload: Buffer; readonly signature: string }
  | { readonly kind: "unsigned" }
  /** What is wrong, as the end of a sentence that begins with the object. */
  | { readonly kind: "malformed"; readonly reason: string };

/** Headers that hold a signature, of this repository's hash and of the other; neither is part of what was signed. */
const OWN_HEADER = "gpgsig";
const SIGNATURE_HEADERS = new Set([OWN_HEADER, "gpgsig-sha256"]);
const ARMORS = [
  "-----BEGIN PGP SIGNATURE-----",
  "-----BEGIN PGP MESSAGE-----",
  "-----BEGIN SSH SIGNATURE-----",
  "-----BEGIN SIGNED MESSAGE-----",
];

export function partsOf({ kind, raw }: RawObject): Parts {
  // Latin-1 gives each byte one character and back.
  const text = Buffer.from(raw).toString("latin1");
  return kind === "commit" ? commitParts(text) : tagParts(text);
}

function commitParts(text: string): Parts {
  const { kept, signatures } = withoutSignatures(text);
  const [signature] = signatures;
  if (signature === undefined) return { kind: "unsigned" };
  if (signatures.length > 1) return { kind: "malformed", reason: "carries more than one signature" };
  return { kind: "signed", payload: Buffer.from(kept, "latin1"), signature };
}

/** A tag's signature is the end of its message, from the last line that opens an armor. */
function tagParts(text: string): Parts {
  const starts = ARMORS.map((armor) =>
    text.startsWith(armor) ? 0 : text.lastIndexOf(`\n${armor}`) + 1,
  ).filter((start) => start > 0);
  if (starts.length === 0) return { kind: "unsigned" };
  const start = Math.max(...starts);
  const { kept } = withoutSignatures(text.slice(0, start));
  return { kind: "signed", payload: Buffer.from(kept, "latin1"), signature: text.slice(start) };
}

/** All but the headers that hold signatures; a header goes on in lines that begin with a space. */
function withoutSignatures(text: string): { kept: string; signatures: string[] } {
  const blank = text.indexOf("\n\n");
  const headersEnd = blank === -1 ? text.length : blank + 1;
  const signatures: string[] = [];
  let kept = "";
  let within: "own" | "other" | "none" = "none";
  for (const line of linesOf(text.slice(0, headersEnd))) {
    const name = line.slice(0, Math.max(line.indexOf(" "), 0));
    if (!line.startsWith(" "))
      within = SIGNATURE_HEADERS.has(name) ? (name === OWN_HEADER ? "own" : "other") : "none";
    if (within === "none") kept += line;
    if (within !== "own") continue;
    if (line.startsWith(" ")) signatures.push((signatures.pop() ?? "") + line.slice(1));
    else signatures.push(line.slice(name.length + 1));
  }
  return { kept: kept + text.slice(headersEnd), signatures };
}

/** With their line ends, so that joining them gives the text again. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** What an annotated tag says of itself; undefined where its headers are not Git's. */
export function tagHeaders(raw: Uint8Array): { object: string; name: string } | undefined {
  const text = Buffer.from(raw.subarray(0, 1000)).toString("utf8");
  const [, object, name] = /^object ([0-9a-f]{40})\ntype [a-z]+\ntag ([^\n]+)\n/.exec(text) ?? [];
  return object === undefined || name === undefined ? undefined : { object, name };
}
