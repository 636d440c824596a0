/**
 * What an agent is made of. Everything that touches the world comes in as an argument, so many agents run in
 * one process (a simulated fleet) and an outage in a test lasts milliseconds.
 */
import { HEARTBEAT_MS, KEY_AGE_MS, UNCONDITIONAL_FETCH_MS } from "#core/limits.ts";
import type { HubRequest, HubResponse } from "./hub-fetch.ts";
import type { Kube } from "./kube/port.ts";
import type { Within } from "./watch/live.ts";

export interface AgentDeps {
  kube: Kube;
  /** The transport to the hub. */
  fetch: (url: string, init: HubRequest) => Promise<HubResponse>;
  /** Milliseconds since 1970. */
  clock: () => number;
  /** Resolves after `ms`, or as soon as `signal` aborts; never rejects. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** 0 up to 1, for jitter only. */
  random: () => number;
  log: (entry: LogEntry) => void;
  /** Needed until the cluster is registered; after that the cluster's own Secret says who it is. */
  token: string | undefined;
  options: AgentOptions;
}

export interface LogEntry {
  level: "info" | "warn" | "error";
  message: string;
  app?: string;
}

export interface AgentOptions {
  heartbeatMs: number;
  /** The net under the watches: every kind is listed and every App compared once more, give or take, this often. */
  driftEveryMs: number;
  /** A pass that failed for good is tried again this often. */
  retryEveryMs: number;
  /** Changes that come together are looked at together. */
  stirSettleMs: number;
  /** Of a healthy App, what changed its status is looked at no more often than this. */
  healthEveryMs: number;
  /** A watch is renewed after this long, or up to twice as long. */
  watchForMs: number;
  /** `namespaces`: a kind is watched in each namespace where an App holds one, not in the whole cluster. */
  watchWithin: Within;
  /** A kind that may not be watched is tried again this often. */
  unwatchedRetryMs: number;
  unconditionalFetchMs: number;
  /** Age at which its key is replaced, give or take a tenth. */
  rotateEveryMs: number;
  /** The shortest wait between two polls, whatever the hub names. */
  pollMinMs: number;
  /** First wait after an error; doubled up to `backoffMaxMs`. */
  backoffMinMs: number;
  backoffMaxMs: number;
  /** First wait before objects that are not healthy yet are looked at again; grows to `observeMaxMs`. */
  observeMinMs: number;
  observeMaxMs: number;
  /** How long one pass waits for a CustomResourceDefinition to be established. */
  establishMs: number;
  /** The API server is asked for what it serves this often, */
  apisEveryMs: number;
  /** and this long after a definition was applied. */
  apisSettleMs: number;
  /** The cluster's own "not now" is looked at this often. */
  holdEveryMs: number;
  /** Whether each App's placement is shown in the cluster, */
  placements: boolean;
  /** and how often at most. */
  placementsEveryMs: number;
  /** What the pods of a workload say is read no more often than this. */
  podsEveryMs: number;
  /** While an App stands, the checks of its stage's gates are answered this often. */
  checksEveryMs: number;
  requestTimeoutMs: number;
  /** How long a stop waits for requests under way before it leaves them behind. */
  stopGraceMs: number;
  appsAtOnceMax: number;
  objectsAtOnceMax: number;
}

export const AGENT_OPTIONS: AgentOptions = {
  heartbeatMs: HEARTBEAT_MS,
  driftEveryMs: 60 * 60_000,
  retryEveryMs: 60_000,
  stirSettleMs: 40,
  healthEveryMs: 60_000,
  watchForMs: 5 * 60_000,
  watchWithin: "cluster",
  unwatchedRetryMs: 10 * 60_000,
  unconditionalFetchMs: UNCONDITIONAL_FETCH_MS,
  rotateEveryMs: KEY_AGE_MS,
  pollMinMs: 500,
  backoffMinMs: 1_000,
  backoffMaxMs: 60_000,
  observeMinMs: 1_000,
  observeMaxMs: 10_000,
  establishMs: 30_000,
  apisEveryMs: 10 * 60_000,
  apisSettleMs: 10_000,
  holdEveryMs: 60_000,
  placements: false,
  placementsEveryMs: 2_000,
  podsEveryMs: 3_000,
  checksEveryMs: 15_000,
  requestTimeoutMs: 30_000,
  stopGraceMs: 5_000,
  appsAtOnceMax: 4,
  objectsAtOnceMax: 4,
};

export const AGENT_VERSION = "fairlead-agent/0.1.0";
