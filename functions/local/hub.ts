/**
 * The whole hub in one process: the third composition root over the same handlers' logic. Everything it knows is
 * under `dataDir` and survives restarts; stream, bus, schedules and object store are their local implementations.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBStreamsClient } from "@aws-sdk/client-dynamodb-streams";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { sha256 } from "#core/digest.ts";
import { buildAgentApp } from "../api/agent.ts";
import { buildApp } from "../api/app.ts";
import type { Log } from "../api/errors.ts";
import { auditAll } from "../audit/drift-audit.ts";
import { createFolderStore } from "../objects/folder.ts";
import { openHub } from "../release/open-hub.ts";
import { sweepApps } from "../release/look-apps.ts";
import { pollDue, type LastPolled } from "../release/poll-sources.ts";
import { localSigner } from "../release/sign.ts";
import { createRenderer } from "../render/render.ts";
import { sweepRollouts } from "../rollout/tick-apps.ts";
import { createDb, type OnUnits } from "../store/db.ts";
import { localDynamoConfig, startDynoxide } from "./dynamo.ts";
import { startEvents } from "./events.ts";
import { joinApps, listen } from "./http.ts";
import { loadKeys } from "./keys.ts";
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
  const { dataDir, log } = options;
  const times = { ...TIMES, ...options.times };
  await mkdir(dataDir, { recursive: true });
  const keys = await loadKeys(dataDir);
  const engine =
    options.dynamoEndpoint === undefined
      ? await startDynoxide({ dataFile: join(dataDir, "table.db") })
      : undefined;
  const dynamoEndpoint = options.dynamoEndpoint ?? engine?.endpoint ?? "";
  const config = localDynamoConfig(dynamoEndpoint);
  const client = new DynamoDBClient(config);
  const streamArn = await ensureTable(client, TABLE);
  const document = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  const db = createDb(document, TABLE, options.onUnits);
  const deps = { db, objects: createFolderStore({ root: join(dataDir, "objects") }), now: () => Date.now() };
  const renderer = createRenderer({ wasmFile: options.wasmFile });
  const release = { ...deps, renderer, signer: await localSigner(keys.signing) };

  // The URL stands in tokens and in the charter, so the port comes first and the apps are joined behind it.
  const late: { fetch: ReturnType<typeof joinApps>["fetch"] } = {
    fetch: () => new Response(null, { status: 503 }),
  };
  const http = await listen(
    { fetch: (request: Request) => late.fetch(request) } as ReturnType<typeof joinApps>,
    options.port,
  );
  const url = `http://127.0.0.1:${http.port}`;
  const hub = await openHub(db, { ...keys, url, newEpoch: options.newEpoch ?? false });
  const people = buildApp({ ...deps, log, tokenSha256: sha256(keys.apiToken), hubUrl: url });
  late.fetch = joinApps(buildAgentApp({ ...deps, log }), people).fetch;

  const streams = new DynamoDBStreamsClient(config);
  const events = startEvents({
    streams,
    streamArn,
    checkpointFile: join(dataDir, "stream.json"),
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

  const stop = async (): Promise<void> => {
    await http.close();
    await schedule.stop();
    await events.stop();
    await renderer.close();
    client.destroy();
    streams.destroy();
    await engine?.stop();
  };
  return { url, apiToken: keys.apiToken, hub: hub.hub, dynamoEndpoint, table: TABLE, stop };
}
