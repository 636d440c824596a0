/**
 * The one file that knows the table: every key and what is read by it. Project is in every key. No other file
 * writes `pk` or `sk`.
 *
 * | item            | pk                        | sk                 | read by
 * | hub             | hub                       | hub                | charter, registration
 * | cursor key      | hub                       | cursor-key         | lists of more than one page
 * | project         | projects                  | name               | one; schedules: all projects
 * | past project    | past-projects             | name               | garbage collection: what a deleted project still names
 * | source, app …   | p#P                       | source#N, app#N    | one; all of a kind
 * | their states    | p#P                       | source-state#N …   | one; all of a kind
 * | fleet folder    | p#P                       | fleet-state#N      | with its Source
 * | chart           | p#P                       | chart-state#APP    | with its App, where it names one
 * | chart pin       | p#P                       | chart-pin#DIGEST   | what a version of a chart was first
 * | promotion state | p#P                       | promotion-state#N  | with its Promotion; all, at each sweep
 * | cluster         | p#P#clusters#S            | name               | one; all, shard by shard
 * | heartbeat       | p#P#beats#S               | cluster            | one; all, shard by shard
 * | served APIs     | p#P#served#S              | cluster            | one; all, shard by shard, at each look
 * | release         | p#P#a#A                   | release#NNNNNNNN   | one; newest first
 * | rollout         | p#P#a#A                   | rollout#NNNNNNNN   | one; newest first
 * | timeline        | p#P#a#A#timeline          | NNNNNNNN#NNNNNNNN  | one rollout's, in order
 * | scan            | p#P#a#A#scans             | NNNNNNNN#SHA256    | one release's images
 * | placement       | p#P#a#A#S                 | cluster            | many by name; all, shard by shard
 * | line            | p#P#c#C                   | line               | every poll: nothing else is
 * | agent identity  | p#P#c#C                   | identity           | one cluster's view; what was done to its key
 * | hold            | p#P#c#C                   | hold               | who changes it; the heartbeat carries what it says
 * | assignment      | p#P#c#C                   | assign#A           | the agent's fetch, consistently
 * | detail          | p#P#c#C                   | detail#A           | one placement's drift and failures
 * | token           | token#SHA256              | token              | registration; expires by TTL
 * | session         | session#SHA256            | session            | a browser's requests; TTL
 * | bootstrap       | bootstrap#SHA256          | bootstrap          | the first admin, once; TTL
 * | API token       | api-token#SHA256          | api-token          | requests with it; TTL
 * | API token entry | p#P#api-tokens            | id                 | the list of a project; TTL
 * | credential      | p#P                       | credential#N       | names only, the value is elsewhere
 * | hook delivery   | delivery#SHA256           | delivery           | a webhook's replay; TTL
 * | nudge           | p#P                       | nudge#SOURCE       | "look at this source", from a webhook
 * | log batch       | p#P#log                   | batch#NNNNNNNNNNNN | the audit log, newest first
 * | log cursor      | p#P#log                   | cursor#DIGEST      | the version of an item that is in the log
 * | drift audit     | p#P#drift-audits          | slot               | newest first
 * | meter           | meter#YYYY-MM-DD          | function           | a day's counts of all functions; TTL
 */
import { sha256 } from "#core/digest.ts";

export interface Key {
  pk: string;
  sk: string;
}

/** Clusters and their heartbeats: 100,000 clusters beat 42 times a second in each. Every look at an App lists them. */
export const SHARDS = 8;
/** One App's placements. Why 16, and what it costs: `docs/decisions/014-shards-of-placements.md`. */
export const PLACEMENT_SHARDS = 16;

export function shardOf(cluster: string, shards: number = SHARDS): number {
  return Number.parseInt(sha256(cluster).slice(0, 8), 16) % shards;
}

const number = (n: number): string => String(n).padStart(8, "0");
const project = (p: string): string => `p#${p}`;
const appOf = (p: string, a: string): string => `${project(p)}#a#${a}`;
const clusterOf = (p: string, c: string): string => `${project(p)}#c#${c}`;

