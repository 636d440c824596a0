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
import { buildAgentApp } from "../api/agent.ts";
import { buildApp } from "../api/app.ts";
import type { Log } from "../api/errors.ts";
import { auditAll } from "../audit/drift-audit.ts";
import { createDenials, flushDenials, type Denials } from "../audit-log/denials.ts";
import { createSequencer } from "../audit-log/sequencer.ts";
import type { JudgeDeps } from "../gates/judge.ts";
import { collectGarbage } from "../gc/collect.ts";
import { makeBootstrapToken } from "../identity/bootstrap.ts";
import type { OidcConfig } from "../identity/oidc-config.ts";
import { Meter, metered, type Metered } from "../meter/meter.ts";
import { createFolderStore } from "../objects/folder.ts";
import { createOutbound } from "../outbound/client.ts";
import { createPlanner } from "../plan/in-process.ts";
import type { ReleaseDeps } from "../release/look.ts";
import { gapsOf, openHub } from "../release/open-hub.ts";
import type { SourceDeps } from "../release/poll-source.ts";
import { Poller } from "../release/poll-sources.ts";
import { localSigner } from "../release/sign.ts";
import { AppSweeper } from "../release/sweep-apps.ts";
import { forgetPromotions } from "../promotion/forget.ts";
import { sweepPromotions } from "../promotion/sweep.ts";
import { createRenderer, type Renderer } from "../render/render.ts";
import { sweepRollouts } from "../rollout/tick-apps.ts";
import { createFolderSecrets } from "../secrets/folder.ts";
import { createDb, type OnUnits } from "../store/db.ts";
import { charterOf } from "../store/hub.ts";
import { localDynamoConfig, startDynoxide } from "./dynamo.ts";
import { startEvents, type OnWork } from "./events.ts";
import { registerFirstToken } from "./first-token.ts";
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
  onWork?: OnWork;
  /** People's identity provider. */
  oidc?: OidcConfig | undefined;
}

export interface HubTimes {
  pollSourcesMs: number;
  sweepMs: number;
  auditMs: number;
  auditSlotMs: number;
  denialsMs: number;
  garbageMs: number;
  streamPollMs: number;
}

const TIMES: HubTimes = {
  pollSourcesMs: 1_000,
  sweepMs: 10_000,
  auditMs: 30_000,
  auditSlotMs: 5 * 60_000,
  denialsMs: 60_000,
  garbageMs: 24 * 60 * 60_000,
  streamPollMs: 50,
};
/** At each of so many sweeps all Apps are looked at, at the others those that are due. */
const SWEEPS_TO_ALL = 6;
/** One run of the garbage collection; the next goes on. */
const GARBAGE_MS_MAX = 10 * 60_000;
const TABLE = "fairlead";
/** As the smallest functions have: what this process would cost as one of them. */
const LOCAL_MB = 512;
const FIX =
  "sign one with fairlead hub move or fairlead hub rotate-signing-key, or put the key into keys/recovery.json";

export interface LocalHub {
  url: string;
  /** An admin's, kept with the hub's keys. */
  apiToken: string;
  /** Opens a browser session as the first admin, once, within an hour. */
  loginUrl: string;
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
  const meter = new Meter("local", LOCAL_MB);
  const table = await startTable(options, stops, meter);
  // The hub answers on loopback alone, so what it may ask there is its owner's anyway.
  const outbound = createOutbound({ allowLoopback: true });
  stops.push(() => outbound.close());
  const deps = {
    meter,
    outbound,
    db: table.db,
    objects: createFolderStore({ root: join(dataDir, "objects") }),
    secrets: createFolderSecrets({ root: join(dataDir, "secrets") }),
    now: () => Date.now(),
  };
  const renderer = toldOf(createRenderer({ wasmFile: options.wasmFile }), options.onWork);
  stops.push(() => renderer.close());
  const release = { ...deps, renderer, signer: await localSigner(keys.signing) };

