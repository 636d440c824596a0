/**
 * `npm start`: a whole Fairlead on this machine - the hub, a sample repository over real smart HTTP, simulated
 * clusters, and a real API server where its binaries are built. Ends everything it started with Ctrl-C; what the
 * hub and the repository know stays under `.fairlead/`.
 */
import { createWriteStream } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { buildAgent } from "../../agent/build.ts";
import { oidcOfEnv } from "../../functions/identity/oidc-config.ts";
import { startHub } from "../../functions/local/hub.ts";
import { startCluster } from "../../test/support/kubernetes/cluster.ts";
import {
  clusterResource,
  simulatedClusters,
  startAgentProcess,
  startSimulatedAgent,
  type RunningAgent,
} from "./fleet.ts";
import { parseStartFlags, type StartFlags } from "./flags.ts";
import { startGitServer } from "./git-server.ts";
import { hubClient, type HubClient } from "./hub-client.ts";
import { seedSampleFleet } from "./sample-fleet.ts";
import { progress } from "./progress.ts";
import { ensureTool, isBuilt } from "./tools.ts";
import { welcome } from "./welcome.ts";

const SAMPLE = fileURLToPath(new URL("./sample-fleet/", import.meta.url));
const REAL = "real";
const ATTACHED = "attached";

/** What must be stopped, newest first. */
type Stops = (() => Promise<void>)[];

async function main(): Promise<void> {
  const flags = readFlags();
  if (flags === undefined) return;
  const since = Date.now();
  const stops: Stops = [];
  const tell = progress(process.stderr);
  endOnSignal(stops);
  try {
    await start(flags, stops, tell, since);
  } catch (error) {
    process.stderr.write(
      `fairlead could not start: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    await stopAll(stops);
    process.exitCode = 1;
  }
}

function readFlags(): StartFlags | undefined {
  try {
    return parseStartFlags(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
    return undefined;
  }
}

async function start(
  flags: StartFlags,
  stops: Stops,
  tell: ReturnType<typeof progress>,
  since: number,
): Promise<void> {
  const dataDir = resolve(flags.dataDir);
  await mkdir(dataDir, { recursive: true });
  const log = logTo(join(dataDir, "log"), stops);
  const wasmFile = join(await ensureTool("render-engine"), "engine.wasm");
  const hub = await tell("starting the hub", () =>
    startHub({
      dataDir: join(dataDir, "hub"),
      port: flags.port,
      wasmFile,
      newEpoch: flags.newEpoch,
      log,
      dynamoEndpoint: process.env["FAIRLEAD_DYNAMODB_ENDPOINT"],
      oidc: oidcOfEnv(process.env),
    }),
  );
  stops.unshift(() => hub.stop());
  await writeFile(join(dataDir, "cli.json"), JSON.stringify({ server: hub.url, token: hub.apiToken }), {
    mode: 0o600,
  });
  const client = hubClient(hub.url, hub.apiToken);
  const git = await tell("starting the Git server", () => serveSample(flags, dataDir, client, stops));
  const sims = simulatedClusters(flags.clusters);
  const real = await realClusters(flags);
  const reals = real.map((name) => clusterResource(name, { env: "dev", region: "eu" }, false));
  // Clusters before the Source whose fleet folder brings the App, so that the first release is for all of them.
  if (sims.length + reals.length > 0) await client.apply([...sims, ...reals]);
  await client.apply([await sampleSource(git.url)]);
  for (const { metadata } of sims) {
    const agent = await startSimulatedAgent(client, metadata.name, (entry) =>
      log({ cluster: metadata.name, ...entry }),
    );
    stops.unshift(() => agent.stop());
  }
  await startReal(real, flags, dataDir, client, stops, tell, log);
  const place = nearPath(git.workTree);
  process.stdout.write(
    welcome({
      hub: hub.url,
      login: hub.loginUrl,
      workTree: place,
      dataDir: nearPath(dataDir),
      git: git.url,
      simulated: sims.length,
      real,
      seconds: (Date.now() - since) / 1000,
    }),
  );
}

/** Relative where that is shorter to read. */
function nearPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith("..") ? path : near;
}

async function serveSample(flags: StartFlags, dataDir: string, client: HubClient, stops: Stops) {
  const root = join(dataDir, "git");
  const workTree = join(dataDir, "fleet");
  await mkdir(root, { recursive: true });
  // A push is a webhook here: the hub looks at once, and would at the next poll anyway.
  const onPush = (): void => void client.sync("fleet").catch(() => undefined);
  const server = await startGitServer({ root, port: flags.gitPort, onPush });
  stops.unshift(() => server.stop());
  const url = `${server.url}/fleet.git`;
  await seedSampleFleet({ root, workTree, url });
  return { url, workTree };
}

/** The sample's Source, with the address that the server really has. Its fleet folder brings the App. */
async function sampleSource(url: string): Promise<unknown> {
  const source = parse(await readFile(join(SAMPLE, "source.yaml"), "utf8")) as {
    spec: { git: { url: string } };
  };
  return { ...source, spec: { ...source.spec, git: { ...source.spec.git, url } } };
}

/** A real API server when asked for or already built; a person's own cluster only, and then alone, when named. */
async function realClusters({ real, kubeContext }: StartFlags): Promise<string[]> {
  const own = real || (kubeContext === undefined && (await isBuilt("kubernetes")));
  return [...(own ? [REAL] : []), ...(kubeContext === undefined ? [] : [ATTACHED])];
}

async function startReal(
  names: readonly string[],
  flags: StartFlags,
  dataDir: string,
  client: HubClient,
  stops: Stops,
  tell: ReturnType<typeof progress>,
  log: (entry: object) => void,
): Promise<void> {
  const attach = async (name: string, kubeArgs: string[]): Promise<void> => {
    const { file } = await buildAgent();
    const agent: RunningAgent = await startAgentProcess(client, name, file, kubeArgs, (line) =>
      log({ cluster: name, line }),
    );
    stops.unshift(() => agent.stop());
  };
  if (names.includes(REAL)) {
    await ensureTool("kubernetes");
    const cluster = await tell("starting a real Kubernetes API server", () =>
      startCluster({ name: REAL, dataDir: join(dataDir, REAL) }),
    );
    stops.unshift(() => cluster.stop());
    await attach(REAL, ["--kubeconfig", cluster.kubeconfigFile]);
  }
  if (flags.kubeContext !== undefined) await attach(ATTACHED, ["--context", flags.kubeContext]);
}

function logTo(file: string, stops: Stops): (entry: object) => void {
  const stream = createWriteStream(file, { flags: "a", mode: 0o600 });
  stops.push(() => new Promise((done) => stream.end(() => done())));
  return (entry) => void stream.write(`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`);
}

function endOnSignal(stops: Stops): void {
  let ending = false;
  const end = (): void => {
    if (ending) process.exit(130);
    ending = true;
    process.stderr.write("\nstopping (Ctrl-C again to leave at once) …\n");
    void stopAll(stops).then(() => process.exit(0));
  };
  process.on("SIGINT", end);
  process.on("SIGTERM", end);
}

async function stopAll(stops: Stops): Promise<void> {
  for (const stop of stops.splice(0))
    await stop().catch((error: unknown) => void process.stderr.write(`while stopping: ${String(error)}\n`));
}

await main();