export const keys = {
  hub: (): Key => ({ pk: "hub", sk: "hub" }),
  cursorKey: (): Key => ({ pk: "hub", sk: "cursor-key" }),
  project: (p: string): Key => ({ pk: "projects", sk: p }),
  pastProject: (p: string): Key => ({ pk: "past-projects", sk: p }),
  source: (p: string, name: string): Key => ({ pk: project(p), sk: `source#${name}` }),
  sourceState: (p: string, name: string): Key => ({ pk: project(p), sk: `source-state#${name}` }),
  fleetState: (p: string, name: string): Key => ({ pk: project(p), sk: `fleet-state#${name}` }),
  chartState: (p: string, a: string): Key => ({ pk: project(p), sk: `chart-state#${a}` }),
  chartPin: (p: string, digest: string): Key => ({ pk: project(p), sk: `chart-pin#${digest}` }),
  app: (p: string, name: string): Key => ({ pk: project(p), sk: `app#${name}` }),
  appState: (p: string, name: string): Key => ({ pk: project(p), sk: `app-state#${name}` }),
  cluster: (p: string, c: string): Key => ({ pk: `${project(p)}#clusters#${shardOf(c)}`, sk: c }),
  beat: (p: string, c: string): Key => ({ pk: `${project(p)}#beats#${shardOf(c)}`, sk: c }),
  served: (p: string, c: string): Key => ({ pk: `${project(p)}#served#${shardOf(c)}`, sk: c }),
  release: (p: string, a: string, n: number): Key => ({ pk: appOf(p, a), sk: `release#${number(n)}` }),
  rollout: (p: string, a: string, n: number): Key => ({ pk: appOf(p, a), sk: `rollout#${number(n)}` }),
  timeline: (p: string, a: string, n: number, version: number): Key => ({
    pk: `${appOf(p, a)}#timeline`,
    sk: `${number(n)}#${number(version)}`,
  }),
  scan: (p: string, a: string, n: number, digest: string): Key => ({
    pk: `${appOf(p, a)}#scans`,
    sk: `${number(n)}#${digest}`,
  }),
  placement: (p: string, a: string, c: string): Key => ({
    pk: `${appOf(p, a)}#${shardOf(c, PLACEMENT_SHARDS)}`,
    sk: c,
  }),
  line: (p: string, c: string): Key => ({ pk: clusterOf(p, c), sk: "line" }),
  identity: (p: string, c: string): Key => ({ pk: clusterOf(p, c), sk: "identity" }),
  hold: (p: string, c: string): Key => ({ pk: clusterOf(p, c), sk: "hold" }),
  assignment: (p: string, c: string, a: string): Key => ({ pk: clusterOf(p, c), sk: `assign#${a}` }),
  detail: (p: string, c: string, a: string): Key => ({ pk: clusterOf(p, c), sk: `detail#${a}` }),
  token: (digest: string): Key => ({ pk: `token#${digest}`, sk: "token" }),
  driftAudit: (p: string, slot: string): Key => ({ pk: `${project(p)}#drift-audits`, sk: slot }),
  policy: (p: string, name: string): Key => ({ pk: project(p), sk: `policy#${name}` }),
  promotion: (p: string, name: string): Key => ({ pk: project(p), sk: `promotion#${name}` }),
  promotionState: (p: string, name: string): Key => ({ pk: project(p), sk: `promotion-state#${name}` }),
  credential: (p: string, name: string): Key => ({ pk: project(p), sk: `credential#${name}` }),
  nudge: (p: string, source: string): Key => ({ pk: project(p), sk: `nudge#${source}` }),
  session: (digest: string): Key => ({ pk: `session#${digest}`, sk: "session" }),
  bootstrap: (digest: string): Key => ({ pk: `bootstrap#${digest}`, sk: "bootstrap" }),
  apiToken: (digest: string): Key => ({ pk: `api-token#${digest}`, sk: "api-token" }),
  apiTokenEntry: (p: string, id: string): Key => ({ pk: `${project(p)}#api-tokens`, sk: id }),
  delivery: (digest: string): Key => ({ pk: `delivery#${digest}`, sk: "delivery" }),
  meter: (day: string, name: string): Key => ({ pk: `meter#${day}`, sk: name }),
  logBatch: (p: string, n: number): Key => ({
    pk: `${project(p)}#log`,
    sk: `batch#${String(n).padStart(12, "0")}`,
  }),
  logCursor: (p: string, digest: string): Key => ({ pk: `${project(p)}#log`, sk: `cursor#${digest}` }),
};

