/**
 * All resources that `sst.config.ts` and `infra/` describe, as SST makes them for AWS: its real evaluation, roles and bundles
 * of the functions, with an engine that writes resources down instead of creating them. AWS itself is MiniStack, which
 * SST asks for its bootstrap only.
 */
import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startMiniStack } from "../ministack.ts";
import { sstEnvironment, sstPlatform, sstProgram } from "./platform.ts";

const DIFF_MS_MAX = 300_000;
const root = fileURLToPath(new URL("../../..", import.meta.url));

export interface DumpedResource {
  /** Such as `aws:lambda/function:Function`. */
  type: string;
  name: string;
  inputs: Record<string, unknown>;
}

export interface Dump {
  resources: DumpedResource[];
  /** Where the functions' bundles are, a folder for each. */
  folder: string;
  remove(): Promise<void>;
}

/** Throws with SST's own output when it does not get through. */
export async function dumpResources(secrets: Record<string, string>): Promise<Dump> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-sst-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await layOut(folder);
    const output = await diff(folder, secrets).catch(async (error: unknown) => {
      const log = await readFile(join(folder, "dump.json.failed"), "utf8").catch(() => "it was not started");
      throw new Error(`the engine said: ${log}`, { cause: error });
    });
    const dumped = await readFile(join(folder, "dump.json"), "utf8").catch(() => undefined);
    if (dumped === undefined) throw new Error(`sst diff wrote no resources:\n${output}`);
    return { resources: JSON.parse(dumped) as DumpedResource[], folder, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** SST writes beside its config and into its platform, so both are copies or folders of links. */
async function layOut(folder: string): Promise<void> {
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

async function diff(folder: string, secrets: Record<string, string>): Promise<string> {
  const aws = await startMiniStack();
  try {
    const engine = new URL("engine.ts", import.meta.url).href;
    const env = {
      ...process.env,
      ...(await sstEnvironment(folder, `import(${JSON.stringify(engine)});\n`)),
      ...Object.fromEntries(Object.entries(secrets).map(([name, value]) => [`SST_SECRET_${name}`, value])),
      FAIRLEAD_SST_DUMP: join(folder, "dump.json"),
      AWS_ENDPOINT_URL: aws.endpoint,
      AWS_ACCESS_KEY_ID: aws.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: aws.credentials.secretAccessKey,
      AWS_REGION: aws.region,
    };
    return await run([sstProgram(), "diff", "--stage", "check", "--print-logs"], folder, env);
  } finally {
    await aws.stop();
  }
}

function run(args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd,
      env,
      timeout: DIFF_MS_MAX,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(output) : reject(new Error(`sst diff ended with ${code}:\n${output}`)),
    );
  });
}
