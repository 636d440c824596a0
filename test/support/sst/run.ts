/** SST's own program, in a folder laid out like the repository. One at a time on a machine: its server has a fixed port. */
import { spawn } from "node:child_process";
import { cp, mkdir, readdir, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "../../../cli/dev/lock.ts";
import type { MiniStack } from "../ministack.ts";
import { sstPlatform, sstProgram } from "./platform.ts";

const RUN_MS_MAX = 600_000;
const root = fileURLToPath(new URL("../../..", import.meta.url));
const LOCK = join(tmpdir(), "fairlead-sst-13557.lock");

/** SST writes beside its config and into its platform, so both are copies or folders of links. */
export async function layOut(folder: string): Promise<void> {
  const own = ["sst.config.ts", "infra", "package.json", "tsconfig.json"];
  for (const name of own) await cp(join(root, name), join(folder, name), { recursive: true });
  for (const name of ["node_modules", "core", "functions", "agent", "cli"])
    await symlink(join(root, name), join(folder, name));
  const cached = join(await sstPlatform(), ".sst");
  await mkdir(join(folder, ".sst/platform"), { recursive: true });
  await linkAll(join(cached, "platform"), join(folder, ".sst/platform"));
  await cp(join(cached, "provider-lock.json"), join(folder, ".sst/provider-lock.json"));
}

async function linkAll(from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) await symlink(join(from, name), join(to, name));
}

/** The emulator as SST's, and every SDK's, account of AWS. */
export function accountOf({ endpoint, credentials, region }: MiniStack): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: region,
  };
}

export function secretsOf(secrets: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(secrets).map(([name, value]) => [`SST_SECRET_${name}`, value]));
}

/** What it printed; throws with it when SST does not get through. */
export function runSst(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
  input: string = "",
): Promise<string> {
  return withLock(
    LOCK,
    () => undefined,
    () => run([sstProgram(), ...args, "--print-logs"], cwd, { ...process.env, ...env }, input),
  );
}

function run(args: string[], cwd: string, env: NodeJS.ProcessEnv, input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd,
      env,
      timeout: RUN_MS_MAX,
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdin.end(input);
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(output) : reject(new Error(`sst ${args[1]} ended with ${code}:\n${output}`)),
    );
  });
}
