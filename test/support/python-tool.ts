/**
 * Programs in Python that tests run: each in a virtual environment of its own under the cache folder, made on first use
 * from pinned packages. An flock held by the installer lets parallel test files make it once, and is gone with the
 * process that held it. Python 3.10 or later is needed as `python3`.
 */
import { createHash } from "node:crypto";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cacheFolder } from "../../cli/dev/build.ts";
import { startLeashed } from "../../functions/local/leash.ts";

const INSTALL_MS_MAX = 10 * 60_000;

/** Arguments: the folder, then the packages. The marker comes last: a folder without it is made anew. */
const INSTALLER = `
import fcntl, os, shutil, subprocess, sys, venv
folder, packages = sys.argv[1], sys.argv[2:]
with open(os.path.join(folder, "lock"), "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    made, marker = os.path.join(folder, "venv"), os.path.join(folder, "ready")
    if not os.path.exists(marker):
        shutil.rmtree(made, ignore_errors=True)
        venv.create(made, with_pip=True)
        python = os.path.join(made, "bin", "python")
        subprocess.check_call([python, "-m", "pip", "install", "--quiet", "--no-deps",
                               "--disable-pip-version-check", *packages])
        open(marker, "w").close()
`;

export interface PythonTool {
  /** As people call it. */
  name: string;
  /** The package that it is, first, and all that it needs, each as `name==version`. */
  packages: readonly [string, ...string[]];
  /** The program in the environment's `bin`. */
  program: string;
}

/** The program's path. */
export async function ensurePythonTool({ name, packages, program }: PythonTool): Promise<string> {
  const key = createHash("sha256").update(packages.join()).digest("hex").slice(0, 8);
  const folder = join(cacheFolder(), `${packages[0].replace("==", "-").toLowerCase()}-${key}`);
  if (!(await exists(join(folder, "ready")))) await install(name, folder, packages);
  return join(folder, "venv", "bin", program);
}

async function install(name: string, folder: string, packages: readonly string[]): Promise<void> {
  console.error(`Installing ${name} into ${folder} (once, about a minute)…`);
  await mkdir(folder, { recursive: true });
  const child = await startLeashed({ command: "python3", args: ["-c", INSTALLER, folder, ...packages] });
  const deadline = performance.now() + INSTALL_MS_MAX;
  while (child.ended() === undefined && performance.now() < deadline) await sleep(100);
  const ended = child.ended() ?? `no end within ${INSTALL_MS_MAX} ms`;
  await child.stop();
  if (ended === "exit code 0") return;
  throw new Error(
    `${name} needs python3 (3.10 or later) with venv and pip; installing ended with ${ended}:\n${child.output()}`,
  );
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
