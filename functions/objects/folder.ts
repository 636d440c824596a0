/**
 * An object store in a folder, for the local hub. An object is there whole and on disk, or not at all: it is
 * written aside, synced, then hard-linked into place, and linking never overwrites, whoever races.
 * Unlike S3 it cannot hold both an object `a` and an object `a/b`; it says so.
 */
import { randomUUID } from "node:crypto";
import { link, mkdir, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { checkFolder, checkObjectKey, checkObjectSize } from "./key.ts";
import { RENEW_AFTER_MS, type ObjectStore, type StoredObject } from "./port.ts";

/** Not a possible key: "+" is not in the alphabet. */
const ASIDE = "+aside";
/** What a killed process left aside is removed by a later one's first write, once no write can still be using it. */
const ASIDE_KEPT_MS = 60 * 60_000;

export interface FolderOptions {
  root: string;
  now?: () => number;
  renewAfterMs?: number;
}

/** The first write makes `root` when absent. Several processes may share one root. */
export function createFolderStore(options: FolderOptions): ObjectStore {
  const folder = resolve(options.root);
  const { now = Date.now, renewAfterMs = RENEW_AFTER_MS } = options;
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
      return putFile(folder, key, bytes, now());
    },
    get: async (key) => {
      checkObjectKey(key);
      return getFile(join(folder, key), key);
    },
    renew: async (key) => {
      checkObjectKey(key);
      return renewFile(join(folder, key), now(), renewAfterMs);
    },
    list: (name) => {
      checkFolder(name);
      return listFiles(folder, name);
    },
    delete: async (key, version) => {
      checkObjectKey(key);
      await deleteFile(folder, key, version);
    },
  };
}

async function putFile(
  folder: string,
  key: string,
  bytes: Uint8Array,
  now: number,
): Promise<"stored" | "exists"> {
  const target = join(folder, key);
  const aside = join(folder, ASIDE, randomUUID());
  try {
    await writeSynced(aside, bytes);
    await utimes(aside, now / 1000, now / 1000);
    const made = await makeParent(target, key);
    await link(aside, target);
    await syncFolders(dirname(target), made === undefined ? dirname(target) : dirname(made));
    return "stored";
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
    // Deleted since: whoever keeps it asks next whether it is still there.
    if ((await found(target))?.isDirectory() === true) throw occupied(key, error);
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

async function renewFile(
  target: string,
  now: number,
  renewAfterMs: number,
): Promise<"renewed" | "young" | "absent"> {
  const held = await found(target);
  if (held?.isFile() !== true) return "absent";
  if (now - held.mtimeMs < renewAfterMs) return "young";
  // Another version also within the same millisecond.
  const at = Math.max(now, Math.floor(held.mtimeMs) + 1) / 1000;
  try {
    await utimes(target, at, at);
    return "renewed";
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "absent";
    throw error;
  }
}

async function* listFiles(folder: string, name: string): AsyncIterable<StoredObject> {
  const entries = await readdir(join(folder, name), { recursive: true, withFileTypes: true }).catch(
    (error: unknown) => {
      if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return [];
      throw error;
    },
  );
  const keys = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join("/"));
  for (const key of keys.sort()) {
    const held = await found(join(folder, key));
    if (held?.isFile() === true) yield { key, version: versionOf(held), at: held.mtimeMs, current: true };
  }
}

/** Taken away first and looked at then: between a look and a removal somebody could have renewed it. */
async function deleteFile(folder: string, key: string, version: string): Promise<void> {
  const target = join(folder, key);
  const held = await found(target);
  if (held?.isFile() !== true || versionOf(held) !== version) return;
  const aside = join(folder, ASIDE, randomUUID());
  await mkdir(dirname(aside), { recursive: true });
  try {
    await rename(target, aside);
    const taken = await found(aside);
    if (taken !== undefined && versionOf(taken) !== version) await putBack(aside, target);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  } finally {
    await rm(aside, { force: true });
  }
}

async function putBack(aside: string, target: string): Promise<void> {
  try {
    await link(aside, target);
  } catch (error) {
    // Stored anew in between: the same content under the same name.
    if (!hasCode(error, "EEXIST")) throw error;
  }
}

function versionOf({ mtimeMs, ino }: { mtimeMs: number; ino: number }): string {
  return `${ino}-${mtimeMs}`;
}

async function found(file: string) {
  return stat(file).catch((error: unknown) => {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return undefined;
    throw error;
  });
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
