/**
 * Turns the tree of a commit into one flat list of paths. Symbolic links are followed inside the
 * repository and never out of it; what is left out is listed with its reason. The same tree object
 * is read once however often it occurs, and the list is bounded, so a tree built to explode stops early.
 */
import { sentence } from "#core/text.ts";
import { type TreeEntry } from "isomorphic-git";
import { GitFailure } from "./git-failure.ts";
import { type GitRepository, readBlob, readTree } from "./git-repository.ts";

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

export interface TreeListing {
  /** Path → blob id; a link's path carries its target's blob. */
  readonly files: Map<string, string>;
  readonly skipped: Skipped[];
}

const DIRECTORY_DEPTH_MAX = 64;
const DIRECTORIES_MAX = 100_000;
const PATH_CHARS_MAX = 1024;
const LINK_MODE = "120000";
const LINK_BYTES_MAX = 1024;
const LINK_HOPS_MAX = 16;
/** Names that other systems trip over; U+FFFD stands for bytes that are not UTF-8. Those that lead elsewhere `readTree` refuses. */
const UNSAFE_NAME = /^$|[\p{Cc}\ufffd]/u;

interface Directory {
  readonly kind: "directory";
  readonly entries: Map<string, Node>;
}
type Node =
  | Directory
  | { readonly kind: "file"; readonly oid: string }
  /** `target` is absent if it is longer than a path may be. */
  | { readonly kind: "link"; readonly target: string | undefined }
  | { readonly kind: "submodule" }
  | { readonly kind: "unsafe" };

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
export async function listTree(
  repository: GitRepository,
  rootOid: string,
  filesMax: number,
): Promise<TreeListing> {
  const directory = await new TreeReader(repository, filesMax).read(rootOid, 0);
  const walk = new Walk(filesMax);
  walk.list({ directory, path: "", parent: undefined }, "");
  return walk.listing;
}

class TreeReader {
  readonly #repository: GitRepository;
  readonly #filesMax: number;
  readonly #known = new Map<string, Directory>();
  /** Each is listed at least once, so what is too many here is too many for the walk. */
  #files = 0;

  constructor(repository: GitRepository, filesMax: number) {
    this.#repository = repository;
    this.#filesMax = filesMax;
  }

  async read(oid: string, depth: number): Promise<Directory> {
    const before = this.#known.get(oid);
    if (before !== undefined) return before;
    if (depth > DIRECTORY_DEPTH_MAX) {
      throw new GitFailure("too-large", `The repository nests folders deeper than ${DIRECTORY_DEPTH_MAX}`);
    }
    const directory: Directory = { kind: "directory", entries: new Map() };
    for (const entry of await readTree(this.#repository, oid)) {
      if (directory.entries.has(entry.path)) throw twice(entry.path);
      directory.entries.set(entry.path, await this.#node(entry, depth));
    }
    this.#known.set(oid, directory);
    return directory;
  }

  async #node(entry: TreeEntry, depth: number): Promise<Node> {
    const isFolder = entry.type === "tree";
    if (!isFolder && (this.#files += 1) > this.#filesMax) throw tooManyFiles(this.#filesMax);
    if (UNSAFE_NAME.test(entry.path)) return { kind: "unsafe" };
    if (isFolder) return this.read(entry.oid, depth + 1);
    if (entry.type === "commit") return { kind: "submodule" };
    if (entry.mode !== LINK_MODE) return { kind: "file", oid: entry.oid };
    const content = await readBlob(this.#repository, entry.oid);
    const target = content.length <= LINK_BYTES_MAX ? Buffer.from(content).toString("utf8") : undefined;
    return { kind: "link", target };
  }
}

function tooManyFiles(filesMax: number): GitFailure {
  return new GitFailure(
    "too-large",
    `The commit has more than ${filesMax} files; split the repository or point the Source at a smaller one`,
  );
}

function twice(name: string): GitFailure {
  return new GitFailure(
    "invalid",
    `A folder holds the name ${JSON.stringify(name)} twice; run git fsck on the repository`,
  );
}

class Walk {
  readonly listing: TreeListing = { files: new Map(), skipped: [] };
  readonly #filesMax: number;
  /** Real paths of the directories now being listed: meeting one again through a link is a loop. */
  readonly #open = new Set<string>();
  #files = 0;
  #directories = 0;

  constructor(filesMax: number) {
    this.#filesMax = filesMax;
  }

  /** Lists `place` as if it stood at `shownPath`, which differs from its real path below a link. */
  list(place: Place, shownPath: string): void {
    this.#countDirectory();
    this.#open.add(place.path);
    for (const [name, node] of place.directory.entries) {
      const path = join(shownPath, name);
      if (path.length > PATH_CHARS_MAX) this.#skip(path, "unsafe-name");
      else this.#add(place, name, node, path);
    }
    this.#open.delete(place.path);
  }

  #add(place: Place, name: string, node: Node, path: string): void {
    switch (node.kind) {
      case "file":
        return this.#addFile(path, node.oid);
      case "directory":
        return this.list(below(place, name, node), path);
      case "submodule":
        return this.#skip(path, "submodule");
      case "unsafe":
        return this.#skip(path, "unsafe-name");
      case "link":
        return this.#addLink(this.#follow(place, node.target, 0), path);
    }
  }

  #addLink(target: Followed, path: string): void {
    if (target.kind === "file") return this.#addFile(path, target.oid);
    if (target.kind === "skipped") return this.#skip(path, target.reason);
    if (this.#open.has(target.place.path)) return this.#skip(path, "link-loop");
    return this.list(target.place, path);
  }

  /** Where a link leads, step by step, through links on the way as well. */
  #follow(from: Place, target: string | undefined, hops: number): Followed {
    if (hops > LINK_HOPS_MAX) return { kind: "skipped", reason: "link-loop" };
    if (target?.startsWith("/")) return { kind: "skipped", reason: "link-outside" };
    if (target === undefined) return { kind: "skipped", reason: "link-broken" };
    let at: Followed = { kind: "directory", place: from };
    for (const step of target.split("/").filter((part) => part !== "" && part !== ".")) {
      at = this.#step(at, step, hops);
      if (at.kind === "skipped") return at;
    }
    return at;
  }

  #step(at: Followed, step: string, hops: number): Followed {
    if (at.kind !== "directory") return { kind: "skipped", reason: "link-broken" };
    const { place } = at;
    if (step === "..") {
      return place.parent === undefined
        ? { kind: "skipped", reason: "link-outside" }
        : { kind: "directory", place: place.parent };
    }
    const node = place.directory.entries.get(step);
    if (node === undefined || node.kind === "submodule" || node.kind === "unsafe")
      return { kind: "skipped", reason: "link-broken" };
    if (node.kind === "directory") return { kind: "directory", place: below(place, step, node) };
    return node.kind === "link" ? this.#follow(place, node.target, hops + 1) : node;
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
    if (this.#files > this.#filesMax) throw tooManyFiles(this.#filesMax);
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
