/**
 * Text that a program wrote, before it leaves its cluster: known values and everything that looks like a secret are
 * struck out. A look cannot be certain, so what is passed on is short, and cut only after this.
 */

const STRUCK = "***";
/** Shorter values would strike out half of every line and hide nothing. */
const VALUE_CHARS_MIN = 3;
const LINE_CHARS_MIN = 8;

const PATTERNS: readonly (readonly [pattern: RegExp, into: string])[] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^]*?(?:-----END [A-Z ]{0,40}-----|$)/g, STRUCK],
  [/\b(bearer|basic|digest)\s+[\w.~+/=-]{6,}/gi, `$1 ${STRUCK}`],
  [/:\/\/[^\s/@]{1,400}@/g, `://${STRUCK}@`],
  [
    /([\w.-]{0,60}(?:passw|passphrase|pwd|secret|token|credential|(?:api|access|private|account)[_.-]?key|authorization)[\w.-]{0,60}["']?\s{0,4}[:=]\s{0,4})(?:"[^"]*"?|'[^']*'?|[^\s,;&]+)/gi,
    `$1${STRUCK}`,
  ],
  [/\beyJ[\w-]{6,}(?:\.[\w-]*){0,4}/g, STRUCK],
  [/\b(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|AKIA|ASIA|AIza|sk-|fl1\.)[\w.-]{8,}/g, STRUCK],
  [/(?<!sha256:)\b(?=[A-Za-z+_=]*\d)[A-Za-z0-9+_=]{28,}/g, STRUCK],
];

/** `values` are the known ones, as they are; their base64 and URL forms are struck out as well. */
export function scrubbed(text: string, values: readonly string[]): string {
  let clean = text;
  for (const value of formsOf(values)) clean = clean.replaceAll(value, STRUCK);
  for (const [pattern, into] of PATTERNS) clean = clean.replace(pattern, into);
  return clean;
}

/** The longest first: one value may be a part of another. */
function formsOf(values: readonly string[]): string[] {
  const forms = values.flatMap((value) => {
    const lines = value.split(/\r?\n/).filter((line) => line.trim().length >= LINE_CHARS_MIN);
    return [value, value.trim(), ...lines, encodeURIComponent(value.toWellFormed()), base64(value)];
  });
  const kept = forms.filter((form) => form.length >= VALUE_CHARS_MIN);
  return [...new Set(kept)].toSorted((a, b) => b.length - a.length);
}

function base64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
}
