/**
 * People's API on a real socket, over a table on a real engine and nothing that renders: for tests that need a browser,
 * a provider or the CLI. The clock runs, and can be moved.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { hubStamp } from "#core/actor.ts";
import { parseResource } from "#core/resource.ts";
import { buildApp } from "../../functions/api/app.ts";
import type { OidcConfig } from "../../functions/identity/oidc-config.ts";
import { localDynamoConfig } from "../../functions/local/dynamo.ts";
import { listen } from "../../functions/local/http.ts";
import { ensureTable } from "../../functions/local/table.ts";
import { createFolderStore } from "../../functions/objects/folder.ts";
import { createOutbound } from "../../functions/outbound/client.ts";
import { openHub } from "../../functions/release/open-hub.ts";
import { makePrivateKey } from "../../functions/release/sign.ts";
import { createFolderSecrets } from "../../functions/secrets/folder.ts";
import { createDb, type Db } from "../../functions/store/db.ts";
import { ensureProject, putResource } from "../../functions/store/resource.ts";
import { startDynamo } from "./dynamo.ts";
import { plainPlanner } from "./plain-planner.ts";

export interface PeopleHub {
  url: string;
  db: Db;
  now: () => number;
  /** Moves the hub's clock, and nobody else's. */
  advance(ms: number): void;
  logged: Record<string, unknown>[];
  /** Operations that wrote since the last call. */
  writes(): string[];
  /** Names people's provider, or takes it away. */
  configure(oidc: OidcConfig | undefined): void;
  apply(...resources: object[]): Promise<void>;
  /** A Project with these roles. */
  project(name: string, roles: readonly object[], spec?: object): Promise<void>;
  stop(): Promise<void>;
}

const READS = new Set(["get", "query", "batch-get"]);
/** More than any test asks for: these tests are about who asks, not how often. */
const OFTEN = { perSecond: 10_000, burst: 100_000 };
const LIMITS = { reads: OFTEN, writes: OFTEN };

export async function startPeopleHub(): Promise<PeopleHub> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-people-"));
  const dynamo = await startDynamo();
  const client = new DynamoDBClient(localDynamoConfig(dynamo.endpoint));
  await ensureTable(client, "fairlead");
  const operations: string[] = [];
  const db = createDb(DynamoDBDocumentClient.from(client), "fairlead", (operation) => {
    operations.push(operation);
  });
  const outbound = createOutbound({ allowLoopback: true });
  const late: { fetch: ReturnType<typeof buildApp>["fetch"] } = {
    fetch: () => new Response(null, { status: 503 }),
  };
  const http = await listen((request, env) => late.fetch(request, env), 0);
  const url = `http://127.0.0.1:${http.port}`;
  const [recovery, signing] = [await makePrivateKey(), await makePrivateKey()];
  await openHub(db, { hub: "hub-test", recovery, signing, url, newEpoch: false });
  let offset = 0;
  const logged: Record<string, unknown>[] = [];
  const deps = {
    db,
    objects: createFolderStore({ root: join(folder, "objects") }),
    secrets: createFolderSecrets({ root: join(folder, "secrets") }),
    outbound,
    now: () => Date.now() + offset,
    log: (entry: object) => void logged.push({ ...entry }),
    hubUrl: url,
    limits: LIMITS,
  };
  const apply: PeopleHub["apply"] = async (...resources) => {
    for (const resource of resources) {
      const parsed = parseResource("document", { apiVersion: "fairlead.dev/v1", ...resource });
      if (parsed.kind === "refused") throw new Error(parsed.message);
      await ensureProject(db, parsed.resource.metadata.project, hubStamp("test"));
      await putResource(db, parsed.resource, hubStamp("test"));
    }
  };
  const configure: PeopleHub["configure"] = (oidc) => {
    late.fetch = buildApp({ ...deps, planner: plainPlanner(deps), oidc }).fetch;
  };
  configure(undefined);
  return {
    url,
    db,
    now: deps.now,
    advance: (ms) => {
      offset += ms;
    },
    logged,
    writes: () => operations.splice(0).filter((operation) => !READS.has(operation)),
    configure,
    apply,
    project: (name, roles, spec = {}) =>
      apply({ kind: "Project", metadata: { name }, spec: { roles, ...spec } }),
    stop: async () => {
      await http.close();
      await outbound.close();
      client.destroy();
      await dynamo.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
