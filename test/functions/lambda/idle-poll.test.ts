/**
 * An idle poll as it is deployed: the packaged function of the agents' endpoints under Lambda's own runtime client, over a real
 * engine of the table. What a function writes is what CloudWatch is paid for, by the poll of every cluster each minute.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AGENT_PATHS } from "#core/protocol.ts";
import { bundleFunction } from "../../support/lambda/bundle.ts";
import { lambdaHub, type LambdaHub } from "../../support/lambda/hub.ts";
import { startFunction, type RunningFunction } from "../../support/lambda/runtime.ts";

let folder: string;
let hub: LambdaHub;
let agents: RunningFunction;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-idle-"));
  hub = await lambdaHub();
  await bundleFunction("functions/api/agent-index.ts", folder);
  agents = await startFunction(folder, hub.env);
}, 900_000);
afterAll(async () => {
  await agents?.stop();
  await hub?.stop();
  await rm(folder, { recursive: true, force: true });
});

const poll = async (headers: Record<string, string> = {}) =>
  agents.get(AGENT_PATHS.desired, { ...(await hub.poll()), ...headers });

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
    await hub.engine.stop();
    expect((await poll()).statusCode).toBe(500);
    const lines = agents.said().trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ level: "error", route: AGENT_PATHS.desired }),
    ]);
  }, 120_000);
});
