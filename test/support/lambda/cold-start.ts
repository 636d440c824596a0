/**
 * How long a function needs from the start of its process until it asks for its first event, under Lambda's own runtime
 * client. What speaks the Runtime API here answers nothing: the process ends where its first request would come.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleFunction } from "./bundle.ts";
import { ensureRuntimeClient } from "./ric.ts";

const START_MS_MAX = 60_000;
const EMPTY = "export const handler = async () => ({ statusCode: 200 });\n";
/** What the composition roots want to find; nobody is spoken to before the first request. */
const ENVIRONMENT = {
  FAIRLEAD_TABLE: "table",
  FAIRLEAD_BUCKET: "bucket",
  FAIRLEAD_SECRETS: "/fairlead/test",
  FAIRLEAD_HUB_URL: "https://hub.example",
  FAIRLEAD_PLAN_FUNCTION: "plan",
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "none",
  AWS_SECRET_ACCESS_KEY: "none",
};

export interface Start {
  /** By the clock. */
  ms: number;
  /** Of all threads: what the machine does beside it falls on this least. */
  cpuMs: number;
}

export interface ColdStarts {
  /** Medians. */
  starts: Record<"empty" | "agents" | "api", Start>;
  /** Bytes of what each reads to start. */
  bytes: { agents: number; api: number };
}

/** `runs` starts of each, taking turns, so that what else the machine does falls on all alike. */
export async function measureColdStarts(runs: number): Promise<ColdStarts> {
  const client = await ensureRuntimeClient();
  const folder = await mkdtemp(join(tmpdir(), "fairlead-cold-"));
  try {
    const at = { empty: join(folder, "empty"), agents: join(folder, "agents"), api: join(folder, "api") };
    await mkdir(at.empty);
    await writeFile(join(at.empty, "bundle.mjs"), EMPTY);
    const agents = await bundleFunction("functions/api/agent-index.ts", at.agents);
    const api = await bundleFunction("functions/api/index.ts", at.api);
    const took: Record<keyof typeof at, Start[]> = { empty: [], agents: [], api: [] };
    for (let run = 0; run < runs; run++) {
      took.empty.push(await startOnce(client, at.empty));
      took.agents.push(await startOnce(client, at.agents));
      took.api.push(await startOnce(client, at.api));
    }
    const starts = { empty: median(took.empty), agents: median(took.agents), api: median(took.api) };
    return { starts, bytes: { agents: agents.startBytes, api: api.startBytes } };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Throws with the process's own words when it does not come to ask. */
async function startOnce(client: string, folder: string): Promise<Start> {
  const asked = Promise.withResolvers<number>();
  const server = createServer((request, response) => {
    if (request.url?.endsWith("/invocation/next") === true) return asked.resolve(performance.now());
    response.writeHead(202).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const since = performance.now();
  const child = spawn(process.execPath, [client], {
    cwd: folder,
    env: {
      ...ENVIRONMENT,
      PATH: process.env["PATH"],
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
      LAMBDA_TASK_ROOT: folder,
      _HANDLER: "bundle.handler",
    },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: START_MS_MAX,
    killSignal: "SIGKILL",
  });
  const exited = once(child, "close");
  let said = "";
  for (const output of [child.stdout, child.stderr])
    output.on("data", (text: Buffer) => (said += text.toString()));
  child.on("close", (code) => asked.reject(new Error(`the function ended with ${code}: ${said}`)));
  try {
    const at = await asked.promise;
    return { ms: at - since, cpuMs: await cpuMsOf(child.pid ?? 0) };
  } finally {
    child.kill("SIGKILL");
    await exited;
    server.closeAllConnections();
    server.close();
  }
}

async function cpuMsOf(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const spent = threads.map(async (thread) => {
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
    return Number(text.split(" ")[0]) / 1e6;
  });
  return (await Promise.all(spent)).reduce((sum, ms) => sum + ms, 0);
}

function median(all: readonly Start[]): Start {
  const middle = (values: number[]): number =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  return { ms: middle(all.map(({ ms }) => ms)), cpuMs: middle(all.map(({ cpuMs }) => cpuMs)) };
}
