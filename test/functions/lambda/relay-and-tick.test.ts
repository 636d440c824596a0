/**
 * The one follower of a stream whose table has copies, packaged as it is deployed, over a real engine of the table: it starts, does
 * its work where its region writes, and nothing elsewhere.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DynamoEngine } from "../../../functions/local/dynamo.ts";
import { charterOf, getHub } from "../../../functions/store/hub.ts";
import { putHub } from "../../../functions/store/hub-write.ts";
import { keys } from "../../../functions/store/table.ts";
import { startDynamo } from "../../support/dynamo.ts";
import { plainParts, type PlainParts } from "../../support/hub-parts.ts";
import { bundleFunction } from "../../support/lambda/bundle.ts";

const HERE = "eu-west-1";
let folder: string;
let engine: DynamoEngine;
let hub: PlainParts;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-follower-"));
  engine = await startDynamo();
  hub = await plainParts({ start: () => Promise.resolve(engine) });
  await bundleFunction("functions/events/relay-and-tick.ts", folder);
}, 300_000);
afterAll(async () => {
  await hub?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A record that cannot be read as the rollout that its key says it is. */
function poison(): object {
  const { pk, sk } = keys.rollout("default", "shop", 99);
  const image = { pk: { S: pk }, sk: { S: sk }, state: { S: "nonsense" } };
  const dynamodb = { Keys: { pk: image.pk, sk: image.sk }, NewImage: image, SequenceNumber: "7" };
  return { eventID: "1", eventName: "INSERT", dynamodb };
}

/** By a process of its own, as each start of a function is. */
async function answer(): Promise<unknown> {
  const script = `const { handler } = await import("./bundle.mjs");
process.stderr.write(JSON.stringify(await handler({ Records: [${JSON.stringify(poison())}] })));
process.exit(0);`;
  const env = {
    FAIRLEAD_TABLE: "fairlead",
    FAIRLEAD_BUCKET: "bucket",
    FAIRLEAD_BUS: "bus",
    FAIRLEAD_REGION: HERE,
    AWS_ENDPOINT_URL: engine.endpoint,
    AWS_REGION: "local",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  };
  const run = promisify(execFile);
  const { stderr } = await run(process.execPath, ["--input-type=module", "-e", script], { cwd: folder, env });
  return JSON.parse(stderr.split("\n").at(-1) ?? "");
}

async function nameWriter(region: string): Promise<void> {
  const before = await getHub(hub.db);
  const charter = { ...charterOf(before), region, serial: before.serial + 1 };
  const payload = Buffer.from(JSON.stringify(charter)).toString("base64url");
  const next = { ...before, serial: charter.serial, charter: `header.${payload}.signature` };
  expect(await putHub(hub.db, next, before)).toBe("written");
}

// In order: the second one names the other region.
describe("the follower of a stream with copies", () => {
  it("names the record that it cannot handle, once for both of its halves", async () => {
    await nameWriter(HERE);
    expect(await answer()).toEqual({ batchItemFailures: [{ itemIdentifier: "7" }] });
  }, 120_000);

  it("does nothing in a region that does not write, and leaves no record for later", async () => {
    await nameWriter("eu-central-1");
    expect(await answer()).toEqual({ batchItemFailures: [] });
  }, 120_000);
});
