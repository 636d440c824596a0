/**
 * The whole hub in one process: the third composition root over the same handlers' logic. Everything it knows is
 * under `dataDir` and survives restarts; stream, bus, schedules and object store are their local implementations.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import type { Hono } from "hono";
import { sha256 } from "#core/digest.ts";
import { buildAgentApp } from "../api/agent.ts";
import { buildApp } from "../api/app.ts";
import type { Log } from "../api/errors.ts";
import { auditAll } from "../audit/drift-audit.ts";
import { createFolderStore } from "../objects/folder.ts";
import type { ReleaseDeps } from "../release/look.ts";
import { openHub } from "../release/open-hub.ts";
import { sweepApps } from "../release/look-apps.ts";
import { pollDue, type LastPolled } from "../release/poll-sources.ts";
import { localSigner } from "../release/sign.ts";
import { createRenderer } from "../render/render.ts";
import type { AssignDeps } from "../rollout/assign.ts";
import { sweepRollouts } from "../rollout/tick-apps.ts";
import { createDb, type OnUnits } from "../store/db.ts";
import { localDynamoConfig, startDynoxide } from "./dynamo.ts";
import { startEvents } from "./events.ts";
import { joinApps, listen } from "./http.ts";
import { loadKeys } from "./keys.ts";
import { lockFolder } from "./lock.ts";
import { startSchedule } from "./schedule.ts";
import { ensureTable } from "./table.ts";

export interface HubOptions {
  dataDir: string;
  /** 0 takes a free one; then agents find the hub again only by a new registration. */
  port: number;
  /** The render engine, `engine.wasm`. */
  wasmFile: string;
  log: Log;
  /** Any DynamoDB endpoint instead of the embedded engine. */
  dynamoEndpoint?: string | undefined;
  /** After a restore from a copy: a new epoch outranks all that was signed before. */
  newEpoch?: boolean;
  times?: Partial<HubTimes>;
  onUnits?: OnUnits;
}

export interface HubTimes {
  pollSourcesMs: number;
  sweepMs: number;
  auditMs: number;
  auditSlotMs: number;
  streamPollMs: number;
}

const TIMES: HubTimes = {
  pollSourcesMs: 1_000,
  sweepMs: 10_000,
  auditMs: 30_000,
  auditSlotMs: 5 * 60_000,
  streamPollMs: 50,
};
const TABLE = "fairlead";

export interface LocalHub {
  url: string;
  apiToken: string;
  hub: string;
  /** Where the table is, for tools and tests that look at it themselves. */
  dynamoEndpoint: string;
  table: string;
  stop(): Promise<void>;
}

export async function startHub(options: HubOptions): Promise<LocalHub> {
  const stops: Stop[] = [];
  try {
    const parts = await startParts(options, stops);
    return { ...parts, stop: () => stopAll(stops) };
  } catch (error) {
    await stopAll(stops);
    throw error;
  }
}

type Stop = () => Promise<void>;

/** Newest first: nothing is taken from under what still uses it. */
async function stopAll(stops: Stop[]): Promise<void> {
  for (const stop of stops.splice(0).toReversed()) await stop();
}

async function startParts(options: HubOptions, stops: Stop[]): Promise<Omit<LocalHub, "stop">> {
  const { dataDir, log } = options;
  await mkdir(dataDir, { recursive: true });
  stops.push(await lockFolder(join(dataDir, "lock")));
  const keys = await loadKeys(dataDir);
  const table = await startTable(options, stops);
  const deps = {
    db: table.db,
    objects: createFolderStore({ root: join(dataDir, "objects") }),
    now: () => Date.now(),
  };
  const renderer = createRenderer({ wasmFile: options.wasmFile });
  stops.push(() => renderer.close());
  const release = { ...deps, renderer, signer: await localSigner(keys.signing) };

  // The URL stands in tokens and in the charter, so the port comes first and the apps are put behind it.
  const late: { fetch: Hono["fetch"] } = { fetch: () => new Response(null, { status: 503 }) };
  const http = await listen((request) => late.fetch(request), options.port);
  stops.push(() => http.close());
  const url = `http://127.0.0.1:${http.port}`;
  const { hub } = await openHub(deps.db, { ...keys, url, newEpoch: options.newEpoch ?? false });
  const people = buildApp({ ...deps, log, tokenSha256: sha256(keys.apiToken), hubUrl: url });
  late.fetch = joinApps(buildAgentApp({ ...deps, log }), people).fetch;
  startWork({ deps, release, table, options, stops });
  return { url, apiToken: keys.apiToken, hub, dynamoEndpoint: table.endpoint, table: TABLE };
}

/** The embedded engine, or the endpoint that was named; its table, and the clients of both. */
async function startTable(options: HubOptions, stops: Stop[]) {
  const engine =
    options.dynamoEndpoint === undefined
      ? await startDynoxide({ dataFile: join(options.dataDir, "table.db") })
      : undefined;
  if (engine !== undefined) stops.push(() => engine.stop());
  const endpoint = options.dynamoEndpoint ?? engine?.endpoint ?? "";
  const config = localDynamoConfig(endpoint);
  const client = new DynamoDBClient(config);
  const streams = new DynamoDBStreamsClient(config);
  stops.push(async () => {
    client.destroy();
    streams.destroy();
  });
  const streamArn = await ensureTable(client, TABLE);
  const document = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  return { endpoint, streams, streamArn, db: createDb(document, TABLE, options.onUnits) };
}

interface Work {
  deps: AssignDeps;
  release: ReleaseDeps;
  table: Awaited<ReturnType<typeof startTable>>;
  options: HubOptions;
  stops: Stop[];
}

/** What no request asks for: events and schedules. */
function startWork({ deps, release, table, options, stops }: Work): void {
  const { log } = options;
  const times = { ...TIMES, ...options.times };
  const checkpointFile = join(options.dataDir, "stream.json");
  const { streams, streamArn } = table;
  const events = startEvents({
    streams,
    streamArn,
    checkpointFile,
    pollMs: times.streamPollMs,
    deps,
    release,
    log,
  });
  const last: LastPolled = new Map();
  const schedule = startSchedule(
    [
      { name: "poll sources", everyMs: times.pollSourcesMs, run: () => pollDue(deps, last) },
      { name: "sweep apps", everyMs: times.sweepMs, run: () => sweepApps(release) },
      { name: "sweep rollouts", everyMs: times.sweepMs, run: () => sweepRollouts(deps) },
      {
        name: "drift audit",
        everyMs: times.auditMs,
        run: () => auditAll({ ...deps, slotMs: times.auditSlotMs }),
      },
    ],
    (job, error) => log({ level: "error", job: job.name, error: String(error) }),
  );
  stops.push(() => events.stop());
  stops.push(() => schedule.stop());
}
