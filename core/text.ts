/**
 * Text from outside (agents, Git, clusters), made safe for terminals, logs and pages at the edge:
 * control characters and bidirectional overrides go, length is bounded.
 */
import { SENTENCE_CHARS_MAX } from "./limits.ts";

// eslint-disable-next-line no-control-regex -- control characters are the point here
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g;

/** One line, at most `charsMax` characters; what was cut is shown by an ellipsis. */
export function sentence(text: string, charsMax: number = SENTENCE_CHARS_MAX): string {
  const line = text.replace(UNSAFE, " ").replace(/ {2,}/g, " ").trim();
  return line.length <= charsMax ? line : `${line.slice(0, charsMax - 1)}…`;
}

export const CLUSTERS_NAMED_MAX = 5;

/** `cluster a`, `clusters a, b and 7 more`; of `total` clusters, the first ones are enough. */
export function clusterNames(names: readonly string[], total: number = names.length): string {
  const left = total - Math.min(names.length, CLUSTERS_NAMED_MAX);
  const more = left > 0 ? ` and ${left} more` : "";
  return `cluster${total === 1 ? "" : "s"} ${names.slice(0, CLUSTERS_NAMED_MAX).join(", ")}${more}`;
}
