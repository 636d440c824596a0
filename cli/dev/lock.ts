/**
 * A lock between processes: one file, owned by whoever created it and kept fresh by its owner.
 *
 * An owner that died stops touching the file, and the next process takes it over. Two processes may, in a
 * very rare race, take over at once: the lock saves double work, it is never what keeps a result whole.
 */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const beatMs = 1_000;
/** Ten missed beats: long enough for a machine under full load, short after a crash. */
const staleAfterMs = 10_000;
const retryMs = 100;

/** Runs `work` while holding `path`; `waiting` is called at each try that finds the lock held by another. */
export async function withLock<T>(path: string, waiting: () => void, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  const owner = randomUUID();
  while (!(await take(path, owner))) {
    waiting();
    await removeIfStale(path);
    await sleep(retryMs);
  }
  const beat = setInterval(() => void touch(path), beatMs);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if ((await readFile(path, "utf8").catch(absent)) === owner) await rm(path, { force: true });
  }
}

async function take(path: string, owner: string): Promise<boolean> {
  try {
    await writeFile(path, owner, { flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** The rename lets exactly one of several waiters win; plain deletion could remove a successor's fresh lock. */
async function removeIfStale(path: string): Promise<void> {
  const found = await stat(path).catch(absent);
  if (found === undefined || Date.now() - found.mtimeMs < staleAfterMs) return;
  const aside = `${path}.${randomUUID()}`;
  await rename(path, aside).catch(absent);
  await rm(aside, { force: true });
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(absent);
}

function absent(error: unknown): undefined {
  if (codeOf(error) === "ENOENT") return undefined;
  throw error;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
