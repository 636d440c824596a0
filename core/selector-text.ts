/**
 * Selectors as kubectl writes them: `tier=web,env!=prod,region in (eu,us),!legacy`. What is read here is an ordinary
 * Selector, so both ways of writing one mean the same.
 */
import { assertNever } from "./assert.ts";
import type { Selector } from "./selector.ts";

type Term = NonNullable<Selector["matchExpressions"]>[number];
export type ParsedSelector = { kind: "parsed"; selector: Selector } | { kind: "refused"; message: string };

export const SELECTOR_CHARS_MAX = 1000;
const TERMS_MAX = 50;
const VALUES_MAX = 100;

const KEY = String.raw`((?:[a-z0-9.-]{1,253}/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)`;
const VALUE = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const EXISTS = new RegExp(`^(!?)\\s*${KEY}$`);
const EQUALS = new RegExp(`^${KEY}\\s*(==|=|!=)\\s*([^=!()\\s]*)$`);
const SET = new RegExp(`^${KEY}\\s+(in|notin)\\s*\\(([^()]*)\\)$`);

/** An empty text selects everything. `a!=b` and `a notin (b)` also match where `a` is absent. */
export function parseSelectorText(text: string): ParsedSelector {
  if (text.length > SELECTOR_CHARS_MAX)
    return refused(`has ${text.length} characters, the limit is ${SELECTOR_CHARS_MAX}`);
  if (text.trim() === "") return { kind: "parsed", selector: {} };
  const parts = splitTerms(text);
  if (parts.length > TERMS_MAX) return refused(`has ${parts.length} terms, the limit is ${TERMS_MAX}`);
  const terms: Term[] = [];
  for (const part of parts) {
    const term = parseTerm(part.trim());
    if (typeof term === "string") return refused(term);
    terms.push(term);
  }
  return { kind: "parsed", selector: { matchExpressions: terms } };
}

function refused(message: string): ParsedSelector {
  return { kind: "refused", message };
}

/** At the commas that stand outside parentheses. */
function splitTerms(text: string): string[] {
  const parts: string[] = [];
  let [start, depth] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === "(") depth += 1;
    if (char === ")") depth -= 1;
    if (char !== "," || depth > 0) continue;
    parts.push(text.slice(start, at));
    start = at + 1;
  }
  return [...parts, text.slice(start)];
}

function parseTerm(text: string): Term | string {
  const [, not, only] = EXISTS.exec(text) ?? [];
  if (only !== undefined) return { key: only, operator: not === "!" ? "DoesNotExist" : "Exists" };
  const [, key, sign, value] = EQUALS.exec(text) ?? [];
  if (key !== undefined) return withValues(text, key, sign === "!=" ? "NotIn" : "In", [value ?? ""]);
  const [, setKey, operator, list] = SET.exec(text) ?? [];
  if (setKey === undefined)
    return `"${text.slice(0, 80)}" is no term: write a=b, a!=b, a in (b,c), a notin (b,c), a or !a`;
  const values = (list ?? "").split(",").map((one) => one.trim());
  return withValues(text, setKey, operator === "in" ? "In" : "NotIn", values);
}

function withValues(text: string, key: string, operator: "In" | "NotIn", values: string[]): Term | string {
  if (values.length > VALUES_MAX) return `${key} has ${values.length} values, the limit is ${VALUES_MAX}`;
  const wrong = values.find((value) => !VALUE.test(value));
  return wrong === undefined
    ? { key, operator, values }
    : `"${text.slice(0, 80)}": "${wrong}" is no label value`;
}

/** As kubectl writes it; `all` for the empty one. What is read from it again means the same. */
export function selectorWords({ matchLabels = {}, matchExpressions = [] }: Selector): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const terms = matchExpressions.map(({ key, operator, values = [] }) => {
    switch (operator) {
      case "In":
        return `${key} in (${values.join(",")})`;
      case "NotIn":
        return `${key} notin (${values.join(",")})`;
      case "Exists":
        return key;
      case "DoesNotExist":
        return `!${key}`;
      default:
        return assertNever(operator);
    }
  });
  return [...labels.toSorted(), ...terms].join(",") || "all";
}
