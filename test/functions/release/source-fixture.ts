/** What a look at a Source needs, and nothing else: a table, an object store, secrets, the outbound client, a clock to set. */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { hubStamp } from "#core/actor.ts";
import type { Credential } from "#core/credential.ts";
import { parseResource } from "#core/resource.ts";
import type { Source } from "#core/source.ts";
import { localDynamoConfig } from "../../../functions/local/dynamo.ts";
import { ensureTable } from "../../../functions/local/table.ts";
import { createFolderStore } from "../../../functions/objects/folder.ts";
import { createOutbound } from "../../../functions/outbound/client.ts";
import type { Planner } from "../../../functions/plan/port.ts";
import type { SourceDeps } from "../../../functions/release/poll-source.ts";
import { createFolderSecrets } from "../../../functions/secrets/folder.ts";
import { createDb } from "../../../functions/store/db.ts";
import { ensureProject, getResource, putResource } from "../../../functions/store/resource.ts";
import { startDynamo } from "../../support/dynamo.ts";
import { plainPlanner } from "../../support/plain-planner.ts";

export interface SourceParts extends SourceDeps {
  planner: Planner;
  /** The same hub, not allowed to speak to its own machine. */
  guarded: SourceDeps;
  setNow(now: number): void;
  /** Write operations since the last call. */
  writes(): string[];
  /** Applies the documents; the last one must be a Source and is given back. */
  apply(...documents: object[]): Promise<Source>;
  credential(project: string, name: string, credential: Credential): Promise<void>;
  stop(): Promise<void>;
}

export async function sourceParts(): Promise<SourceParts> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-source-"));
  const dynamo = await startDynamo();
  const client = new DynamoDBClient(localDynamoConfig(dynamo.endpoint));
  await ensureTable(client, "fairlead");
  let written: string[] = [];
  const db = createDb(DynamoDBDocumentClient.from(client), "fairlead", (operation) => {
    if (["put", "update", "delete", "transact"].includes(operation)) written.push(operation);
  });
  const open = createOutbound({ allowLoopback: true });
  const closed = createOutbound({ allowLoopback: false });
  let now = 1_800_000_000_000;
  const deps = {
    db,
    objects: createFolderStore({ root: join(folder, "objects") }),
    secrets: createFolderSecrets({ root: join(folder, "secrets") }),
    now: () => now,
  };
  return {
    ...deps,
    outbound: open,
    planner: plainPlanner(deps),
    guarded: { ...deps, outbound: closed },
    setNow: (to) => (now = to),
    writes: () => written.splice(0),
    apply: async (...documents) => {
      for (const document of documents) await put(db, document);
      const { metadata } = documents.at(-1) as { metadata: { name: string; project?: string } };
      const stored = await getResource(db, "Source", metadata.project ?? "default", metadata.name);
      if (stored === undefined) throw new Error("the last document is no Source");
      return stored.resource;
    },
    credential: (project, name, credential) => deps.secrets.put(project, name, JSON.stringify(credential)),
    stop: async () => {
      await Promise.all([open.close(), closed.close()]);
      client.destroy();
      await dynamo.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function put(db: SourceDeps["db"], document: object): Promise<void> {
  const parsed = parseResource("document", { apiVersion: "fairlead.dev/v1", ...document });
  if (parsed.kind === "refused") throw new Error(parsed.message);
  const { resource } = parsed;
  if (resource.kind !== "Project") await ensureProject(db, resource.metadata.project, hubStamp("test"));
  await putResource(db, resource, hubStamp("test"));
}

export const sourceOf = (url: string, spec: object = {}, metadata: object = {}) => ({
  kind: "Source",
  metadata: { name: "fleet", ...metadata },
  spec: { git: { url }, ...spec },
});

export const projectOf = (name: string, spec: object) => ({ kind: "Project", metadata: { name }, spec });

/** A server that is not Git's, and counts who connects. */
export async function listener(answer: RequestListener = (_request, response) => void response.end()) {
  let connections = 0;
  const server = createServer(answer).on("connection", () => (connections += 1));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    connections: () => connections,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
