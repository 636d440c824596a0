/**
 * `fairlead hub open` and `hub signing-key` as the programs that they are: an empty table of a real engine, and a key in an
 * emulator of KMS that makes real ones.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";
import { CreateKeyCommand, KMSClient, type KeySpec } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fingerprintOf, kidOf, publicKeySchema, type PublicKey } from "#core/charter.ts";
import { localDynamoConfig, type DynamoEngine } from "../../../functions/local/dynamo.ts";
import { ensureTable } from "../../../functions/local/table.ts";
import { bootstrapSession } from "../../../functions/identity/bootstrap.ts";
import { createDb } from "../../../functions/store/db.ts";
import { charterOf, getHub } from "../../../functions/store/hub.ts";
import { listProjects } from "../../../functions/store/resource.ts";
import { startDynamo } from "../../support/dynamo.ts";
import { startMiniStack, type MiniStack } from "../../support/ministack.ts";

const OPEN = fileURLToPath(new URL("../../../cli/dev/hub-open.ts", import.meta.url));
const SIGNING_KEY = fileURLToPath(new URL("../../../cli/dev/signing-key.ts", import.meta.url));
const URL_OF_HUB = "https://agents.example.com";
let engine: DynamoEngine;
let client: DynamoDBClient;
let aws: MiniStack;
let arn: string;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-open-"));
  engine = await startDynamo();
  client = new DynamoDBClient(localDynamoConfig(engine.endpoint));
  await ensureTable(client, "deployed");
  aws = await startMiniStack();
  arn = await keyOf("ECC_NIST_EDWARDS25519");
}, 300_000);
afterAll(async () => {
  client?.destroy();
  await engine?.stop();
  await aws?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function keyOf(KeySpec: KeySpec): Promise<string> {
  const { endpoint, credentials, region } = aws;
  const kms = new KMSClient({ endpoint, credentials, region });
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ KeySpec, KeyUsage: "SIGN_VERIFY" }));
  kms.destroy();
  return KeyMetadata?.Arn ?? "";
}

function ran(program: string, ...argv: string[]) {
  const env = {
    ...process.env,
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: engine.endpoint,
    AWS_REGION: aws.region,
    AWS_ACCESS_KEY_ID: aws.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: aws.credentials.secretAccessKey,
  };
  return promisify(execFile)(process.execPath, [program, ...argv], { cwd: folder, env });
}

const open = (...more: string[]) =>
  ran(OPEN, "--table", "deployed", "--url", `${URL_OF_HUB}/`, "--signing-key", arn, ...more);

describe("fairlead hub open", () => {
  it("makes a recovery key that only its owner reads, a charter that names the key in KMS, the first Projects and the first admin's token, once", async () => {
    const { stdout, stderr } = await open();
    const file = join(folder, "fairlead-recovery.json");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const recovery = JSON.parse(await readFile(file, "utf8")) as PublicKey & { d: string };
    const db = createDb(DynamoDBDocumentClient.from(client), "deployed");
    const hub = await getHub(db);
    expect(fingerprintOf(hub.recoveryKey)).toBe(fingerprintOf(recovery));
    const signing = publicKeySchema.parse(JSON.parse((await ran(SIGNING_KEY, "--key", arn)).stdout));
    const signers = [{ kid: kidOf(signing), key: signing }];
    expect(charterOf(hub)).toMatchObject({ hub: hub.hub, epoch: 1, urls: [URL_OF_HUB], signers });
    expect((await listProjects(db)).sort()).toEqual(["default", "fairlead"]);
    expect(stderr).toContain(`the recovery key, ${fingerprintOf(recovery)}`);
    expect(stdout + stderr).not.toContain(recovery.d);
    expect(await bootstrapSession(db, stdout.trim(), Date.now())).toBeDefined();
    await expect(open()).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining("it is open") });
    expect(await getHub(db)).toEqual(hub);
  }, 60_000);

  it("refuses a key that no agent could check, before anything is written", async () => {
    const other = await keyOf("ECC_NIST_P256");
    await expect(ran(SIGNING_KEY, "--key", other)).rejects.toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining("is no Ed25519 key (P-256)"),
    });
    await expect(open("--table", "nowhere", "--signing-key", other)).rejects.toMatchObject({ code: 1 });
  }, 60_000);

  it("says what it needs", async () => {
    await expect(open("--url", "agents.example.com")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining("fairlead hub open --table NAME --url URL"),
    });
  }, 60_000);
});
