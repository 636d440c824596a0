/**
 * One hub in two regions: each with its own handlers, table and objects, and a copier between the tables that the test drives.
 * Agents are the real ones over in-memory clusters; they reach a region by its address, while it is up.
 */
import { gunzipSync } from "node:zlib";
import type { Hono } from "hono";
import type { Charter } from "#core/charter.ts";
import { nextSerial } from "#core/hub.ts";
import { AGENT_PATHS, reportRequestSchema } from "#core/protocol.ts";
import { registrationAnswerSchema } from "#core/view.ts";
import type { MemoryKube } from "../../agent/kube/memory.ts";
import { buildAgentApp } from "../../functions/api/agent.ts";
import { buildApp } from "../../functions/api/app.ts";
import { createOutbound } from "../../functions/outbound/client.ts";
import { putTree } from "../../functions/release/content.ts";
import type { ReleaseDeps } from "../../functions/release/look.ts";
import { sweepApps } from "../../functions/release/look-apps.ts";
import { openHub } from "../../functions/release/open-hub.ts";
import { localSigner, makePrivateKey, signCharter } from "../../functions/release/sign.ts";
import { sweepRollouts } from "../../functions/rollout/tick-apps.ts";
import { createDb, type Db } from "../../functions/store/db.ts";
import { charterOf, getHub } from "../../functions/store/hub.ts";
import { putSourceState } from "../../functions/store/state.ts";
import { createWriter, whileWriting, writtenBy, type Writer } from "../../functions/store/writer.ts";
import { clientOf } from "../sim/engine/client.ts";
import { createObjects, renderer } from "../sim/world/parts.ts";
import { apiToken } from "./caller.ts";
import { createCopier, TABLE, type Copier } from "./copier.ts";
import { plainPlanner } from "./plain-planner.ts";
import { memoryCluster, startAgent, type TestAgent } from "./test-agent.ts";

export const CLUSTERS = ["east", "west"];
const PROJECT = "default";

export interface Region {
  name: string;
  url: string;
  up: boolean;
  /** As its functions use the table. */
  db: Db;
  /** The same without what keeps a region from writing. */
  table: Db;
  writer: Writer;
  deps: ReleaseDeps & { writer: Writer };
  agents: Hono;
  /** As the hub's admin. */
  call(method: string, path: string, body?: unknown): Promise<Response>;
  /** What schedules do, once. */
  sweep(): Promise<void>;
  /** As if its poller had read Git. */
  commit(commit: string, data: string): Promise<void>;
}

export interface Answered {
  cluster: string;
  url: string;
  path: string;
  status: number;
}

export interface TwoRegions {
  a: Region;
  b: Region;
  copier: Copier;
  kubes: ReadonlyMap<string, MemoryKube>;
  agents: Map<string, TestAgent>;
  /** Every answer that an agent got, in order. */
  answers: readonly Answered[];
  /** What each cluster said it holds, in order, as [epoch, generation]; whoever heard it. */
  held: ReadonlyMap<string, [number, number][]>;
  charter(of: Region, change: Partial<Charter>): Promise<string>;
  start(name: string): Promise<TestAgent>;
  stop(): Promise<void>;
}

/** Opened in `a`, which writes; Source, App and clusters are there, in both. */
export async function twoRegions(): Promise<TwoRegions> {
  const copier = createCopier();
  const [recovery, signing] = [await makePrivateKey(), await makePrivateKey()];
  const outbound = createOutbound({ allowLoopback: true });
  // The bucket's copies are as good as its promise of content by digest: one store stands for both.
  const objects = createObjects();
  const shared = { objects, outbound, renderer, signer: await localSigner(signing), now: () => Date.now() };
  const [a, b] = [
    makeRegion("eu-central-1", copier.a.engine, shared),
    makeRegion("eu-west-1", copier.b.engine, shared),
  ];
  await openHub(a.table, { hub: "hub-two", recovery, signing, url: a.url, newEpoch: false });
  const charter = async ({ table }: Region, change: Partial<Charter>): Promise<string> => {
    const held = charterOf(await getHub(table));
    return signCharter({ ...held, serial: nextSerial(held.serial, Date.now()), ...change }, recovery);
  };
  const token = await apiToken(a.table);
  for (const region of [a, b]) region.call = caller(region, token);
  const named = await charter(a, { urls: [a.url, b.url], region: a.name });
  await ok(a.call("PUT", "/v1/hub/charter", { charter: named }));
  await ok(a.call("POST", "/v1/apply", { resources: resources() }));
  copier.deliver();
  const kubes = new Map(CLUSTERS.map((name) => [name, memoryCluster()]));
  const agents = new Map<string, TestAgent>();
  const fetch = reach([a, b]);
  const answers: Answered[] = [];
  const held = new Map(CLUSTERS.map((name) => [name, [] as [number, number][]]));
  return {
    a,
    b,
    copier,
    kubes,
    agents,
    answers,
    held,
    charter,
    start: async (name) => {
      const kube = kubes.get(name);
      if (kube === undefined) throw new Error(`no cluster ${name}`);
      const path = `/v1/projects/${PROJECT}/clusters/${name}/registration`;
      const answer = await (await ok(a.call("POST", path))).json();
      const agent = startAgent(
        { fetch: noting(fetch, name, { answers, held: held.get(name) ?? [] }) },
        kube,
        {
          token: registrationAnswerSchema.parse(answer).token,
          options: { heartbeatMs: 200, backoffMinMs: 20, backoffMaxMs: 50 },
        },
      );
      agents.set(name, agent);
      return agent;
    },
    stop: async () => {
      for (const agent of agents.values()) await agent.stop();
      await outbound.close();
    },
  };
}

