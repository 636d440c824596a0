/** The agent process: real cluster, real network, real clock. Ends 0 after SIGTERM or SIGINT, 1 on a fatal fault. */
import { randomBytes } from "node:crypto";
import { parseConfig, USAGE, type AgentConfig } from "./config.ts";
import type { AgentDeps, LogEntry } from "./deps.ts";
import { runElected } from "./elected.ts";
import { createHubFetch } from "./hub-fetch.ts";
import { createKubeApi, type KubeApi } from "./kube/api.ts";
import { fromKubeconfig, inCluster } from "./kube/connect.ts";
import { Leadership } from "./leadership.ts";
import type { Listening } from "./listen.ts";
import { runAgent, type RunningAgent } from "./loop.ts";
import { sleep } from "./timer.ts";

process.exitCode = await main(process.argv.slice(2), process.env);

async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  try {
    const config = parseConfig(argv, env);
    if (config.kind === "help") {
      process.stdout.write(USAGE);
      return 0;
    }
    await run(config);
    return 0;
  } catch (error) {
    log({ level: "error", message: error instanceof Error ? error.message : String(error) });
    return 1;
  }
}

async function run(config: AgentConfig): Promise<void> {
  const kube = await connect(config.kube);
  const agent = started(config, kube, {
    kube,
    fetch: createHubFetch(config.options.requestTimeoutMs, config.proxy),
    clock: Date.now,
    sleep,
    random: Math.random,
    log,
    token: config.token,
    options: config.options,
  });
  const served = config.listen === undefined ? undefined : await serve(config.listen, agent);
  // Closing ends the requests that the stop has left behind.
  const stop = (): void => void agent.stop().then(() => kube.close());
  process.once("SIGTERM", stop).once("SIGINT", stop);
  try {
    await agent.done;
  } finally {
    await served?.close();
    await kube.close();
  }
}

function started({ lease }: AgentConfig, { leases }: KubeApi, deps: AgentDeps): RunningAgent {
  if (lease === undefined) return runAgent(deps);
  const me = `${lease.host}-${randomBytes(4).toString("hex")}`;
  const monotonic = (): number => performance.now();
  return runElected(deps, new Leadership({ ...deps, leases, me, leaseMs: lease.ms, monotonic }));
}

/** Loaded only where it is asked for. An address that cannot be had ends the agent: its probes would fail. */
async function serve(at: { host: string; port: number }, agent: RunningAgent): Promise<Listening> {
  const { listen } = await import("./listen.ts");
  try {
    return await listen(at, agent.life);
  } catch (error) {
    await agent.stop();
    throw error;
  }
}

async function connect(config: AgentConfig["kube"]): Promise<KubeApi> {
  const address =
    config.kind === "in-cluster"
      ? await inCluster(config)
      : await fromKubeconfig(config.file, config.context);
  return createKubeApi(address);
}

/** One JSON object a line on stderr; stdout is for data. */
function log(entry: LogEntry): void {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), ...entry })}\n`);
}
