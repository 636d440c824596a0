/**
 * The files of a working tree as they lie on disk, of those that Git tracks: what a commit of it would hold. Links are
 * followed inside of the repository and never out of it, as the hub does with a commit's.
 */
import { execFile } from "node:child_process";
import { readFile, realpath, stat } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { promisify } from "node:util";
import { PLAN_BODY_BYTES_MAX, PLAN_FILES_MAX } from "#core/limits.ts";
import { isFilePath, type WorkingFiles } from "#core/release-plan.ts";
import { CliError } from "./errors.ts";
import type { Io } from "./io.ts";

const run = promisify(execFile);
const LIST_BYTES_MAX = 64 * 1024 * 1024;
const FIX = "name a folder of it with --dir, or push it and name it with --branch or --commit";
const LINK = "120000";
const SUBMODULE = "160000";

export interface GitFiles {
  files: WorkingFiles;
  /** Files that are neither tracked nor ignored, and so not among them. */
  untracked: number;
}

interface Tracked {
  mode: string;
  path: string;
}

/** Of the tracked files below `folder`, under their paths from the repository's root. */
export async function readGitFiles(folder: string, io: Io): Promise<GitFiles> {
  const at = resolve(io.cwd, folder);
  const root = await realpath((await git(at, io, "rev-parse", "--show-toplevel")).replace(/\n$/, ""));
  const below = prefixOf(relative(root, await realpath(at)));
  const all = trackedIn(await git(root, io, "ls-files", "-z", "--stage"));
  const reader = new Reader(root, all);
  for (const one of all) if (one.path.startsWith(below)) await reader.add(one);
  const others = await git(at, io, "ls-files", "-z", "--others", "--exclude-standard");
  return { files: reader.files, untracked: others.split("\0").length - 1 };
}

async function git(cwd: string, io: Io, ...argv: string[]): Promise<string> {
  try {
    return (await run("git", argv, { cwd, env: { ...io.env }, maxBuffer: LIST_BYTES_MAX })).stdout;
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    const words = code === "ENOENT" ? "git, or the folder, is not there" : (stderr ?? String(error)).trim();
    throw new CliError(
      `the files that Git tracks in ${cwd} cannot be listed: ${words}`,
      "run it in a clone, name one with --dir, or name what is pushed with --branch or --commit",
    );
  }
}

/** `mode object stage<TAB>path`; of a merge that is under way a path stands there more than once. */
function trackedIn(listing: string): Tracked[] {
  const found = new Map<string, Tracked>();
  for (const line of listing.split("\0")) {
    const tab = line.indexOf("\t");
    if (tab > 0)
      found.set(line.slice(tab + 1), { mode: line.slice(0, line.indexOf(" ")), path: line.slice(tab + 1) });
  }
  return [...found.values()];
}

function prefixOf(folder: string): string {
  return folder === "" ? "" : `${folder.split(sep).join("/")}/`;
}

class Reader {
  readonly files: WorkingFiles = {};
  readonly #root: string;
  readonly #all: readonly Tracked[];
  #bytes = 0;
  #count = 0;

  constructor(root: string, all: readonly Tracked[]) {
    this.#root = root;
    this.#all = all;
  }

  async add({ mode, path }: Tracked): Promise<void> {
    if (mode === SUBMODULE) return;
    if (mode !== LINK) return this.#read(path, join(this.#root, path));
    const target = await realpath(join(this.#root, path)).catch(() => undefined);
    // A link that leads nowhere, or out: the hub leaves it out as well.
    if (target === undefined || !target.startsWith(this.#root + sep)) return;
    const to = relative(this.#root, target).split(sep).join("/");
    for (const one of this.#all) {
      if (one.path === to) await this.#read(path, target);
      else if (one.path.startsWith(`${to}/`) && one.mode !== LINK && one.mode !== SUBMODULE)
        await this.#read(path + one.path.slice(to.length), join(this.#root, one.path));
    }
  }

  async #read(path: string, from: string): Promise<void> {
    if (!isFilePath(path)) return;
    const found = await stat(from).catch(() => undefined);
    // Deleted and not committed yet: a commit of the working tree would not have it.
    if (found?.isFile() !== true) return;
    this.#bytes += found.size;
    if (this.#bytes > PLAN_BODY_BYTES_MAX)
      throw new CliError(
        `the tracked files have more than ${PLAN_BODY_BYTES_MAX} bytes, which is what a plan takes`,
        FIX,
      );
    this.files[path] = asText(await readFile(from));
    if ((this.#count += 1) > PLAN_FILES_MAX)
      throw new CliError(`more than ${PLAN_FILES_MAX} files are tracked, which is what a plan takes`, FIX);
  }
}

function asText(bytes: Buffer): WorkingFiles[string] {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // No text: it travels as it is.
    return { base64: bytes.toString("base64") };
  }
}
