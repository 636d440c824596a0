/**
 * Builds a tool once per key into a cache folder, however many processes ask at the same time.
 *
 * A finished folder appears by rename and is never changed after; a failed or killed build leaves nothing that a
 * later call could take for a result. The key covers everything that the result depends on.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { constants, homedir, setPriority } from "node:os";
import { basename, dirname, join } from "node:path";
import { withLock } from "./lock.ts";

/** `log` takes whole lines; `status`, where there is a terminal, takes a line that the next one replaces. */
export type BuildIo = { log: (line: string) => void; status?: (line: string) => void };

export type BuildStep = { command: string; args: string[]; cwd: string; env?: Record<string, string> };

export type BuildSpec = {
  name: string;
  /** What a person waits for, with the usual time of a first build. */
  about: string;
  /** Files that stand in the folder once it is built. */
  outputs: readonly string[];
  /** Everything but files that the result depends on: versions, platform, flags. */
  stamp: readonly string[];
  /** Files and folders (of which .go, go.mod and go.sum count) whose content the result depends on. */
  sources: readonly string[];
  /** Commands that write the outputs into `out`; run only when the cache has no result. */
  steps(out: string): Promise<BuildStep[]>;
};

const statusEveryMs = 2_000;
const logEveryMs = 30_000;
const buildMsMax = 60 * 60_000;
/** What is kept of a failed command's output: its end says why. */
const outputCharsMax = 4_000;
const keyChars = 16;

/** Where built things are shared by all checkouts: `$FAIRLEAD_CACHE`, or a folder of the person's own. */
export function cacheFolder(): string {
  return process.env["FAIRLEAD_CACHE"] || join(homedir(), ".cache", "fairlead");
}

/** The folder with the built outputs, `<cache>/<name>/<key>`; builds them first where they are missing. */
export async function build(spec: BuildSpec, cache: string, io: BuildIo): Promise<string> {
  const folder = join(cache, spec.name, await keyOf(spec));
  if (existsSync(folder)) return folder;
  const waiting = progress(io, `waiting for another process that builds ${spec.name}`);
  try {
    await withLock(`${folder}.lock`, waiting.tell, async () => {
      if (!existsSync(folder)) await buildInto(folder, spec, io);
    });
  } finally {
    waiting.end();
  }
  return folder;
}

/** Sixteen hex digits over the stamp and the sources' paths (as given, so no machine's folder counts) and bytes. */
export async function keyOf(spec: Pick<BuildSpec, "stamp" | "sources">): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(spec.stamp));
  for (const source of spec.sources) {
    for (const file of await filesOf(source)) {
      hash.update(`\n${file.slice(dirname(source).length)}\n`).update(await readFile(file));
    }
  }
  return hash.digest("hex").slice(0, keyChars);
}

async function filesOf(source: string): Promise<string[]> {
  if ((await stat(source)).isFile()) return [source];
  const found = await readdir(source, { recursive: true });
  const counted = found.filter((path) => path.endsWith(".go") || /^go\.(?:mod|sum)$/.test(basename(path)));
  return counted.toSorted().map((path) => join(source, path));
}

async function buildInto(folder: string, spec: BuildSpec, io: BuildIo): Promise<void> {
  await removeUnfinished(folder);
  const unfinished = await mkdtemp(`${folder}.building-`);
  const shown = progress(io, `building ${spec.name}: ${spec.about}`);
  shown.start();
  try {
    for (const step of await spec.steps(unfinished)) await runStep(step, spec.name, shown.tell);
    const missing = spec.outputs.filter((output) => !existsSync(join(unfinished, output)));
    if (missing.length > 0)
      throw new Error(`building ${spec.name} left no ${missing.join(", ")}: check its steps`);
    await rename(unfinished, folder).catch((error: unknown) => {
      // Another process was faster, after it took a slow owner's lock over: its result is the same.
      if (!existsSync(folder)) throw error;
    });
    shown.done();
  } finally {
    shown.end();
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function removeUnfinished(folder: string): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const left = (await readdir(dirname(folder))).filter((entry) =>
    entry.startsWith(`${basename(folder)}.building-`),
  );
  for (const entry of left) await rm(join(dirname(folder), entry), { recursive: true, force: true });
}

/** Runs at low priority: a person who waits for a build still uses the machine. */
async function runStep(step: BuildStep, name: string, tell: () => void): Promise<void> {
  const child = spawn(step.command, step.args, {
    cwd: step.cwd,
    env: { ...process.env, ...step.env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: buildMsMax,
  });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  let output = "";
  const keep = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-outputCharsMax));
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const ticking = setInterval(tell, statusEveryMs);
  try {
    const end = await new Promise<string>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve(signal ?? String(code)));
    });
    if (end !== "0") {
      throw new Error(`building ${name} failed (${end}): ${step.command} ${step.args.join(" ")}\n${output}`);
    }
  } finally {
    clearInterval(ticking);
  }
}

/** Tells how long something has taken, at most every 2 s on a terminal and every 30 s elsewhere. */
function progress(io: BuildIo, what: string) {
  const since = Date.now();
  let told = since;
  const elapsed = () => `${what} … ${Math.round((Date.now() - since) / 1000)} s`;
  return {
    start: () => (io.status ?? io.log)(`${what} …`),
    tell: () => {
      const quiet = Date.now() - told;
      if (quiet < (io.status ? statusEveryMs : logEveryMs)) return;
      told = Date.now();
      (io.status ?? io.log)(elapsed());
    },
    done: () => io.log(`${elapsed()}, done`),
    end: () => io.status?.(""),
  };
}
