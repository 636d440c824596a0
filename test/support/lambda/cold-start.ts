/**
 * What a cold start costs under Lambda's own runtime client: from the start of the process until it asks for its first event, and
 * until that event is answered. Both, because work that is put off until the first request is not saved.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AGENT_PATHS } from "#core/protocol.ts";
import { bundleFunction } from "./bundle.ts";
import { lambdaHub, type LambdaHub } from "./hub.ts";
import { startFunction, type Spent } from "./runtime.ts";

const EMPTY = "export const handler = async () => ({ statusCode: 200 });\n";

type Headers = Record<string, string>;

/** From the start of the process. */
export interface Start {
  asks: Spent;
  answers: Spent;
}

interface Measured {
  folder: string;
  path: string;
  status: number;
  headers: () => Promise<Headers>;
}

export interface ColdStarts {
  /** Medians. The agents' endpoints answer an idle poll, people's API a list of Projects. */
  starts: Record<"empty" | "agents" | "api", Start>;
  /** Bytes of what each reads to start. */
  bytes: { agents: number; api: number };
}

/** `runs` starts of each, taking turns, so that what else the machine does falls on all alike. */
export async function measureColdStarts(runs: number): Promise<ColdStarts> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-cold-"));
  const hub = await lambdaHub();
  try {
    const at = { empty: join(folder, "empty"), agents: join(folder, "agents"), api: join(folder, "api") };
    await mkdir(at.empty);
    await writeFile(join(at.empty, "bundle.mjs"), EMPTY);
    const agents = await bundleFunction("functions/api/agent-index.ts", at.agents);
    const api = await bundleFunction("functions/api/index.ts", at.api);
    const etag = await tagOf(hub, at.agents);
    const poll = async (): Promise<Headers> => ({ ...(await hub.poll()), "if-none-match": etag });
    const measured: Record<keyof typeof at, Measured> = {
      empty: { folder: at.empty, path: "/", status: 200, headers: () => Promise.resolve({}) },
      agents: { folder: at.agents, path: AGENT_PATHS.desired, status: 304, headers: poll },
      api: { folder: at.api, path: "/v1/projects", status: 200, headers: () => Promise.resolve(hub.person) },
    };
    const took: Record<keyof typeof at, Start[]> = { empty: [], agents: [], api: [] };
    for (let run = 0; run < runs; run++)
      for (const name of ["empty", "agents", "api"] as const)
        took[name].push(await startOnce(hub, measured[name]));
    const starts = { empty: median(took.empty), agents: median(took.agents), api: median(took.api) };
    return { starts, bytes: { agents: agents.startBytes, api: api.startBytes } };
  } finally {
    await hub.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the agent holds after its first poll. */
async function tagOf(hub: LambdaHub, folder: string): Promise<string> {
  const agents = await startFunction(folder, hub.env);
  try {
    const { headers } = await agents.get(AGENT_PATHS.desired, await hub.poll());
    return headers?.["etag"] ?? "";
  } finally {
    await agents.stop();
  }
}

/** Throws with the process's own words when it does not come to ask, or answers something else. */
async function startOnce(hub: LambdaHub, { folder, path, status, headers }: Measured): Promise<Start> {
  const told = await headers();
  const running = await startFunction(folder, hub.env);
  try {
    await running.ready;
    const asks = await running.spent();
    const since = performance.now();
    const { statusCode, body } = await running.get(path, told);
    const ms = asks.ms + performance.now() - since;
    const { cpuMs } = await running.spent();
    if (statusCode !== status) throw new Error(`${path}: ${statusCode} ${body}, ${running.said()}`);
    return { asks, answers: { ms, cpuMs } };
  } finally {
    await running.stop();
  }
}

function median(all: readonly Start[]): Start {
  const middle = (values: number[]): number =>
    values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  const of = (spent: readonly Spent[]): Spent => ({
    ms: middle(spent.map(({ ms }) => ms)),
    cpuMs: middle(spent.map(({ cpuMs }) => cpuMs)),
  });
  return { asks: of(all.map(({ asks }) => asks)), answers: of(all.map(({ answers }) => answers)) };
}
