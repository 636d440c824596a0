/**
 * The one file that knows the table: every key and what is read by it. Project is in every key. No other file
 * writes `pk` or `sk`.
 *
 * | item            | pk                        | sk                 | read by
 * | hub             | hub                       | hub                | charter, registration
 * | project         | projects                  | name               | schedules: all projects
 * | source, app     | p#P                       | source#N, app#N    | one; all of a kind
 * | their states    | p#P                       | source-state#N …   | one; all of a kind
 * | cluster         | p#P#clusters#S            | name               | one; all, shard by shard
 * | heartbeat       | p#P#beats#S               | cluster            | one; all, shard by shard
 * | release         | p#P#a#A                   | release#NNNNNNNN   | one; newest first
 * | rollout         | p#P#a#A                   | rollout#NNNNNNNN   | one; newest first
 * | placement       | p#P#a#A#S                 | cluster            | many by name; all, shard by shard
 * | line            | p#P#c#C                   | line               | every poll: nothing else is
 * | assignment      | p#P#c#C                   | assign#A           | the agent's fetch, consistently
 * | detail          | p#P#c#C                   | detail#A           | one placement's drift and failures
 * | token           | token#SHA256              | token              | registration; expires by TTL
 * | drift audit     | p#P#drift-audits          | slot               | newest first
 */
import { sha256 } from "#core/digest.ts";

export interface Key {
  pk: string;
  sk: string;
}

/** One App on 100,000 clusters spreads over this many partitions. */
export const SHARDS = 8;

export function shardOf(cluster: string): number {
  return Number.parseInt(sha256(cluster).slice(0, 8), 16) % SHARDS;
}

const number = (n: number): string => String(n).padStart(8, "0");
const project = (p: string): string => `p#${p}`;
const appOf = (p: string, a: string): string => `${project(p)}#a#${a}`;
const clusterOf = (p: string, c: string): string => `${project(p)}#c#${c}`;

export const keys = {
  hub: (): Key => ({ pk: "hub", sk: "hub" }),
  project: (p: string): Key => ({ pk: "projects", sk: p }),
  source: (p: string, name: string): Key => ({ pk: project(p), sk: `source#${name}` }),
  sourceState: (p: string, name: string): Key => ({ pk: project(p), sk: `source-state#${name}` }),
  app: (p: string, name: string): Key => ({ pk: project(p), sk: `app#${name}` }),
  appState: (p: string, name: string): Key => ({ pk: project(p), sk: `app-state#${name}` }),
  cluster: (p: string, c: string): Key => ({ pk: `${project(p)}#clusters#${shardOf(c)}`, sk: c }),
  beat: (p: string, c: string): Key => ({ pk: `${project(p)}#beats#${shardOf(c)}`, sk: c }),
  release: (p: string, a: string, n: number): Key => ({ pk: appOf(p, a), sk: `release#${number(n)}` }),
  rollout: (p: string, a: string, n: number): Key => ({ pk: appOf(p, a), sk: `rollout#${number(n)}` }),
  placement: (p: string, a: string, c: string): Key => ({ pk: `${appOf(p, a)}#${shardOf(c)}`, sk: c }),
  line: (p: string, c: string): Key => ({ pk: clusterOf(p, c), sk: "line" }),
  assignment: (p: string, c: string, a: string): Key => ({ pk: clusterOf(p, c), sk: `assign#${a}` }),
  detail: (p: string, c: string, a: string): Key => ({ pk: clusterOf(p, c), sk: `detail#${a}` }),
  token: (digest: string): Key => ({ pk: `token#${digest}`, sk: "token" }),
  driftAudit: (p: string, slot: string): Key => ({ pk: `${project(p)}#drift-audits`, sk: slot }),
};

/** Partitions and sort-key prefixes that are listed. */
export const lists = {
  projects: () => [{ pk: "projects", prefix: "" }],
  sources: (p: string) => [{ pk: project(p), prefix: "source#" }],
  sourceStates: (p: string) => [{ pk: project(p), prefix: "source-state#" }],
  apps: (p: string) => [{ pk: project(p), prefix: "app#" }],
  appStates: (p: string) => [{ pk: project(p), prefix: "app-state#" }],
  clusters: (p: string) => sharded(`${project(p)}#clusters`),
  beats: (p: string) => sharded(`${project(p)}#beats`),
  placements: (p: string, a: string) => sharded(appOf(p, a)),
  releases: (p: string, a: string) => [{ pk: appOf(p, a), prefix: "release#" }],
  rollouts: (p: string, a: string) => [{ pk: appOf(p, a), prefix: "rollout#" }],
  assignments: (p: string, c: string) => [{ pk: clusterOf(p, c), prefix: "assign#" }],
  driftAudits: (p: string) => [{ pk: `${project(p)}#drift-audits`, prefix: "" }],
};

function sharded(pk: string): Partition[] {
  return Array.from({ length: SHARDS }, (_, shard) => ({ pk: `${pk}#${shard}`, prefix: "" }));
}

export interface Partition {
  pk: string;
  prefix: string;
}

export type ItemKind =
  | "source-state"
  | "source"
  | "app"
  | "cluster"
  | "line"
  | "release"
  | "rollout"
  | "placement"
  | "drift-audit";

/** What a stream record is about; the noun's own fields (project, app, cluster) stand in the item itself. */
export function kindOf({ pk, sk }: Key): ItemKind | undefined {
  if (sk.startsWith("source-state#")) return "source-state";
  if (sk.startsWith("source#")) return "source";
  if (sk.startsWith("app#")) return "app";
  if (sk.startsWith("release#")) return "release";
  if (sk.startsWith("rollout#")) return "rollout";
  if (sk === "line") return "line";
  if (/^p#[^#]+#clusters#\d+$/.test(pk)) return "cluster";
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
