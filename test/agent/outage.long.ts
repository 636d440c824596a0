/** An API server that is stopped for a whole minute while an agent has much to do there. About two minutes. */
import { afterAll, beforeAll, describe, it } from "vitest";
import { runAgent } from "../../agent/loop.ts";
import { startRig, type Rig } from "../support/agent-rig.ts";
import { expectHarmless } from "../support/outage.ts";

const AWAY_MS = 60_000;
let rig: Rig;

beforeAll(async () => {
  rig = await startRig("outage-long", { kept: true });
}, 1_800_000);
afterAll(() => rig?.stop());

describe(`${runAgent.name}, its API server away for a minute`, () => {
  it("survives it under load, tells nothing false, backs off, and heals what it finds after it", async () => {
    await expectHarmless(rig, AWAY_MS);
  }, 600_000);
});
