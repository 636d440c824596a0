/**
 * The files of one render in one buffer, which moves to a worker without being copied, and the two questions that a
 * render asks about them. Paths run from the root of the repository, clean and without a leading slash.
 */

export type PackedEntry = { path: string; offset: number; size: number };

export type PackedFiles = { entries: PackedEntry[]; bytes: Uint8Array<ArrayBuffer> };

/** A repository as a render sees it. */
export type Tree = {
  /** `undefined` when nothing is at the path; the root is "". */
  find: (path: string) => { kind: "folder" } | { kind: "file"; content: Uint8Array } | undefined;
  /** All files in a folder and the folders in it, sorted. */
  below: (folder: string) => string[];
};

/** Copies the files, one behind the other, into a buffer of their own. */
export function pack(files: ReadonlyArray<readonly [path: string, content: Uint8Array]>): PackedFiles {
  const bytes = new Uint8Array(files.reduce((size, [, content]) => size + content.length, 0));
  const entries: PackedEntry[] = [];
  let offset = 0;
  for (const [path, content] of files) {
    bytes.set(content, offset);
    entries.push({ path, offset, size: content.length });
    offset += content.length;
  }
  return { entries, bytes };
}

/** The content of one packed file, as a window on the buffer. */
export function contentOf(files: PackedFiles, entry: PackedEntry): Uint8Array {
  return files.bytes.subarray(entry.offset, entry.offset + entry.size);
}

/** Indexes packed files by path, and knows the folders above them. */
export function treeOf(files: PackedFiles): Tree {
  const entries = new Map(files.entries.map((entry) => [entry.path, entry]));
  const folders = foldersOf(entries.keys());
  return {
    below: (folder) => namesBelow(entries, folder),
    find: (path) => {
      const entry = entries.get(path);
      if (entry !== undefined) return { kind: "file", content: contentOf(files, entry) };
      return folders.has(path) ? { kind: "folder" } : undefined;
    },
  };
}

/** Sorted, from the root of the repository. */
export function namesBelow(files: ReadonlyMap<string, unknown>, folder: string): string[] {
  const prefix = folder === "" ? "" : `${folder}/`;
  return [...files.keys()].filter((path) => path.startsWith(prefix)).sort();
}

/** Every folder that holds one of the paths, at any depth; the root is "". */
export function foldersOf(paths: Iterable<string>): ReadonlySet<string> {
  const folders = new Set([""]);
  for (const path of paths) {
    for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
      const folder = path.slice(0, end);
      if (folders.has(folder)) break;
      folders.add(folder);
    }
  }
  return folders;
}
