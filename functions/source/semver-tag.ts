/** Which tag a range of semantic versions means: the highest that satisfies it, by the rules of npm's `semver`. Pure. */
import { compareBuild, Range, valid } from "semver";
import { GitFailure } from "./git-failure.ts";

const PREFIX = "refs/tags/";

/** A reference as a server lists it. */
interface Listed {
  readonly ref: string;
}

/** Throws `unsupported` for what is no range: told before a server is asked. */
export function checkRange(range: string): string {
  try {
    void new Range(range);
    return range;
  } catch {
    throw new GitFailure(
      "unsupported",
      "spec.git.ref.semver is no range of versions; write one such as `~1.4` or `>=1.2 <2`",
    );
  }
}

/**
 * Tags are read as versions with or without a `v` before them; others (`latest`, `v1.2`) are passed over. A prerelease
 * counts only where the range names one of the same version. Of two spellings of one version the one with `v` counts.
 * Throws `ref-not-found`.
 */
export function highestTag<R extends Listed>(range: string, refs: readonly R[]): R {
  const wanted = new Range(range);
  const tags = refs.filter(({ ref }) => ref.startsWith(PREFIX));
  const versions = tags.flatMap((tag) => {
    const version = versionOf(tag);
    return version === undefined ? [] : [{ tag, version }];
  });
  const [highest] = versions
    .filter(({ version }) => wanted.test(version))
    .sort((a, b) => compareBuild(b.version, a.version) || (a.tag.ref > b.tag.ref ? -1 : 1));
  if (highest !== undefined) return highest.tag;
  throw new GitFailure(
    "ref-not-found",
    `None of the repository's ${tags.length} tags (${versions.length} of them versions) satisfies the range ${range}; tag a release, or widen spec.git.ref.semver`,
  );
}

function versionOf({ ref }: Listed): string | undefined {
  const text = ref.slice(PREFIX.length).replace(/^v(?=\d)/, "");
  // `valid` is lenient with spaces and signs before a version; a tag is a version only as it stands.
  return /^\d/.test(text) ? (valid(text) ?? undefined) && text : undefined;
}
