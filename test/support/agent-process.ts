/** The agent as a process of its own, as it runs in a cluster; SIGKILL included. */
import { spawn, type ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildAgent } from "../../agent/build.ts";

const MAIN = fileURLToPath(new URL("../../agent/main.ts", import.meta.url));

export interface AgentProcess {
  pid: number;
  /** All that it said so far. */
  log(): string;
  kill(signal: NodeJS.Signals): Promise<void>;
}

export interface AgentStart {
  kubeconfigFile: string;
  /** Only for the first start: then the cluster knows. */
  token?: string | undefined;
  args?: readonly string[];
  program?: string;
  nodeArgs?: readonly string[];
}

/** Over a kubeconfig. Stopped at the latest when this process ends. */
export function startAgent(start: AgentStart): AgentProcess {
  const args = ["--kubeconfig", start.kubeconfigFile, ...(start.args ?? [])];
  const env = { ...process.env, ...(start.token === undefined ? {} : { FAIRLEAD_TOKEN: start.token }) };
  return spawnAgent([...(start.nodeArgs ?? []), start.program ?? MAIN, ...args], env);
}

let built: Promise<string> | undefined;

/** The one file that the image holds, built once for this process: Node's flags of the image run no TypeScript. */
async function bundle(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-agent-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return (await buildAgent(join(folder, "agent.mjs"))).file;
}

/** As a Pod's container runs it: the image's program, this environment and no other. */
export async function startContainer(
  nodeArgs: readonly string[],
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<AgentProcess> {
  return spawnAgent([...nodeArgs, await (built ??= bundle()), ...args], env);
}

function spawnAgent(args: readonly string[], env: NodeJS.ProcessEnv): AgentProcess {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"], env });
  let said = "";
  const keep = (chunk: Buffer): void => {
    said = (said + chunk.toString()).slice(-20_000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const last = (): void => void child.kill("SIGKILL");
  process.once("exit", last);
  child.once("exit", () => process.removeListener("exit", last));
  return { pid: child.pid ?? 0, log: () => said, kill: (signal) => kill(child, signal) };
}

function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill(signal);
  });
}
