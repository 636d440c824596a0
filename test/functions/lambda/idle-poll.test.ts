/**
 * An idle poll as it is deployed: the packaged function of the agents' endpoints under Lambda's own runtime client, over a real
 * engine of the table. What a function writes is what CloudWatch is paid for, by the poll of every cluster each minute.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, generateKeyPair } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AGENT_PATHS } from "#core/protocol.ts";
import { publicHalf } from "../../../functions/release/sign.ts";
import type { DynamoEngine } from "../../../functions/local/dynamo.ts";
import { putToken, redeemToken } from "../../../functions/store/cluster.ts";
import { signed } from "../../support/costs.ts";
import { startDynamo } from "../../support/dynamo.ts";
import { cluster, plainParts, type PlainParts } from "../../support/hub-parts.ts";
import { bundleFunction } from "../../support/lambda/bundle.ts";
import { startFunction, type RunningFunction } from "../../support/lambda/runtime.ts";

let folder: string;
let engine: DynamoEngine;
let hub: PlainParts;
let agents: RunningFunction;
let authorization: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-idle-"));
  engine = await startDynamo();
  hub = await plainParts({ start: () => Promise.resolve(engine) });
  hub.setNow(Date.now());
  await hub.apply(cluster("a"));
  const { privateKey, publicKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" });
  const secret = "secret".repeat(8);
  await putToken(hub.db, "default", "a", secret, hub.now() + 60_000);
  const redeemed = await redeemToken(hub.db, secret, publicHalf(await exportJWK(publicKey)), hub.now());
  expect(redeemed.kind).not.toBe("refused");
  await bundleFunction("functions/api/agent-index.ts", folder);
  authorization = await signed(privateKey, Date.now, "GET", AGENT_PATHS.desired, undefined);
  agents = await startFunction(folder, {
    FAIRLEAD_TABLE: "fairlead",
    FAIRLEAD_BUCKET: "bucket",
    AWS_ENDPOINT_URL: engine.endpoint,
    AWS_REGION: "local",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  });
}, 900_000);
afterAll(async () => {
  await agents?.stop();
  await hub?.stop();
  await rm(folder, { recursive: true, force: true });
});

const poll = (headers: Record<string, string> = {}) =>
  agents.get(AGENT_PATHS.desired, { authorization, ...headers });

// In order: the last one takes the table away.
describe("an idle poll, deployed", () => {
  it("writes nothing to the log, and neither does the fetch before it", async () => {
    const first = await poll();
    const etag = first.headers?.["etag"] ?? "";
    expect([first.statusCode, etag]).toEqual([200, expect.stringMatching(/./)]);
    for (let round = 0; round < 3; round++)
      expect(await poll({ "if-none-match": etag })).toMatchObject({ statusCode: 304 });
    expect(agents.said()).toBe("");
  }, 120_000);

  it("is told where it fails: the same log would have shown it", async () => {
    await engine.stop();
    expect((await poll()).statusCode).toBe(500);
    const lines = agents.said().trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ level: "error", route: AGENT_PATHS.desired }),
    ]);
  }, 120_000);
});
