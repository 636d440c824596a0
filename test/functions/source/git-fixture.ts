/**
 * Real repositories behind the real Git server, one folder per test file. Content is written by
 * `git fast-import`, so that thousands of files take no time; hostile trees by `git hash-object --literally`.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { isolatedGitEnvironment } from "../../../cli/dev/git-environment.ts";
import {
  type GitServer,
  type GitServerOptions,
  initBareRepository,
  startGitServer,
} from "../../../cli/dev/git-server.ts";

const run = promisify(execFile);

export const AUTHOR = { name: "Ada Example", email: "ada@example.com" };
export const COMMITTED_AT_SECONDS = 1_760_000_000;

export interface FixtureFile {
  readonly content: string | Buffer;
  /** 100644 if absent; 120000 is a link, 160000 a submodule (its content is the commit id). */
  readonly mode?: string;
}

export interface CommitOptions {
  readonly branch?: string;
  readonly message?: string;
}

export interface GitFixture {
  readonly root: string;
  readonly server: GitServer;
  url(repository: string): string;
  /** A new bare repository; returns its path. */
  repository(name: string): Promise<string>;
  close(): Promise<void>;
}

export async function gitFixture(options: Omit<GitServerOptions, "root"> = {}): Promise<GitFixture> {
  const root = await mkdtemp(join(tmpdir(), "fairlead-git-test-"));
  const server = await startGitServer({ ...options, root });
  return {
    root,
    server,
    url: (repository) => `${server.url}/${repository}`,
    repository: (name) => initBareRepository(root, name),
    async close() {
      await server.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** Runs Git without anybody's configuration; returns its output without the last newline. */
export async function git(cwd: string, ...argv: string[]): Promise<string> {
  const identity = ["-c", `user.name=${AUTHOR.name}`, "-c", `user.email=${AUTHOR.email}`];
  const { stdout } = await run("git", [...identity, ...argv], { cwd, env: isolatedGitEnvironment() });
  return stdout.trimEnd();
}

/** Runs Git with `input`; returns its output without the last newline. */
export async function gitWithInput(cwd: string, input: string | Buffer, ...argv: string[]): Promise<string> {
  const child = spawn("git", argv, {
    cwd,
    env: isolatedGitEnvironment(),
    stdio: ["pipe", "pipe", "inherit"],
  });
  const output: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
  child.stdin.end(input);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`git ${argv.join(" ")} ended with ${String(code)}`);
  return Buffer.concat(output).toString("utf8").trimEnd();
}

/** Makes `files` the whole content of a new commit on the branch; returns the commit. */
export async function commitFiles(
  bare: string,
  files: Readonly<Record<string, string | Buffer | FixtureFile>>,
  { branch = "main", message = "Change the files" }: CommitOptions = {},
): Promise<string> {
  const parent = await git(bare, "for-each-ref", "--format=%(objectname)", `refs/heads/${branch}`);
  const stream: Buffer[] = [
    Buffer.from(
      `commit refs/heads/${branch}\ncommitter ${AUTHOR.name} <${AUTHOR.email}> ${COMMITTED_AT_SECONDS} +0000\n`,
    ),
    data(message),
    Buffer.from(parent === "" ? "" : `from ${parent}\n`),
    Buffer.from("deleteall\n"),
  ];
  for (const [path, file] of Object.entries(files)) {
    const { content, mode = "100644" } =
      typeof file === "object" && "content" in file ? file : { content: file };
    if (mode === "160000") stream.push(Buffer.from(`M ${mode} ${String(content)} ${JSON.stringify(path)}\n`));
    else stream.push(Buffer.from(`M ${mode} inline ${JSON.stringify(path)}\n`), data(content));
  }
  await gitWithInput(bare, Buffer.concat(stream), "fast-import", "--quiet", "--force");
  return git(bare, "rev-parse", `refs/heads/${branch}`);
}

function data(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content as Buffer);
  return Buffer.concat([Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from("\n")]);
}

export interface RawEntry {
  readonly mode: string;
  readonly name: string | Buffer;
  readonly oid: string;
}

/** Writes a tree byte by byte, also one that Git itself would refuse to make. */
export async function rawTree(bare: string, entries: readonly RawEntry[]): Promise<string> {
  const bytes = entries.flatMap(({ mode, name, oid }) => [
    Buffer.from(`${mode} `),
    Buffer.from(name as Buffer),
    Buffer.from([0]),
    Buffer.from(oid, "hex"),
  ]);
  return gitWithInput(
    bare,
    Buffer.concat(bytes),
    "hash-object",
    "-t",
    "tree",
    "-w",
    "--literally",
    "--stdin",
  );
}

export async function rawBlob(bare: string, content: string | Buffer): Promise<string> {
  return gitWithInput(bare, content, "hash-object", "-w", "--stdin");
}

/** Points the branch at a commit of `tree`; returns the commit. */
export async function commitTree(bare: string, tree: string, branch = "main"): Promise<string> {
  const commit = await git(bare, "commit-tree", "-m", "A tree made by hand", tree);
  await git(bare, "update-ref", `refs/heads/${branch}`, commit);
  return commit;
}

/** `count` small, different files in folders of 100. */
export function manyFiles(count: number): Record<string, string> {
  const files: Record<string, string> = {};
  for (let index = 0; index < count; index += 1) {
    const folder = `apps/app-${Math.floor(index / 100)}`;
    files[`${folder}/config-${index}.yaml`] =
      `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: config-${index}\ndata:\n  value: "${index * 7919}"\n  text: ${"x".repeat(index % 300)}\n`;
  }
  return files;
}