function resources(): object[] {
  const apiVersion = "fairlead.dev/v1";
  return [
    ...CLUSTERS.map((name) => ({ apiVersion, kind: "Cluster", metadata: { name }, spec: { poll: "1s" } })),
    {
      apiVersion,
      kind: "Source",
      metadata: { name: "fleet" },
      spec: { git: { url: "https://git.example.com/fleet.git" } },
    },
    {
      apiVersion,
      kind: "App",
      metadata: { name: "shop" },
      spec: {
        source: "fleet",
        path: "shop",
        clusters: {},
        // As hard as can be: a newer release waits for the one under way.
        rollout: { supersede: "queue", stages: [{ name: "all", clusters: {}, maxUnavailable: 1 }] },
      },
    },
  ];
}

type Shared = Pick<ReleaseDeps, "objects" | "outbound" | "renderer" | "signer" | "now">;

function makeRegion(name: string, engine: Parameters<typeof clientOf>[0], shared: Shared): Region {
  const table = createDb(clientOf(engine), TABLE);
  const writer = createWriter(table, name, shared.now);
  const db = writtenBy(table, writer);
  const secrets = { put: unused, get: async () => undefined, delete: unused };
  const deps = { ...shared, db, secrets, writer };
  return {
    name,
    url: `https://${name}.test`,
    up: true,
    db,
    table,
    writer,
    deps,
    agents: buildAgentApp({ ...deps, log: () => undefined }),
    call: unused,
    sweep: () =>
      whileWriting(
        writer,
        async () => {
          await sweepApps(deps);
          await sweepRollouts(deps);
        },
        undefined,
      ),
    commit: async (commit, data) => {
      const object = {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "greeting" },
        data: { says: data },
      };
      const files = new Map([["shop/greeting.json", new TextEncoder().encode(JSON.stringify(object))]]);
      const tree = await putTree(shared.objects, files);
      const facts = { author: "Ada", email: "a@example.com", message: commit, committedAt: 1 };
      await putSourceState(db, PROJECT, "fleet", { kind: "read", commit, tree, ...facts, at: shared.now() });
    },
  };
}

function unused(): never {
  throw new Error("nothing here asks for this");
}

function caller({ name, url, deps }: Region, token: string): Region["call"] {
  const planner = plainPlanner(deps);
  const secrets = { put: unused, get: async () => undefined, delete: unused };
  const parts = { ...deps, planner, secrets, log: () => undefined, hubUrl: url };
  const app = buildApp(parts);
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", "x-region": name };
  return async (method, path, body) =>
    app.request(path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

/** By address, and only where the region is up: elsewhere nobody answers. */
function reach(regions: readonly Region[]): (url: string, init: RequestInit) => Promise<Response> {
  return async (url, init) => {
    const { origin, pathname } = new URL(url);
    const region = regions.find((one) => one.url === origin);
    if (region?.up !== true) throw new TypeError("fetch failed");
    return unpacked(await region.agents.request(pathname, init));
  };
}

async function ok(asked: Promise<Response>): Promise<Response> {
  const answer = await asked;
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer;
}

function noting(
  fetch: ReturnType<typeof reach>,
  cluster: string,
  to: { answers: Answered[]; held: [number, number][] },
): ReturnType<typeof reach> {
  return async (text, init) => {
    const { origin: url, pathname: path } = new URL(text);
    if (path === AGENT_PATHS.report && typeof init.body === "string")
      for (const { epoch, generation } of reportRequestSchema.parse(JSON.parse(init.body)).placements)
        to.held.push([epoch, generation]);
    const answer = await fetch(text, init);
    to.answers.push({ cluster, url, path, status: answer.status });
    return answer;
  };
}

/** As a transport does it. */
async function unpacked(answer: Response): Promise<Response> {
  if (answer.headers.get("content-encoding") !== "gzip") return answer;
  return new Response(new Uint8Array(gunzipSync(await answer.arrayBuffer())), { status: answer.status });
}
