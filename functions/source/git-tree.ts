/**
 * Turns the tree of a commit into one flat list of paths. Symbolic links are followed inside the
 * repository and never out of it; what is left out is listed with its reason. The same tree object
 * is read once however often it occurs, and the list is bounded, so a tree built to explode stops early.
 */
import { sentence } from "#core/text.ts";
import { type TreeEntry } from "isomorphic-git";
import { GitFailure } from "./git-failure.ts";

export interface Skipped {
  readonly path: string;
  readonly reason:
    | "file-too-large"
    | "link-outside"
    | "link-broken"
    | "link-loop"
    | "submodule"
    | "unsafe-name";
}

/** Reads verified objects of one commit by their id. */
export interface GitObjects {
  tree(oid: string): Promise<TreeEntry[]>;
  blob(oid: string): Promise<Uint8Array>;
}

export interface TreeListing {
  /** Path → blob id; a link's path carries its target's blob. */
  readonly files: Map<string, string>;
  readonly skipped: Skipped[];
}

const DIRECTORY_DEPTH_MAX = 64;
const DIRECTORIES_MAX = 100_000;
const PATH_CHARS_MAX = 1024;
const LINK_CHARS_MAX = 1024;
const LINK_HOPS_MAX = 16;
/** U+FFFD stands for bytes that are not UTF-8: two different names could become one. */
const UNSAFE_NAME = /[\p{Cc}\ufffd]/u;
const LINK_MODE = "120000";

interface Directory {
  readonly kind: "directory";
  readonly entries: Map<string, Node>;
}
type Node =
  | Directory
  | { readonly kind: "file"; readonly oid: string }
  | { readonly kind: "link"; readonly oid: string }
  | { readonly kind: "submodule" };

/** A directory and the way that leads to it from the root. */
interface Place {
  readonly directory: Directory;
  readonly path: string;
  readonly parent: Place | undefined;
}

type Followed =
  | { readonly kind: "file"; readonly oid: string }
  | { readonly kind: "directory"; readonly place: Place }
  | { readonly kind: "skipped"; readonly reason: Skipped["reason"] };

/** All files below the tree `rootOid`. Throws `too-large` above `filesMax` entries, `invalid` for a malformed tree. */
export async function listTree(objects: GitObjects, rootOid: string, filesMax: number): Promise<TreeListing> {
  const root: Place = {
    directory: await readDirectory(objects, rootOid, new Map(), 0),
    path: "",
    parent: undefined,
  };
  const walk = new Walk(objects, filesMax);
  await walk.list(root, "");
  return walk.listing;
}

async function readDirectory(
  objects: GitObjects,
  oid: string,
  known: Map<string, Directory>,
  depth: number,
): Promise<Directory> {
  const before = known.get(oid);
  if (before !== undefined) return before;
  if (depth > DIRECTORY_DEPTH_MAX) {
    throw new GitFailure("too-large", `The repository nests folders deeper than ${DIRECTORY_DEPTH_MAX}`);
  }
  const directory: Directory = { kind: "directory", entries: new Map() };
  for (const entry of await objects.tree(oid)) {
    if (directory.entries.has(entry.path) && !UNSAFE_NAME.test(entry.path)) {
      throw new GitFailure(
        "invalid",
        `A folder holds the name ${JSON.stringify(entry.path)} twice; run git fsck on the repository`,
      );
    }
    const node =
      entry.type === "tree" ? await readDirectory(objects, entry.oid, known, depth + 1) : leaf(entry);
    directory.entries.set(entry.path, node);
  }
  known.set(oid, directory);
  return directory;
}

function leaf(entry: TreeEntry): Node {
  if (entry.type === "commit") return { kind: "submodule" };
  return { kind: entry.mode === LINK_MODE ? "link" : "file", oid: entry.oid };
}

class Walk {
  readonly listing: TreeListing = { files: new Map(), skipped: [] };
  readonly #objects: GitObjects;
  readonly #filesMax: number;
  /** Real paths of the directories now being listed: meeting one again through a link is a loop. */
  readonly #open = new Set<string>();
  #files = 0;
  #directories = 0;

