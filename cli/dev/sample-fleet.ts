/**
 * The sample fleet as a real Git repository with a clone to work in. Seeding again changes nothing
 * that a person did: commits, the clone's files and its settings stay; only the server's address,
 * which may differ from start to start, is renewed. Global Git configuration is never touched.
 */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { isolatedGitEnvironment } from "./git-environment.ts";
import { initBareRepository } from "./git-server.ts";

export interface SampleFleetPlaces {
  /** The folder of bare repositories that the Git server serves. */
  readonly root: string;
  /** Where the clone is or will be. */
  readonly workTree: string;
  /** The repository's address at the server, such as `http://127.0.0.1:4000/fleet.git`. */
  readonly url: string;
}

export interface SampleFleet {
  readonly bare: string;
  /** False when the repository had commits already. */
  readonly created: boolean;
}

const CONTENT = fileURLToPath(new URL("./sample-fleet/", import.meta.url));
/** Set in the clone's own configuration: tells our clone from a person's repository at the same path. */
const MARK = "fairlead.sample";
const PERSON = ["-c", "user.name=Fairlead Sample", "-c", "user.email=sample@fairlead.invalid"];

const run = promisify(execFile);

/** Makes what is missing of repository, first commit and clone. Rejects when `workTree` holds something else. */
export async function seedSampleFleet(places: SampleFleetPlaces): Promise<SampleFleet> {
  const bare = await initBareRepository(places.root, basename(new URL(places.url).pathname));
  const created = !(await succeeds(["-C", bare, "rev-parse", "--verify", "--quiet", "refs/heads/main"]));
  if (created) await firstCommit(bare);
  if (!(await isOurClone(places.workTree))) await cloneInto(bare, places.workTree);
  await git(["-C", places.workTree, "remote", "set-url", "origin", places.url]);
  return { bare, created };
}

async function firstCommit(bare: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "fairlead-sample-"));
  try {
    await cp(CONTENT, scratch, { recursive: true });
    await git(["-C", scratch, "init", "--quiet", "--template=", "--initial-branch=main"]);
    await git(["-C", scratch, "add", "--all"]);
    await git(["-C", scratch, ...PERSON, "commit", "--quiet", "--message", "Start the sample fleet"]);
    await git(["-C", scratch, "push", "--quiet", bare, "main"]);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function isOurClone(workTree: string): Promise<boolean> {
  const entries = await readdir(workTree).catch((error: unknown): string[] => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  });
  if (entries.length === 0) return false;
  if (entries.includes(".git") && (await succeeds(["-C", workTree, "config", "--local", MARK]))) return true;
  throw new Error(`${workTree} is not the sample fleet's clone; move it away or choose another place`);
}

/** Cloned beside and renamed, so that a broken start leaves no half clone that the next one takes for whole. */
async function cloneInto(bare: string, workTree: string): Promise<void> {
  const partial = join(dirname(workTree), `.${basename(workTree)}.partial`);
  await rm(partial, { recursive: true, force: true });
  await git(["clone", "--quiet", "--template=", bare, partial]);
  await git(["-C", partial, "config", MARK, "true"]);
  if (!(await personHasName(partial))) {
    await git(["-C", partial, "config", "user.name", "Fairlead Sample"]);
    await git(["-C", partial, "config", "user.email", "sample@fairlead.invalid"]);
  }
  await rm(workTree, { recursive: true, force: true });
  await rename(partial, workTree);
}

/** Asked with the person's own configuration: theirs goes before ours. */
async function personHasName(repository: string): Promise<boolean> {
  const env = process.env;
  return (
    (await succeeds(["-C", repository, "config", "user.name"], env)) &&
    (await succeeds(["-C", repository, "config", "user.email"], env))
  );
}

async function git(argv: readonly string[], env = isolatedGitEnvironment()): Promise<void> {
  await run("git", argv, { env });
}

/** Git's exit code 1 is an answer; anything else (no Git, a broken repository) is an error. */
async function succeeds(argv: readonly string[], env = isolatedGitEnvironment()): Promise<boolean> {
  try {
    await git(argv, env);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === 1) return false;
    throw error;
  }
}
