/** Why something is done, on its way to the audit log: one header, in any language. */
import { sentence } from "./text.ts";

export const REASON_HEADER = "fairlead-reason";
const ENCODED = "UTF-8''";

/** A header holds one line of ASCII; other text is percent-encoded under a mark, as RFC 8187 does it. */
export function encodeReason(text: string): string {
  const line = sentence(text);
  const isPlain = /^[\u0020-\u007e]*$/.test(line) && !line.startsWith(ENCODED);
  return isPlain ? line : `${ENCODED}${encodeURIComponent(line.toWellFormed())}`;
}

/** Undefined for an empty one; a header that is wrongly encoded is taken as it stands. */
export function decodeReason(header: string | undefined): string | undefined {
  const line = sentence(header?.startsWith(ENCODED) === true ? decoded(header) : (header ?? ""));
  return line === "" ? undefined : line;
}

function decoded(header: string): string {
  try {
    return decodeURIComponent(header.slice(ENCODED.length));
  } catch {
    // Not ours; still somebody's words.
    return header;
  }
}