  constructor(objects: GitObjects, filesMax: number) {
    this.#objects = objects;
    this.#filesMax = filesMax;
  }

  /** Lists `place` as if it stood at `shownPath`, which differs from its real path below a link. */
  async list(place: Place, shownPath: string): Promise<void> {
    this.#countDirectory();
    this.#open.add(place.path);
    for (const [name, node] of place.directory.entries) {
      const path = join(shownPath, name);
      if (name === "" || UNSAFE_NAME.test(name) || path.length > PATH_CHARS_MAX)
        this.#skip(path, "unsafe-name");
      else await this.#add(place, name, node, path);
    }
    this.#open.delete(place.path);
  }

  async #add(place: Place, name: string, node: Node, path: string): Promise<void> {
    switch (node.kind) {
      case "file":
        return this.#addFile(path, node.oid);
      case "directory":
        return this.list(below(place, name, node), path);
      case "submodule":
        return this.#skip(path, "submodule");
      case "link":
        return this.#addLink(await this.#follow(place, node.oid, 0), path);
    }
  }

  async #addLink(target: Followed, path: string): Promise<void> {
    if (target.kind === "file") return this.#addFile(path, target.oid);
    if (target.kind === "skipped") return this.#skip(path, target.reason);
    if (this.#open.has(target.place.path)) return this.#skip(path, "link-loop");
    return this.list(target.place, path);
  }

  /** Where a link leads, step by step, through links on the way as well. */
  async #follow(from: Place, oid: string, hops: number): Promise<Followed> {
    if (hops > LINK_HOPS_MAX) return { kind: "skipped", reason: "link-loop" };
    const target = Buffer.from(await this.#objects.blob(oid)).toString("utf8");
    if (target.startsWith("/")) return { kind: "skipped", reason: "link-outside" };
    if (target.length > LINK_CHARS_MAX) return { kind: "skipped", reason: "link-broken" };
    let at: Followed = { kind: "directory", place: from };
    for (const step of target.split("/").filter((part) => part !== "" && part !== ".")) {
      at = await this.#step(at, step, hops);
      if (at.kind === "skipped") return at;
    }
    return at;
  }

  async #step(at: Followed, step: string, hops: number): Promise<Followed> {
    if (at.kind !== "directory") return { kind: "skipped", reason: "link-broken" };
    const { place } = at;
    if (step === "..") {
      return place.parent === undefined
        ? { kind: "skipped", reason: "link-outside" }
        : { kind: "directory", place: place.parent };
    }
    const node = place.directory.entries.get(step);
    if (node === undefined || node.kind === "submodule") return { kind: "skipped", reason: "link-broken" };
    if (node.kind === "directory") return { kind: "directory", place: below(place, step, node) };
    return node.kind === "link" ? this.#follow(place, node.oid, hops + 1) : node;
  }

  #addFile(path: string, oid: string): void {
    this.#countFile();
    this.listing.files.set(path, oid);
  }

  #skip(path: string, reason: Skipped["reason"]): void {
    this.#countFile();
    this.listing.skipped.push({ path: sentence(path.slice(0, PATH_CHARS_MAX * 2), PATH_CHARS_MAX), reason });
  }

  #countFile(): void {
    this.#files += 1;
    if (this.#files <= this.#filesMax) return;
    throw new GitFailure(
      "too-large",
      `The commit has more than ${this.#filesMax} files; split the repository or point the Source at a smaller one`,
    );
  }

  /** Counted apart: folders may be empty, and links may repeat them. */
  #countDirectory(): void {
    this.#directories += 1;
    if (this.#directories <= DIRECTORIES_MAX) return;
    throw new GitFailure("too-large", `The commit has more than ${DIRECTORIES_MAX} folders`);
  }
}

function below(parent: Place, name: string, directory: Directory): Place {
  return { directory, path: join(parent.path, name), parent };
}

function join(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}