/** Partitions and sort-key prefixes that are listed. */
export const lists = {
  projects: () => [{ pk: "projects", prefix: "" }],
  pastProjects: () => [{ pk: "past-projects", prefix: "" }],
  sources: (p: string) => [{ pk: project(p), prefix: "source#" }],
  sourceStates: (p: string) => [{ pk: project(p), prefix: "source-state#" }],
  fleetStates: (p: string) => [{ pk: project(p), prefix: "fleet-state#" }],
  apps: (p: string) => [{ pk: project(p), prefix: "app#" }],
  appStates: (p: string) => [{ pk: project(p), prefix: "app-state#" }],
  chartStates: (p: string) => [{ pk: project(p), prefix: "chart-state#" }],
  clusters: (p: string) => sharded(`${project(p)}#clusters`, SHARDS),
  beats: (p: string) => sharded(`${project(p)}#beats`, SHARDS),
  served: (p: string) => sharded(`${project(p)}#served`, SHARDS),
  placements: (p: string, a: string) => sharded(appOf(p, a), PLACEMENT_SHARDS),
  releases: (p: string, a: string) => [{ pk: appOf(p, a), prefix: "release#" }],
  rollouts: (p: string, a: string) => [{ pk: appOf(p, a), prefix: "rollout#" }],
  timeline: (p: string, a: string, n: number) => [{ pk: `${appOf(p, a)}#timeline`, prefix: `${number(n)}#` }],
  scans: (p: string, a: string, n: number) => [{ pk: `${appOf(p, a)}#scans`, prefix: `${number(n)}#` }],
  assignments: (p: string, c: string) => [{ pk: clusterOf(p, c), prefix: "assign#" }],
  driftAudits: (p: string) => [{ pk: `${project(p)}#drift-audits`, prefix: "" }],
  policies: (p: string) => [{ pk: project(p), prefix: "policy#" }],
  promotions: (p: string) => [{ pk: project(p), prefix: "promotion#" }],
  promotionStates: (p: string) => [{ pk: project(p), prefix: "promotion-state#" }],
  credentials: (p: string) => [{ pk: project(p), prefix: "credential#" }],
  nudges: (p: string) => [{ pk: project(p), prefix: "nudge#" }],
  apiTokens: (p: string) => [{ pk: `${project(p)}#api-tokens`, prefix: "" }],
  meter: (day: string) => [{ pk: `meter#${day}`, prefix: "" }],
  logBatches: (p: string) => [{ pk: `${project(p)}#log`, prefix: "batch#" }],
};

function sharded(pk: string, shards: number): Partition[] {
  return Array.from({ length: shards }, (_, shard) => ({ pk: `${pk}#${shard}`, prefix: "" }));
}

export interface Partition {
  pk: string;
  prefix: string;
}

export type ItemKind =
  | "project"
  | "policy"
  | "promotion"
  | "promotion-state"
  | "credential"
  | "nudge"
  | "api-token"
  | "hub"
  | "source-state"
  | "source"
  | "app"
  | "cluster"
  | "served"
  | "line"
  | "identity"
  | "hold"
  | "release"
  | "rollout"
  | "placement"
  | "drift-audit";

/** What a stream record is about; the noun's own fields (project, app, cluster) stand in the item itself. */
export function kindOf({ pk, sk }: Key): ItemKind | undefined {
  if (pk === "projects") return "project";
  // A name alone is the sort key there, and it could be any word below.
  if (pk === "past-projects") return undefined;
  if (pk.startsWith("meter#")) return undefined;
  if (pk === "hub" && sk === "hub") return "hub";
  if (sk.startsWith("policy#")) return "policy";
  if (sk.startsWith("promotion#")) return "promotion";
  if (sk.startsWith("promotion-state#")) return "promotion-state";
  if (sk.startsWith("credential#")) return "credential";
  if (sk.startsWith("nudge#")) return "nudge";
  if (/^p#[^#]+#api-tokens$/.test(pk)) return "api-token";
  if (sk.startsWith("source-state#")) return "source-state";
  if (sk.startsWith("source#")) return "source";
  if (sk.startsWith("app#")) return "app";
  if (sk.startsWith("release#")) return "release";
  if (sk.startsWith("rollout#")) return "rollout";
  if (sk === "line") return "line";
  if (sk === "identity") return "identity";
  // A cluster of that name is another item.
  if (sk === "hold" && /^p#[^#]+#c#[^#]+$/.test(pk)) return "hold";
  if (/^p#[^#]+#clusters#\d+$/.test(pk)) return "cluster";
  if (/^p#[^#]+#served#\d+$/.test(pk)) return "served";
  if (/^p#[^#]+#a#[^#]+#\d+$/.test(pk)) return "placement";
  if (pk.endsWith("#drift-audits")) return "drift-audit";
  return undefined;
}

/** For `CreateTable`, locally and in tests; `infra/table.ts` says the same to SST. */
export function tableDefinition(name: string) {
  return {
    TableName: name,
    BillingMode: "PAY_PER_REQUEST" as const,
    AttributeDefinitions: [
      { AttributeName: "pk", AttributeType: "S" as const },
      { AttributeName: "sk", AttributeType: "S" as const },
    ],
    KeySchema: [
      { AttributeName: "pk", KeyType: "HASH" as const },
      { AttributeName: "sk", KeyType: "RANGE" as const },
    ],
    StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" as const },
  };
}
