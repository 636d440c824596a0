/** What the store's suites share: a table on an engine, items as the hub makes them, races of many at once. */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { hubStamp } from "#core/actor.ts";
import type { PublicKey } from "#core/charter.ts";
import type { PlacementReport } from "#core/protocol.ts";
import { releaseSchema, type Release, type Target } from "#core/release.ts";
import { resourceSchema, type Resource } from "#core/resource.ts";
import { UNMOVED, type Rollout } from "#core/rollout.ts";
import { localDynamoConfig, type DynamoEngine } from "../../functions/local/dynamo.ts";
import { ensureTable } from "../../functions/local/table.ts";
import { createDb, type Db, type Item } from "../../functions/store/db.ts";
import { putResource } from "../../functions/store/resource.ts";
import type { Key } from "../../functions/store/table.ts";
import { clientOf } from "../sim/engine/client.ts";
import { Engine } from "../sim/engine/engine.ts";

export interface StoreUnderTest {
  db: Db;
  /** The item as it stands, with what no reader tells. */
  raw(key: Key): Promise<Item | undefined>;
  /** Units by operation since the last call. */
  units(): Record<string, number>;
  /** Another, empty table on the same engine. */
  second(): Promise<Db>;
  stop(): Promise<void>;
}

/** What answers DynamoDB's requests: an endpoint, or an engine in this process. */
export type StoreEngine = DynamoEngine | Engine;

export async function openStore(start: () => Promise<StoreEngine>): Promise<StoreUnderTest> {
  const engine = await start();
  return engine instanceof Engine ? inProcess(engine) : onEndpoint(engine);
}

function inProcess(engine: Engine): StoreUnderTest {
  const counted = counter();
  const db = createDb(clientOf(engine), "fairlead", counted.count);
  return {
    db,
    raw: (key) => db.get(key, { consistent: true }),
    units: counted.units,
    second: async () => createDb(clientOf(engine), "second"),
    stop: async () => {},
  };
}

function counter() {
  let counted: Record<string, number> = {};
  return {
    count: (operation: string, units: number): void => {
      counted[operation] = (counted[operation] ?? 0) + units;
    },
    units: (): Record<string, number> => {
      const since = counted;
      counted = {};
      return since;
    },
  };
}

async function onEndpoint(engine: DynamoEngine): Promise<StoreUnderTest> {
  const client = new DynamoDBClient(localDynamoConfig(engine.endpoint));
  await ensureTable(client, "fairlead");
  const counted = counter();
  const marshallOptions = { removeUndefinedValues: true };
  const db = createDb(DynamoDBDocumentClient.from(client, { marshallOptions }), "fairlead", counted.count);
  return {
    db,
    second: async () => {
      await ensureTable(client, "second");
      return createDb(DynamoDBDocumentClient.from(client, { marshallOptions }), "second");
    },
    raw: (key) => db.get(key, { consistent: true }),
    units: counted.units,
    stop: async () => {
      client.destroy();
      await engine.stop();
    },
  };
}

export const stamp = hubStamp("test");
export const RACERS = 8;

/** How many of many at once had this outcome. */
export async function race<T>(act: (n: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: RACERS }, (_, n) => act(n)));
}
export const countOf = <T>(all: readonly T[], one: T): number => all.filter((each) => each === one).length;

let projects = 0;
/** No test sees what another one wrote. */
export const freshProject = (): string => `p${(projects += 1)}`;

export function resource(kind: string, project: string, name: string, spec: object = {}): Resource {
  const needed: Record<string, object> = {
    App: { source: "fleet", clusters: {} },
    Source: { git: { url: "https://git.example.com/fleet.git" } },
    Promotion: {
      from: { app: "shop" },
      to: { source: "fleet", path: "prod" },
      change: { copy: ["apps/**"] },
      host: { kind: "github" },
    },
    Policy: { validations: [{ expression: "true", message: "x" }] },
  };
  return resourceSchema.parse({
    apiVersion: "fairlead.dev/v1",
    kind,
    metadata: { name, ...(kind === "Project" ? {} : { project }) },
    spec: { ...needed[kind], ...spec },
  });
}

/** In its first version, as `release` says that it was made of. */
export async function putApp(db: Db, project: string): Promise<void> {
  await putResource(db, resource("App", project, "shop"), stamp);
}

export const publicKey = (letter: string): PublicKey => ({
  kty: "OKP",
  crv: "Ed25519",
  x: letter.repeat(43),
});

export function release(project: string, n: number, more: Partial<Release> = {}): Release {
  return releaseSchema.parse({
    project,
    app: "shop",
    release: n,
    epoch: 1,
    reason: "commit",
    commit: "c".repeat(40),
    author: "Ada",
    message: "words",
    tree: "t".repeat(64),
    appVersion: 1,
    inputs: "i".repeat(64),
    targets: "x".repeat(64),
    targetCount: 1,
    changed: 1,
    removed: 0,
    at: n,
    ...more,
  });
}

export function rollout(project: string, n: number): Rollout {
  return {
    ...UNMOVED,
    project,
    app: "shop",
    release: n,
    commit: "c".repeat(40),
    targets: "x".repeat(64),
    total: 1,
    stages: [{ name: "rest", from: 0, to: 1, maxUnavailable: 1 }],
    deadlineMs: 600_000,
    state: { kind: "running" },
    startedAt: n,
    version: 1,
  };
}

export function target(cluster: string, generation: number, more: Partial<Target> = {}): Target {
  return {
    cluster,
    action: "apply",
    order: "o",
    bundle: { digest: "b".repeat(64), size: 10 },
    epoch: 1,
    generation,
    release: generation,
    carried: false,
    statement: `signed ${generation}`,
    ...more,
  };
}

export function report(seq: number, more: Partial<PlacementReport> = {}): PlacementReport {
  return {
    app: "shop",
    seq,
    epoch: 1,
    generation: 1,
    release: 1,
    phase: "healthy",
    message: "",
    objects: 1,
    outcomes: {},
    failures: [],
    drift: [],
    driftTotal: 0,
    ...more,
  };
}
