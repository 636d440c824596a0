/**
 * An object store in a folder, for the local hub. An object is there whole and on disk, or not at all: it is
 * written aside, synced, then hard-linked into place, and linking never overwrites, whoever races.
 * Unlike S3 it cannot hold both an object `a` and an object `a/b`; it says so.
 */
import { randomUUID } from "node:crypto";
import { link, mkdir, open, readdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { checkObjectKey, checkObjectSize } from "./key.ts";
import type { ObjectStore } from "./port.ts";

/** Not a possible key: "+" is not in the alphabet. */
const ASIDE = "+aside";
/** What a killed process left aside is removed by a later one's first write, once no write can still be using it. */
const ASIDE_KEPT_MS = 60 * 60_000;

/** The first write makes `root` when absent. Several processes may share one root. */
export function createFolderStore(options: { root: string }): ObjectStore {
  const folder = resolve(options.root);
  let prepared: Promise<void> | undefined;
  return {
    put: async (key, bytes) => {
      checkObjectKey(key);
      checkObjectSize(key, bytes.byteLength);
      prepared ??= prepareAside(join(folder, ASIDE));
      await prepared.catch((error: unknown) => {
        // The next write may find the disk in order again.
        prepared = undefined;
        throw error;
      });
      return putFile(folder, key, bytes);
    },
    get: async (key) => {
      checkObjectKey(key);
      return getFile(join(folder, key), key);
    },
  };
}

async function putFile(folder: string, key: string, bytes: Uint8Array): Promise<"stored" | "exists"> {
  const target = join(folder, key);
  const aside = join(folder, ASIDE, randomUUID());
  try {
    await writeSynced(aside, bytes);
    const made = await makeParent(target, key);
    await link(aside, target);
    await syncFolders(dirname(target), made === undefined ? dirname(target) : dirname(made));
    return "stored";
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    if ((await stat(target)).isDirectory()) throw occupied(key, error);
    return "exists";
  } finally {
    await rm(aside, { force: true });
  }
}

async function getFile(target: string, key: string): Promise<Uint8Array | undefined> {
  try {
    checkObjectSize(key, (await stat(target)).size);
    return new Uint8Array(await readFile(target));
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR") || hasCode(error, "EISDIR")) return undefined;
    throw error;
  }
}

async function writeSynced(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, "wx");
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Answers the topmost folder it had to make, if any. */
async function makeParent(target: string, key: string): Promise<string | undefined> {
  try {
    return await mkdir(dirname(target), { recursive: true });
  } catch (error) {
    if (hasCode(error, "EEXIST") || hasCode(error, "ENOTDIR")) throw occupied(key, error);
    throw error;
  }
}

/** A new name is safe only when its folder is synced, and so each new folder in the one above: `from` up to `to`. */
async function syncFolders(from: string, to: string): Promise<void> {
  for (let folder = from; ; folder = dirname(folder)) {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (folder === to || folder === dirname(folder)) return;
  }
}

async function prepareAside(aside: string): Promise<void> {
  await mkdir(aside, { recursive: true });
  const beforeMs = Date.now() - ASIDE_KEPT_MS;
  for (const name of await readdir(aside)) {
    const file = join(aside, name);
    const age = await stat(file).catch((error: unknown) => {
      // Another process has just finished with it.
      if (hasCode(error, "ENOENT")) return undefined;
      throw error;
    });
    if (age !== undefined && age.mtimeMs < beforeMs) await rm(file, { force: true });
  }
}

function occupied(key: string, cause: unknown): Error {
  return new Error(
    `object ${key} cannot be in this folder: a part of its key is an object, or it is a part of one`,
    {
      cause,
    },
  );
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === code;
}
