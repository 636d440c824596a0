/** `fairlead hub open` as the program that it is, on an empty table of a real engine. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fingerprintOf, type PublicKey } from "#core/charter.ts";
import { localDynamoConfig, type DynamoEngine } from "../../../functions/local/dynamo.ts";
import { ensureTable } from "../../../functions/local/table.ts";
import { bootstrapSession } from "../../../functions/identity/bootstrap.ts";
import { createDb } from "../../../functions/store/db.ts";
import { charterOf, getHub } from "../../../functions/store/hub.ts";
import { listProjects } from "../../../functions/store/resource.ts";
import { startDynamo } from "../../support/dynamo.ts";

const PROGRAM = fileURLToPath(new URL("../../../cli/dev/hub-open.ts", import.meta.url));
const URL_OF_HUB = "https://agents.example.com";
let engine: DynamoEngine;
let client: DynamoDBClient;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-open-"));
  engine = await startDynamo();
  client = new DynamoDBClient(localDynamoConfig(engine.endpoint));
  await ensureTable(client, "deployed");
}, 120_000);
afterAll(async () => {
  client?.destroy();
  await engine?.stop();
  await rm(folder, { recursive: true, force: true });
});

function open(...more: string[]) {
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: engine.endpoint,
    AWS_REGION: "local",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  };
  const argv = [PROGRAM, "--table", "deployed", "--url", `${URL_OF_HUB}/`, ...more];
  return promisify(execFile)(process.execPath, argv, { cwd: folder, env });
}

describe("fairlead hub open", () => {
  it("makes keys that only their owner reads, a charter, the first Projects and the first admin's token, once", async () => {
    const { stdout, stderr } = await open();
    const file = join(folder, "fairlead-recovery.json");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, "fairlead-signing.json"))).mode & 0o777).toBe(0o600);
    const recovery = JSON.parse(await readFile(file, "utf8")) as PublicKey & { d: string };
    const db = createDb(DynamoDBDocumentClient.from(client), "deployed");
    const hub = await getHub(db);
    expect(fingerprintOf(hub.recoveryKey)).toBe(fingerprintOf(recovery));
    expect(charterOf(hub)).toMatchObject({ hub: hub.hub, epoch: 1, urls: [URL_OF_HUB] });
    expect((await listProjects(db)).sort()).toEqual(["default", "fairlead"]);
    expect(stderr).toContain(`the recovery key, ${fingerprintOf(recovery)}`);
    expect(stdout + stderr).not.toContain(recovery.d);
    expect(await bootstrapSession(db, stdout.trim(), Date.now())).toBeDefined();
    await expect(open()).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining("it is open") });
    expect(await getHub(db)).toEqual(hub);
  }, 60_000);

  it("says what it needs", async () => {
    await expect(open("--url", "agents.example.com")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("fairlead hub open --table NAME --url URL"),
    });
  }, 60_000);
});
