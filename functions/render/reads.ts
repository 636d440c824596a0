/**
 * What a render took from the repository: enough to tell of another commit, without a render, that it would come out
 * the same. A file counts by its bytes, a folder by the names in it, and what was looked for in vain by its absence.
 */
import * as z from "zod";
import { sha256 } from "#core/digest.ts";
import { foldersOf, namesBelow, type Tree } from "./pack.ts";

const ABSENT = "-";
const FOLDER = "d";

/** By path: `-`, `d`, or a file's digest; and by folder the digest of the paths below it, as the render was told them. */
export const readsSchema = z.object({
  found: z.record(z.string(), z.string()),
  listed: z.record(z.string(), z.string()),
});
export type Reads = z.infer<typeof readsSchema>;

export function noReads(): Reads {
  return { found: {}, listed: {} };
}

/** A tree that notes what is asked of it. */
export function recording(tree: Tree): { tree: Tree; reads: Reads } {
  const found = new Map<string, string>();
  const listed = new Map<string, string>();
  const watched: Tree = {
    find: (path) => {
      const answer = tree.find(path);
      if (!found.has(path)) found.set(path, markOf(answer));
      return answer;
    },
    below: (folder) => {
      const names = tree.below(folder);
      listed.set(folder, namesDigest(names));
      return names;
    },
  };
  return {
    tree: watched,
    get reads() {
      return { found: Object.fromEntries(found), listed: Object.fromEntries(listed) };
    },
  };
}

export function mergeReads(a: Reads, b: Reads): Reads {
  return { found: { ...a.found, ...b.found }, listed: { ...a.listed, ...b.listed } };
}

/** True when a render of these files would be told the same. */
export function sameReads({ found, listed }: Reads, files: ReadonlyMap<string, Uint8Array>): boolean {
  const folders = foldersOf(files.keys());
  const mark = (path: string): string => {
    const content = files.get(path);
    if (content !== undefined) return sha256(content);
    return folders.has(path) ? FOLDER : ABSENT;
  };
  return (
    Object.entries(found).every(([path, was]) => mark(path) === was) &&
    Object.entries(listed).every(([folder, was]) => namesDigest(namesBelow(files, folder)) === was)
  );
}

export function namesDigest(names: readonly string[]): string {
  return sha256(names.join("\n"));
}

function markOf(answer: ReturnType<Tree["find"]>): string {
  if (answer === undefined) return ABSENT;
  return answer.kind === "folder" ? FOLDER : sha256(answer.content);
}
