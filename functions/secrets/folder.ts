/**
 * A secret store in a folder, for the local hub: one file for each secret, readable by its owner alone. A file is there
 * whole or not at all: it is written aside, synced, and renamed into place.
 */
import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { checkSecret, checkSecretName } from "./check.ts";
import type { SecretStore } from "./port.ts";

/** Not a possible name: "+" is not in the alphabet. */
const ASIDE = "+aside-";

/** The first write makes `root`. */
export function createFolderSecrets(options: { root: string }): SecretStore {
  const folderOf = (project: string): string => join(options.root, project);
  return {
    put: async (project, name, value) => {
      checkSecret(project, name, value);
      const folder = folderOf(project);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await writeWhole(folder, name, value);
    },
    get: async (project, name) => {
      checkSecretName(project, name);
      try {
        return await readFile(join(folderOf(project), name), "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    delete: async (project, name) => {
      checkSecretName(project, name);
      await rm(join(folderOf(project), name), { force: true });
    },
  };
}

async function writeWhole(folder: string, name: string, value: string): Promise<void> {
  const aside = join(folder, `${ASIDE}${randomUUID()}`);
  try {
    const handle = await open(aside, "wx", 0o600);
    try {
      await handle.writeFile(value);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(aside, join(folder, name));
  } finally {
    await rm(aside, { force: true });
  }
}
