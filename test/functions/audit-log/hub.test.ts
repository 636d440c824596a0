/** The audit log of a whole local hub: what people do over HTTP is in it a moment later, whatever happens to the hub. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditRecord } from "#core/audit-record.ts";
import { auditPageSchema, manifestsSchema } from "#core/audit-view.ts";
import { makeBundle } from "#core/bundle.ts";
import { fingerprintOf } from "#core/charter.ts";
import { ensureTool } from "../../../cli/dev/tools.ts";
import { run } from "../../../cli/main.ts";
import { localDynamoConfig } from "../../../functions/local/dynamo.ts";
import { startHub, type LocalHub } from "../../../functions/local/hub.ts";
import { createFolderStore } from "../../../functions/objects/folder.ts";
import { putBundle } from "../../../functions/release/content.ts";
import { makePrivateKey, publicHalf } from "../../../functions/release/sign.ts";
import { registerKey, revokeKey, rotateKey } from "../../../functions/store/agent-key.ts";
import { createDb, type Db } from "../../../functions/store/db.ts";
import { assign } from "../../../functions/store/placement.ts";
import { keys } from "../../../functions/store/table.ts";
import { until } from "../../support/wait.ts";

const DEFAULT = "/v1/projects/default";
let folder: string;
let wasmFile: string;
let hub: LocalHub;
let client: DynamoDBClient;
let db: Db;

async function open(): Promise<void> {
  hub = await startHub({ dataDir: join(folder, "hub"), port: 0, wasmFile, log: () => undefined });
  client = new DynamoDBClient(localDynamoConfig(hub.dynamoEndpoint));
  db = createDb(DynamoDBDocumentClient.from(client), hub.table);
}
async function close(): Promise<void> {
  client?.destroy();
  await hub?.stop();
}
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-hub-log-"));
  wasmFile = join(await ensureTool("render-engine"), "engine.wasm");
  await open();
}, 900_000);
afterAll(async () => {
  await close();
  await rm(folder, { recursive: true, force: true });
});

async function call(method: string, path: string, body?: unknown, reason?: string): Promise<Response> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${hub.apiToken}`,
    "content-type": "application/json",
  };
  if (reason !== undefined) headers["fairlead-reason"] = reason;
  const answer = await fetch(`${hub.url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}
const apply = (resource: object, reason?: string) =>
  call("POST", "/v1/apply", { resources: [{ apiVersion: "fairlead.dev/v1", ...resource }] }, reason);
const records = async (query: string): Promise<AuditRecord[]> =>
  auditPageSchema.parse(await (await call("GET", `${DEFAULT}/audit?${query}`)).json()).items;
/** Once the stream has brought so many of them. */
const arrived = (query: string, count: number) =>
  until(`${count} records of ${query}`, async () => {
    const found = await records(query);
    return found.length === count && found;
  });
async function fairlead(...argv: string[]) {
  let [out, err] = ["", ""];
  const code = await run(argv, {
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: { FAIRLEAD_SERVER: hub.url, FAIRLEAD_API_TOKEN: hub.apiToken },
    fetch: (url, init) => fetch(url, init),
    cwd: folder,
    isTTY: false,
    sleep: () => Promise.resolve(),
    now: Date.now,
  });
  return { code, out, err };
}

