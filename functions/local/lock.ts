/**
 * One hub per data folder: two engines on one file would each believe they are alone. The lock names its process, so
 * that of a hub that died is taken over at once.
 */
import { readFile, rm, writeFile } from "node:fs/promises";

/** Throws when a running process holds `file`; else resolves to what gives it back. */
export async function lockFolder(file: string): Promise<() => Promise<void>> {
  const holder = await holderOf(file);
  if (holder !== undefined)
    throw new Error(
      `a hub already runs on this data (process ${holder}, ${file}): stop it, or choose another folder with --data`,
    );
  await rm(file, { force: true });
  await writeFile(file, String(process.pid), { flag: "wx" });
  return () => rm(file, { force: true });
}

async function holderOf(file: string): Promise<number | undefined> {
  const pid = Number(await readFile(file, "utf8").catch(() => ""));
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? pid : undefined;
  }
}
