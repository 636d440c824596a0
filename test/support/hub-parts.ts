/** The hub's parts without HTTP, stream and bus: table on a given engine, object store, renderer, signer, a clock to set. */
import { hubStamp } from "#core/actor.ts";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { parseResource } from "#core/resource.ts";
import { ensureTool } from "../../cli/dev/tools.ts";
import { localDynamoConfig } from "../../functions/local/dynamo.ts";
import { ensureTable } from "../../functions/local/table.ts";
import { createFolderStore } from "../../functions/objects/folder.ts";
import { createOutbound } from "../../functions/outbound/client.ts";
import type { Outbound } from "../../functions/outbound/port.ts";
import { createPlanner } from "../../functions/plan/in-process.ts";
import type { Planner } from "../../functions/plan/port.ts";
import type { ReleaseDeps } from "../../functions/release/look.ts";
import { putTree } from "../../functions/release/content.ts";
import { openHub } from "../../functions/release/open-hub.ts";
import { localSigner, makePrivateKey } from "../../functions/release/sign.ts";
import { createRenderer } from "../../functions/render/render.ts";
import { createFolderSecrets } from "../../functions/secrets/folder.ts";
import type { SecretStore } from "../../functions/secrets/port.ts";
import { createDb } from "../../functions/store/db.ts";
import { ensureProject, putResource } from "../../functions/store/resource.ts";
import { putSourceState } from "../../functions/store/state.ts";
import { startDynamo, type EngineUnderTest } from "./dynamo.ts";
import { plainPlanner } from "./plain-planner.ts";

export interface HubParts extends ReleaseDeps {
  outbound: Outbound;
  secrets: SecretStore;
  planner: Planner;
  objectsFolder: string;
  /** Units by operation since the last call. */
  units(): Record<string, number>;
  /** Calls of the table since the last call. */
  calls(): number;
  setNow(now: number): void;
  apply(...resources: object[]): Promise<void>;
  /** As if Git had been read: a commit with these files. */
  commit(commit: string, files: Record<string, string>): Promise<void>;
  stop(): Promise<void>;
}

/** Without what renders: it is built from source first, and most tests never ask for it. */
export type PlainParts = Omit<HubParts, "renderer">;

export async function hubParts(engine?: Pick<EngineUnderTest, "start">): Promise<HubParts> {
  const wasmFile = join(await ensureTool("render-engine"), "engine.wasm");
  const parts = await plainParts(engine);
  const renderer = createRenderer({ wasmFile, workers: 1 });
  return {
    ...parts,
    renderer,
    planner: createPlanner({ ...parts, renderer }),
    stop: async () => {
      await renderer.close();
      await parts.stop();
    },
  };
}

export async function plainParts(
  engine: Pick<EngineUnderTest, "start"> = { start: startDynamo },
): Promise<PlainParts> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-hub-"));
  const dynamo = await engine.start();
  const client = new DynamoDBClient(localDynamoConfig(dynamo.endpoint));
  await ensureTable(client, "fairlead");
  let counted: Record<string, number> = {};
  let calls = 0;
  const db = createDb(DynamoDBDocumentClient.from(client), "fairlead", (operation, units) => {
    counted[operation] = (counted[operation] ?? 0) + units;
    calls += 1;
  });
  let now = 1_800_000_000_000;
  const objects = createFolderStore({ root: join(folder, "objects"), now: () => now });
  const signing = await makePrivateKey();
  await openHub(db, {
    hub: "hub-test",
    recovery: await makePrivateKey(),
    signing,
    url: "http://127.0.0.1:1",
    newEpoch: false,
  });
  const outbound = createOutbound({ allowLoopback: true });
  const planner = plainPlanner({ db, objects, now: () => now });
  return {
    db,
    objects,
    objectsFolder: join(folder, "objects"),
    outbound,
    secrets: createFolderSecrets({ root: join(folder, "secrets") }),
    signer: await localSigner(signing),
    now: () => now,
    planner,
    setNow: (to) => {
      now = to;
    },
    calls: () => {
      const since = calls;
      calls = 0;
      return since;
    },
    units: () => {
      const since = counted;
      counted = {};
      return since;
    },
    apply: async (...resources) => {
      for (const resource of resources) {
        const parsed = parseResource("document", { apiVersion: "fairlead.dev/v1", ...resource });
        if (parsed.kind === "refused") throw new Error(parsed.message);
        await ensureProject(db, parsed.resource.metadata.project, hubStamp("test"));
        await putResource(db, parsed.resource, hubStamp("test"));
      }
    },
    commit: async (commit, files) => {
      const bytes = new Map(
        Object.entries(files).map(([path, text]) => [path, new TextEncoder().encode(text)]),
      );
      const tree = await putTree(objects, bytes);
      await putSourceState(db, "default", "fleet", {
        kind: "read",
        commit,
        author: "Ada",
        email: "a@example.com",
        message: `commit ${commit}`,
        committedAt: 1,
        tree,
        at: now,
      });
    },
    stop: async () => {
      await planner.close();
      await outbound.close();
      client.destroy();
      await dynamo.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export const source = {
  kind: "Source",
  metadata: { name: "fleet" },
  spec: { git: { url: "https://git.example.com/fleet.git" } },
};
export const app = (spec: object = {}) => ({
  kind: "App",
  metadata: { name: "shop" },
  spec: { source: "fleet", path: "apps", clusters: {}, ...spec },
});
export const cluster = (name: string, labels: Record<string, string> = {}) => ({
  kind: "Cluster",
  metadata: { name, labels },
});
export const configMaps = (...names: string[]) => ({
  "apps/all.yaml": names
    .map((name) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n`)
    .join("---\n"),
});