describe("the audit log of a hub", () => {
  const source = (url: string) => ({
    kind: "Source",
    metadata: { name: "fleet" },
    spec: { git: { url }, poll: "24h" },
  });

  it("tells an edit and a deletion with who, why, before and after", async () => {
    await apply(source("https://git.example.com/one.git"));
    await apply(source("https://git.example.com/two.git"), "the server has moved");
    await call("DELETE", `${DEFAULT}/sources/fleet`, undefined, "not needed");
    const [deleted, deleting, edited, created] = await arrived("noun=source", 4);
    const by = expect.stringMatching(/^token:fairlead\//);
    expect(created).toMatchObject({
      action: "created",
      version: 1,
      by,
      from: expect.stringContaining("127.0.0.1"),
    });
    expect(created?.after).toMatchObject({ spec: { git: { url: "https://git.example.com/one.git" } } });
    expect(edited).toMatchObject({
      action: "configured",
      version: 2,
      by,
      why: "the server has moved",
      changes: [
        {
          path: "/spec/git/url",
          before: '"https://git.example.com/one.git"',
          after: '"https://git.example.com/two.git"',
        },
      ],
    });
    expect(deleting).toMatchObject({ action: "deleting", version: 3, by, why: "not needed" });
    expect(deleted).toMatchObject({ action: "deleted", by, why: "not needed", before: { kind: "Source" } });
    expect(new Set([created, edited, deleting].map((one) => one?.request)).size).toBe(3);
  });

  it("tells what happens to an agent's key, by fingerprints", async () => {
    await apply({ kind: "Cluster", metadata: { name: "eu-1" } });
    const [first, second] = [publicHalf(await makePrivateKey()), publicHalf(await makePrivateKey())];
    const stamp = { by: "agent:default/eu-1" };
    await registerKey(db, "default", "eu-1", { key: first, revocations: 0, stamp, now: 1 });
    await rotateKey(db, "default", "eu-1", { by: first.x, next: second, stamp, now: 2 });
    await revokeKey(db, "default", "eu-1", { by: "user:ada@example.com", why: "stolen" }, 3);
    const found = await arrived("noun=key&name=eu-1", 3);
    expect(found.map(({ action, by, version }) => [version, action, by])).toEqual([
      [3, "revoked", "user:ada@example.com"],
      [2, "rotated", "agent:default/eu-1"],
      [1, "registered", "agent:default/eu-1"],
    ]);
    expect(found[1]?.changes).toContainEqual({
      path: "/key",
      before: JSON.stringify(fingerprintOf(first)),
      after: JSON.stringify(fingerprintOf(second)),
    });
  });

  it("tells what a cluster was given, from where the exact manifests come back", async () => {
    const bundle = makeBundle([{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" } }]);
    await putBundle(createFolderStore({ root: join(folder, "hub", "objects") }), bundle);
    const target = {
      cluster: "eu-1",
      action: "apply",
      order: "o",
      epoch: 1,
      generation: 1,
      release: 1,
      carried: false,
      statement: "s",
    } as const;
    const at = Date.now();
    await assign(
      db,
      "default",
      "shop",
      { ...target, bundle: { digest: bundle.digest, size: bundle.size } },
      at,
    );
    await arrived("noun=assignment&name=shop", 1);
    const url = `${DEFAULT}/clusters/eu-1/apps/shop/manifests?at=${at}`;
    expect(manifestsSchema.parse(await (await call("GET", url)).json())).toMatchObject({
      kind: "found",
      assigned: { release: 1, generation: 1, bundle: bundle.digest },
      objects: bundle.objects,
    });
    const printed = await fairlead("manifests", "shop", "eu-1");
    expect([printed.code, printed.out]).toEqual([0, expect.stringContaining("name: settings")]);
  });

  it("tells tokens that were made and revoked, never their hashes", async () => {
    const before = await records("noun=token");
    const made = await call("POST", `${DEFAULT}/tokens`, { name: "ci", role: "viewer" });
    const { id } = (await made.json()) as { id: string };
    await call("DELETE", `${DEFAULT}/tokens/${id}`, undefined, "leaked");
    const found = await arrived(`noun=token&name=${id}`, 3);
    expect(found.map(({ action }) => action)).toEqual(["deleted", "deleting", "created"]);
    expect(found[1]).toMatchObject({ why: "leaked" });
    expect(before).toEqual([]);
    expect(JSON.stringify(found)).not.toContain("digest");
  });

  it("goes on over a restart without a gap or a repeat, and its check finds nothing", async () => {
    await apply({ kind: "Cluster", metadata: { name: "eu-2" } });
    await close();
    await open();
    await apply({ kind: "Cluster", metadata: { name: "eu-2", labels: { tier: "web" } } }, "web as well");
    expect(await arrived("noun=cluster&name=eu-2", 2)).toMatchObject([{ version: 2 }, { version: 1 }]);
    for (const project of ["default", "fairlead"]) {
      const { code, out, err } = await fairlead("audit-log", "verify", "--project", project);
      expect([project, code, out]).toEqual([project, 0, ""]);
      expect(err).toContain("all as it was written");
    }
    const listed = await fairlead("audit-log", "--name", "eu-2");
    expect(listed.out).toMatch(/cluster eu-2 +configured .*web as well/);
  });

  it("ends the check with 1 after somebody wrote into the table", async () => {
    const item = await db.get(keys.cluster("default", "eu-2"), { consistent: true });
    await db.put({
      ...keys.cluster("default", "eu-2"),
      ...item,
      resource: { ...(item?.["resource"] as object), spec: { poll: "1h" } },
    });
    expect((await arrived("noun=cluster&name=eu-2", 3))[0]).toMatchObject({ by: "unknown", version: 2 });
    const { code, out } = await fairlead("audit-log", "verify");
    expect([code, out]).toEqual([1, expect.stringContaining("cluster/eu-2")]);
  });
});
