/**
 * Reads the three kinds of Git object that have a form: trees, commits and tags. What does not have
 * that form is told as `invalid`; names are handed on as they are, for the caller to judge.
 */
import { GitFailure } from "./git-failure.ts";
import { type GitObject } from "./git-pack.ts";
import { type ObjectType } from "./git-packed-object.ts";

export type GitObjects = ReadonlyMap<string, GitObject>;

export interface TreeEntry {
  readonly name: string;
  readonly kind: "directory" | "file" | "link" | "submodule";
  readonly oid: string;
}

export interface Person {
  readonly name: string;
  readonly email: string;
  /** Seconds since 1970, as written; may be absurd. */
  readonly seconds: number;
}

export interface Commit {
  readonly tree: string;
  readonly author: Person;
  readonly committer: Person;
  readonly message: string;
}

const OID_BYTES = 20;
const TAGS_IN_A_ROW_MAX = 8;

/** The object with this id; throws `invalid` if it is missing or of another type. */
export function objectOf(objects: GitObjects, oid: string, type: ObjectType): GitObject {
  const object = objects.get(oid);
  if (object?.type === type) return object;
  throw new GitFailure("invalid", `The pack lacks the ${type} ${oid}; run git fsck on the repository`);
}

/** The id of the commit that `oid` is, or that it names through annotated tags. */
export function peel(objects: GitObjects, oid: string): string {
  let current = oid;
  for (let tags = 0; tags <= TAGS_IN_A_ROW_MAX; tags += 1) {
    const object = objects.get(current);
    if (object?.type !== "tag") return current;
    current = headerOf(text(object), "object");
  }
  throw new GitFailure("invalid", `More than ${TAGS_IN_A_ROW_MAX} tags name each other in a row`);
}

export function readCommit(objects: GitObjects, oid: string): Commit {
  const content = text(objectOf(objects, oid, "commit"));
  const end = content.indexOf("\n\n");
  return {
    tree: headerOf(content, "tree"),
    author: person(headerOf(content, "author")),
    committer: person(headerOf(content, "committer")),
    message: end < 0 ? "" : content.slice(end + 2),
  };
}

export function readTree(objects: GitObjects, oid: string): TreeEntry[] {
  const { content } = objectOf(objects, oid, "tree");
  if (content === undefined) throw malformed("tree");
  const entries: TreeEntry[] = [];
  let cursor = 0;
  while (cursor < content.length) {
    const space = content.indexOf(0x20, cursor);
    const end = content.indexOf(0, space);
    if (space < 0 || end < 0 || end + OID_BYTES >= content.length) throw malformed("tree");
    entries.push({
      kind: kindOf(content.toString("latin1", cursor, space)),
      name: content.toString("utf8", space + 1, end),
      oid: content.toString("hex", end + 1, end + 1 + OID_BYTES),
    });
    cursor = end + 1 + OID_BYTES;
  }
  return entries;
}

/** Only the kind counts: Git has written other permission bits over the years. */
function kindOf(mode: string): TreeEntry["kind"] {
  if (/^0?40\d{3}$/.test(mode)) return "directory";
  if (/^100\d{3}$/.test(mode)) return "file";
  if (mode === "120000") return "link";
  if (mode === "160000") return "submodule";
  throw malformed("tree");
}

function text({ type, content }: GitObject): string {
  if (content === undefined) throw malformed(type);
  return content.toString("utf8");
}

/** The first header of that name; headers end at the first empty line. */
function headerOf(content: string, name: string): string {
  const end = content.indexOf("\n\n");
  for (const line of content.slice(0, end < 0 ? undefined : end).split("\n")) {
    if (line.startsWith(`${name} `)) return line.slice(name.length + 1);
  }
  throw malformed(name);
}

/** `Name <email> seconds zone`; the name may hold anything but `<`. */
function person(line: string): Person {
  const [, name, email, seconds] = /^([^<]*)<([^>]*)>(?: (-?\d{1,15}))?/.exec(line) ?? [];
  if (name === undefined || email === undefined) throw malformed("person");
  return { name: name.trim(), email, seconds: Number(seconds ?? 0) };
}

function malformed(what: string): GitFailure {
  return new GitFailure("invalid", `A ${what} of the commit is malformed; run git fsck on the repository`);
}
