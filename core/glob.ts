/**
 * Globs held against whole texts. Steps are bounded by the product of both lengths: a regular expression of many stars
 * could take for ever over a text that a stranger chose.
 */

/** `*` stands for any run of characters but `/`, `**` for any run at all. */
export function fitsGlob(glob: string, text: string): boolean {
  // `reached[at]`: what was read of the glob so far can stand for the first `at` characters.
  let reached = Array.from({ length: text.length + 1 }, (_, at) => at === 0);
  for (const part of glob.split(/(\*\*|\*)/).filter((one) => one !== "")) {
    const next: boolean[] = reached.map(() => false);
    for (let at = 0; at <= text.length; at++) {
      if (part === "*" || part === "**")
        next[at] = reached[at] === true || (next[at - 1] === true && (part === "**" || text[at - 1] !== "/"));
      else if (reached[at] === true && text.startsWith(part, at)) next[at + part.length] = true;
    }
    reached = next;
  }
  return reached[text.length] === true;
}

/** The same where `/` is a character like others: `*` stands for any run at all. */
export function fitsPattern(pattern: string, text: string): boolean {
  return fitsGlob(pattern.replaceAll(/\*+/g, "**"), text);
}
