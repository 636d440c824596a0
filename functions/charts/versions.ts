/**
 * Which of the versions that a repository has is meant, by Helm's rules: the text as it stands, else the highest that a
 * range allows. Prereleases count only where the range names one. Pure.
 */
import { compare, compareBuild, parse, type SemVer } from "semver";
import { assertNever } from "#core/assert.ts";
import { parseRange, type Bound, type RangeGroup } from "#core/version-range.ts";

const LENIENT = /^v?(\d+)(\.\d+)?(\.\d+)?([-+].*)?$/;

/** With or without `v`; numbers that are left out are 0. Undefined for what is no version. */
export function readVersion(text: string): SemVer | undefined {
  const [, major, minor = ".0", patch = ".0", rest = ""] = LENIENT.exec(text) ?? [];
  return major === undefined ? undefined : (parse(`${major}${minor}${patch}${rest}`) ?? undefined);
}

export interface Versioned {
  readonly version: string;
}

/** Undefined where none fits. */
export function chooseVersion<V extends Versioned>(wanted: string, offered: readonly V[]): V | undefined {
  const exact = offered.find(({ version }) => version === wanted);
  if (exact !== undefined) return exact;
  const groups = parseRange(wanted) ?? [];
  return newestFirst(offered).find(({ version }) => {
    const read = readVersion(version);
    return read !== undefined && groups.some((group) => fits(group, read));
  });
}

/** What is no version is left out. */
export function newestFirst<V extends Versioned>(offered: readonly V[]): V[] {
  return offered
    .flatMap((one) => {
      const read = readVersion(one.version);
      return read === undefined ? [] : [{ one, read }];
    })
    .sort((a, b) => compareBuild(b.read, a.read))
    .map(({ one }) => one);
}

/** Equal as versions are: `v` and missing numbers aside, build metadata included. */
export function sameVersion(one: string, other: string): boolean {
  const [left, right] = [readVersion(one), readVersion(other)];
  return left !== undefined && right !== undefined && compareBuild(left, right) === 0;
}

function fits({ prereleases, constraints }: RangeGroup, version: SemVer): boolean {
  if (version.prerelease.length > 0 && !prereleases) return false;
  return constraints.every(({ not, all }) => all.every((bound) => holds(bound, version)) !== not);
}

function holds({ op, version: bound }: Bound, version: SemVer): boolean {
  const order = compare(version, bound);
  switch (op) {
    case ">=":
      return order >= 0;
    case ">":
      return order > 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case "=":
      return order === 0;
    default:
      return assertNever(op);
  }
}