  // The URL stands in tokens and in the charter, so the port comes first and the apps are put behind it.
  const late: { fetch: Hono["fetch"] } = { fetch: () => new Response(null, { status: 503 }) };
  const http = await listen((request, env) => late.fetch(request, env), options.port);
  stops.push(() => http.close());
  const url = `http://127.0.0.1:${http.port}`;
  const opened = await openHub(deps.db, { ...keys, url, newEpoch: options.newEpoch ?? false });
  const { hub } = opened;
  for (const gap of gapsOf(charterOf(opened), { url, signing: keys.signing }))
    log({
      level: "warn",
      message: `the charter does not name ${gap}, and the recovery key is not here`,
      fix: FIX,
    });
  await registerFirstToken(deps.db, keys.apiToken, deps.now());
  const denials = createDenials(deps.now);
  const planner = createPlanner({ ...deps, renderer });
  const people = buildApp({
    ...deps,
    planner,
    log,
    hubUrl: url,
    oidc: options.oidc,
    denials,
    longPoll: true,
  });
  late.fetch = joinApps(buildAgentApp({ ...deps, log }), people).fetch;
  startWork({ deps, release, denials, table, options, stops });
  const { token } = await makeBootstrapToken(deps.db, deps.now());
  const loginUrl = `${url}/login?bootstrap=${token}`;
  return { url, apiToken: keys.apiToken, loginUrl, hub, dynamoEndpoint: table.endpoint, table: TABLE };
}

/** The embedded engine, or the endpoint that was named; its table, and the clients of both. */
async function startTable(options: HubOptions, stops: Stop[], meter: Meter) {
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
  const onUnits: OnUnits = (operation, units) => {
    meter.onUnits(operation, units);
    options.onUnits?.(operation, units);
  };
  const document = DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
  return { endpoint, streams, streamArn, db: createDb(document, TABLE, onUnits) };
}

function toldOf(renderer: Renderer, onWork: OnWork | undefined): Renderer {
  return {
    ...renderer,
    render: (request) => {
      onWork?.("renders", 1);
      return renderer.render(request);
    },
  };
}

interface Work {
  deps: JudgeDeps & SourceDeps & Metered;
  release: ReleaseDeps;
  denials: Denials;
  table: Awaited<ReturnType<typeof startTable>>;
  options: HubOptions;
  stops: Stop[];
}

/** What no request asks for: events and schedules. */
function startWork({ deps, release, denials, table, options, stops }: Work): void {
  const { log } = options;
  const sequencer = createSequencer({ ...deps, log });
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
    sources: deps,
    promote: deps,
    sequencer,
    log,
    onWork: options.onWork,
  });
  const poller = new Poller(deps, ({ metadata: { project, name } }, error) =>
    log({ level: "error", job: "poll sources", project, source: name, error: String(error) }),
  );
  const apps = new AppSweeper({ allMs: SWEEPS_TO_ALL * times.sweepMs });
  const schedule = startSchedule(
    [
      { name: "poll sources", everyMs: times.pollSourcesMs, run: () => poller.round() },
      { name: "sweep apps", everyMs: times.sweepMs, run: () => apps.sweep(release) },
      { name: "sweep rollouts", everyMs: times.sweepMs, run: () => sweepRollouts(deps) },
      {
        name: "sweep promotions",
        everyMs: times.sweepMs,
        run: async () => {
          await sweepPromotions(deps, (where, error) =>
            log({ level: "error", job: "promote", ...where, error: String(error) }),
          );
          await forgetPromotions(deps.db);
        },
      },
      {
        name: "drift audit",
        everyMs: times.auditMs,
        run: () => auditAll({ ...deps, slotMs: times.auditSlotMs }),
      },
      {
        name: "collect garbage",
        everyMs: times.garbageMs,
        run: async () => {
          const found = await collectGarbage(deps, GARBAGE_MS_MAX);
          if (found.deleted > 0) log({ level: "info", job: "collect garbage", ...found });
        },
      },
      {
        name: "denials",
        everyMs: times.denialsMs,
        run: () => flushDenials({ db: deps.db, sequencer }, denials),
      },
    ].map((job) => ({ ...job, run: () => metered(deps, job.run) })),
    (job, error) => log({ level: "error", job: job.name, error: String(error) }),
  );
  stops.push(() => events.stop());
  stops.push(() => poller.stop());
  stops.push(() => schedule.stop());
}
