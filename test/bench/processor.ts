/** Processor time of other processes, as Linux tells it. */
import { readdir, readFile } from "node:fs/promises";

const TICKS_PER_S = 100;

/** Seconds, of all its threads. */
export async function cpuOf(pid: number | string): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

/** Of all processes that name this folder in their arguments. */
export async function cpuOfFolder(folder: string): Promise<number> {
  let sum = 0;
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (command.includes(folder)) sum += await cpuOf(pid);
  }
  return sum;
}
