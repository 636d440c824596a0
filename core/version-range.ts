/**
 * Ranges of versions as Helm writes them (`^1.2`, `>=1.0, <2`, `1.x || 3.4.1`, `1.2 - 1.4`), read into bounds. Only the
 * text is read here; what is compared with what is the business of who has versions at hand.
 */

/** A full version, such as `1.2.3-rc.1`. */
export interface Bound {
  readonly op: ">=" | ">" | "<" | "<=" | "=";
  readonly version: string;
}

/** Holds where every bound of `all` does; with `not`, where one does not. */
export interface Constraint {
  readonly not: boolean;
  readonly all: readonly Bound[];
}

/** All constraints of one group must hold, of one group at least. Prereleases count only in a group that names one. */
export interface RangeGroup {
  readonly prereleases: boolean;
  readonly constraints: readonly Constraint[];
}

const EXACT =
  /^v?\d{1,9}\.\d{1,9}\.\d{1,9}(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;
const VERSION = String.raw`v?(?:\d{1,9}|[xX*])(?:\.(?:\d{1,9}|[xX*])){0,2}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?`;
const OPERATOR = "=>|>=|=<|<=|!=|~>|[=<>~^]";
const HYPHEN = new RegExp(`^\\s*(${VERSION})\\s+-\\s+(${VERSION})\\s*$`);
const ONE = new RegExp(`\\s*(${OPERATOR})?\\s*(${VERSION})(?=[\\s,]|$)\\s*(?:,(?=\\s*\\S))?`, "y");
const GROUPS_MAX = 20;
const CONSTRAINTS_MAX = 20;

/** One version rather than a range. */
export function isExactVersion(text: string): boolean {
  return EXACT.test(text);
}

/** Undefined for what is no range. */
export function parseRange(text: string): RangeGroup[] | undefined {
  const groups = text.split("||").map(parseGroup);
  const read = groups.filter((group) => group !== undefined);
  return read.length === groups.length && read.length <= GROUPS_MAX ? read : undefined;
}

function parseGroup(text: string): RangeGroup | undefined {
  const [, from, to] = HYPHEN.exec(text) ?? [];
  const parts = from === undefined || to === undefined ? pairsOf(text) : hyphen(from, to);
  if (parts === undefined || parts.length === 0 || parts.length > CONSTRAINTS_MAX) return undefined;
  const read = parts.map(([operator, version]) => ({ operator, parts: partsOf(version) }));
  return {
    prereleases: read.some(({ parts: { pre } }) => pre !== ""),
    constraints: read.map(({ operator, parts }) => constraintOf(operator, parts)),
  };
}

function hyphen(from: string, to: string): [string, string][] {
  return [
    [">=", from],
    ["<=", to],
  ];
}

function pairsOf(text: string): [string, string][] | undefined {
  const pairs: [string, string][] = [];
  ONE.lastIndex = 0;
  for (let at = 0; at < text.trimEnd().length; at = ONE.lastIndex) {
    const found = ONE.exec(text);
    if (found?.[2] === undefined) return undefined;
    pairs.push([found[1] ?? "=", found[2]]);
  }
  return pairs;
}

interface Parts {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** Of `1.x`, 1: how many numbers are said. */
  readonly said: number;
  /** With its dash, or empty. */
  readonly pre: string;
}

function partsOf(text: string): Parts {
  const [core = "", ...rest] = text.replace(/^v/, "").replace(/\+.*$/, "").split("-");
  const numbers = core.split(".");
  const wild = numbers.findIndex((one) => /^[xX*]$/.test(one));
  const said = wild === -1 ? numbers.length : wild;
  const [major = 0, minor = 0, patch = 0] = numbers.slice(0, said).map(Number);
  return { major, minor, patch, said, pre: rest.length === 0 ? "" : `-${rest.join("-")}` };
}

function constraintOf(operator: string, parts: Parts): Constraint {
  const is = (...all: Bound[]): Constraint => ({ not: false, all });
  const { said } = parts;
  const version = textOf(parts);
  const from: Bound = { op: ">=", version };
  switch (operator) {
    case ">=":
    case "=>":
      return is(from);
    case "<":
      return is({ op: "<", version });
    case ">":
      return is(said === 3 ? { op: ">", version } : { op: ">=", version: after(parts, said) });
    case "<=":
    case "=<":
      return is(said === 3 ? { op: "<=", version } : { op: "<", version: after(parts, said) });
    case "~":
    case "~>":
      return is(from, ...upTo(parts, Math.min(said, 2)));
    case "^":
      return is(from, ...upTo(parts, caretLevel(parts)));
    case "!=":
      return { not: true, all: equal(parts) };
    default:
      return is(...equal(parts));
  }
}

function equal(parts: Parts): Bound[] {
  if (parts.said === 3) return [{ op: "=", version: textOf(parts) }];
  return [{ op: ">=", version: textOf(parts) }, ...upTo(parts, parts.said)];
}

/** The first number that may not change is the leftmost that is not 0. */
function caretLevel({ major, minor, said }: Parts): number {
  if (major > 0 || said < 2) return Math.min(said, 1);
  return minor > 0 || said < 3 ? 2 : 3;
}

/** Below the next version of the first `level` numbers; no bound for none. */
function upTo(parts: Parts, level: number): Bound[] {
  return level === 0 ? [] : [{ op: "<", version: after(parts, level) }];
}

/** Not even its prereleases. */
function after({ major, minor, patch }: Parts, level: number): string {
  if (level <= 1) return `${major + 1}.0.0-0`;
  return level === 2 ? `${major}.${minor + 1}.0-0` : `${major}.${minor}.${patch + 1}-0`;
}

function textOf({ major, minor, patch, pre }: Parts): string {
  return `${major}.${minor}.${patch}${pre}`;
}
