/** A person's clone: edits files, commits, and pushes over real smart HTTP. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AUTHOR, git } from "../functions/source/git-fixture.ts";

export interface WorkTree {
  folder: string;
  /** Writes files (undefined removes one), commits, pushes; returns the commit. */
  push(files: Readonly<Record<string, string | undefined>>, message: string): Promise<string>;
  /** `git revert HEAD` and push; returns the commit. */
  revert(): Promise<string>;
}

const PERSON = ["-c", `user.name=${AUTHOR.name}`, "-c", `user.email=${AUTHOR.email}`];

export async function workTree(folder: string, url: string): Promise<WorkTree> {
  await mkdir(folder, { recursive: true });
  await git(folder, "init", "--quiet", "--initial-branch=main");
  await git(folder, "remote", "add", "origin", url);
  const send = async (): Promise<string> => {
    await git(folder, "push", "--quiet", "origin", "main");
    return git(folder, "rev-parse", "HEAD");
  };
  return {
    folder,
    push: async (files, message) => {
      for (const [path, content] of Object.entries(files)) await put(join(folder, path), content);
      await git(folder, "add", "--all");
      await git(folder, ...PERSON, "commit", "--quiet", "--message", message);
      return send();
    },
    revert: async () => {
      await git(folder, ...PERSON, "revert", "--no-edit", "HEAD");
      return send();
    },
  };
}

async function put(file: string, content: string | undefined): Promise<void> {
  if (content === undefined) return rm(file);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}
