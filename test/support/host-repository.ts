/** What the small Git hosts of the tests stand on: one real bare repository, changed by Git itself. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { isolatedGitEnvironment } from "../../cli/dev/git-environment.ts";
import { git, gitWithInput } from "../functions/source/git-fixture.ts";

const run = promisify(execFile);

export interface TreeLine {
  mode: string;
  type: string;
  sha: string;
  path: string;
}

export interface WrittenFile {
  path: string;
  mode?: string | undefined;
  /** Absent: the file goes. */
  content: Buffer | undefined;
}

export interface HostRepository {
  bare: string;
  head(branch: string): Promise<string | undefined>;
  lines(root: string, recursive: boolean): Promise<TreeLine[]>;
  blob(id: string): Promise<Buffer>;
  /** A tree that is `base` with these files. */
  write(base: string, files: readonly WrittenFile[]): Promise<string>;
  commit(
    tree: string,
    parent: string,
    message: string,
    author: { name: string; email: string },
  ): Promise<string>;
  /** Of both, as the button does it. */
  merge(base: string, tip: string): Promise<string>;
  /** False where the branch would not go forward. */
  move(branch: string, to: string, force: boolean): Promise<boolean>;
}

export function hostRepository(bare: string): HostRepository {
  const head = async (branch: string): Promise<string | undefined> => {
    const found = await git(bare, "for-each-ref", "--format=%(objectname)", `refs/heads/${branch}`);
    return found === "" ? undefined : found;
  };
  return {
    bare,
    head,
    lines: async (root, recursive) => {
      const out = await git(bare, "ls-tree", "-z", ...(recursive ? ["-r", "-t"] : []), root);
      return out
        .split("\0")
        .filter((line) => line !== "")
        .map((line) => {
          const [meta = "", path = ""] = line.split("\t");
          const [mode = "", type = "", sha = ""] = meta.split(" ");
          return { mode, type, sha, path };
        });
    },
    blob: async (id) => {
      const options = { cwd: bare, env: isolatedGitEnvironment(), encoding: "buffer" as const };
      return (await run("git", ["cat-file", "blob", id], options)).stdout;
    },
    write: (base, files) => writeTree(bare, base, files),
    commit: (tree, parent, message, { name, email }) =>
      git(
        bare,
        "-c",
        `user.name=${name}`,
        "-c",
        `user.email=${email}`,
        "commit-tree",
        "-p",
        parent,
        "-m",
        message,
        tree,
      ),
    merge: async (base, tip) => {
      const tree = await git(bare, "merge-tree", "--write-tree", base, tip);
      return git(bare, "commit-tree", "-p", base, "-p", tip, "-m", "Merge", tree);
    },
    move: async (branch, to, force) => {
      const at = await head(branch);
      const forward =
        at === undefined ||
        (await git(bare, "merge-base", "--is-ancestor", at, to).then(
          () => true,
          () => false,
        ));
      if (!force && !forward) return false;
      await git(bare, "update-ref", `refs/heads/${branch}`, to);
      return true;
    },
  };
}

/** By a commit that nobody sees: `fast-import` knows how to change a tree. */
async function writeTree(bare: string, base: string, files: readonly WrittenFile[]): Promise<string> {
  const ref = `refs/made/${crypto.randomUUID()}`;
  const parts: Buffer[] = [Buffer.from(`commit ${ref}\ncommitter x <x@x.test> 1 +0000\ndata 0\n`)];
  const start = await git(bare, "commit-tree", "-m", "base", `${base}^{tree}`);
  parts.push(Buffer.from(`from ${start}\n`));
  for (const { path, mode = "100644", content } of files)
    parts.push(
      content === undefined
        ? Buffer.from(`D ${path}\n`)
        : Buffer.concat([
            Buffer.from(`M ${mode} inline ${path}\ndata ${content.length}\n`),
            content,
            Buffer.from("\n"),
          ]),
    );
  await gitWithInput(bare, Buffer.concat(parts), "fast-import", "--quiet", "--force");
  const tree = await git(bare, "rev-parse", `${ref}^{tree}`);
  await git(bare, "update-ref", "-d", ref);
  return tree;
}
