/**
 * The whole line deployed to an emulator: what `docs/deploy.md` tells a person to do, done by the same commands, with a
 * repository over smart HTTP and real API servers with an agent process each.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { run } from "../../cli/main.ts";
import { gitFixture, type GitFixture } from "../functions/source/git-fixture.ts";
import { startAgent, type AgentProcess } from "./agent-process.ts";
import { startCluster, type Cluster } from "./kubernetes/cluster.ts";
import { startDeployment, type Deployment } from "./sst/deployment.ts";
import { PRIVATE_ADDRESS } from "./sst/private-address.ts";
import { workTree, type WorkTree } from "./work-tree.ts";

const NETWORK = new URL("sst/private-network.ts", import.meta.url).href;
const LETTERS = fileURLToPath(new URL("../../cli/dev/dead-letters.ts", import.meta.url));
const OPEN = fileURLToPath(new URL("../../cli/dev/hub-open.ts", import.meta.url));
const SIGNING_KEY = fileURLToPath(new URL("../../cli/dev/signing-key.ts", import.meta.url));

export interface DeployedLine {
  folder: string;
  deployment: Deployment;
  git: GitFixture;
  /** The repository as functions reach it. */
  repository: string;
  tree: WorkTree;
  clusters: Record<string, Cluster>;
  agents: Record<string, AgentProcess>;
  /** The CLI of the person who deploys; throws with its words when it fails. */
  cli(argv: readonly string[], input?: string): Promise<{ out: string; err: string }>;
  /** `fairlead hub open`: the first admin's token. */
  open(): Promise<string>;
  /** Makes the cluster known, and starts its agent. */
  attach(name: string): Promise<void>;
  stop(): Promise<void>;
}

export async function startDeployedLine(names: readonly string[]): Promise<DeployedLine> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-deployed-"));
  const stops: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const stop = async (): Promise<void> => {
    for (const end of stops.splice(0).toReversed()) await end();
  };
  try {
    const git = await gitFixture();
    stops.push(() => git.close());
    await git.repository("fleet.git");
    const tree = await workTree(join(folder, "clone"), git.url("fleet.git"));
    const clusters: Record<string, Cluster> = {};
    for (const name of names) {
      const cluster = (clusters[name] = await startCluster({ name }));
      stops.push(() => cluster.stop());
    }
    const deployment = await startDeployment({
      stage: "trial",
      env: { NODE_OPTIONS: `--import ${NETWORK}` },
    });
    stops.push(() => deployment.stop());
    const agents: Record<string, AgentProcess> = {};
    stops.push(() => Promise.all(Object.values(agents).map((agent) => agent.kill("SIGKILL"))));
    const cli: DeployedLine["cli"] = (argv, input) => fairlead(folder, deployment, argv, input);
    const port = new URL(git.server.url).port;
    return {
      folder,
      deployment,
      git,
      repository: `http://${PRIVATE_ADDRESS}:${port}/fleet.git`,
      tree,
      clusters,
      agents,
      cli,
      open: () => open(folder, deployment),
      attach: async (name) => {
        const { out } = await cli(["cluster", "register", name, "--label", `env=${name}`, "--poll", "1s"]);
        const kubeconfigFile = clusters[name]?.kubeconfigFile ?? "";
        agents[name] = startAgent({ kubeconfigFile, token: out.trim() });
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function open(folder: string, deployment: Deployment): Promise<string> {
  const { table, agents, signingKeys } = await deployment.outputs();
  const [first = ""] = signingKeys.split(" ");
  return ran(folder, deployment, [OPEN, "--table", table, "--url", agents, "--signing-key", first]);
}

/** Signing keys of the stage by number, as `fairlead hub signing-key` prints them, into a file of the person's folder. */
export async function readSigningKey({ folder, deployment }: DeployedLine, index: number, name: string) {
  const { signingKeys } = await deployment.outputs();
  const arn = signingKeys.split(" ")[index] ?? "";
  await writeFile(join(folder, name), await ran(folder, deployment, [SIGNING_KEY, "--key", arn]));
}

async function ran(cwd: string, { env }: Deployment, argv: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, argv, {
    cwd,
    env: { ...process.env, ...env },
  });
  return stdout.trim();
}

async function fairlead(folder: string, deployment: Deployment, argv: readonly string[], input: string = "") {
  let [out, err] = ["", ""];
  const code = await run(argv, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    stdin: () => Promise.resolve(input),
    line: () => Promise.resolve(input),
    env: { XDG_CONFIG_HOME: join(folder, "config"), ...deployment.env },
    fetch: (url, init) => fetch(url, init),
    cwd: folder,
    isTTY: false,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    now: Date.now,
  });
  if (code !== 0) throw new Error(`fairlead ${argv.join(" ")} ended with ${code}: ${out}${err}`);
  return { out, err };
}

/** `fairlead dead-letters …` as the program that it is: what it said, and its exit code. */
export async function deadLetters({ deployment }: DeployedLine, verb: "list" | "replay") {
  const { deadLetters: queue } = await deployment.outputs();
  const env = { ...process.env, ...deployment.env };
  return new Promise<{ code: number; out: string }>((resolve) => {
    execFile(process.execPath, [LETTERS, verb, "--queue", queue], { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), out: `${stdout}${stderr}` }),
    );
  });
}
