/**
 * An agent on a real API server, lost at every single request of a story, in three ways: some twenty minutes on two
 * quiet cores. `FAIRLEAD_KILL_AT=17` tells only what is lost at request 17 and after, `kill-matrix.test.ts` a slice.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runAgent } from "../../agent/loop.ts";
import { startRig, type Rig } from "../support/agent-rig.ts";
import { KillMatrix } from "../support/kill-matrix.ts";

const AT = Number(process.env["FAIRLEAD_KILL_AT"] ?? 0);
let rig: Rig;

beforeAll(async () => {
  rig = await startRig("kill-all");
}, 1_800_000);
afterAll(() => rig?.stop());

describe(`${runAgent.name}, lost at every request`, () => {
  it("ends where an undisturbed one does", { timeout: 3 * 60 * 60_000 }, async () => {
    const matrix = await KillMatrix.of(rig);
    const deaths = matrix.deaths(AT, 1, "each");
    const repeat = ({ at }: { at: number }): string =>
      `FAIRLEAD_KILL_AT=${at} npm run test:long -- test/agent/kill-matrix.long.ts`;
    expect(await matrix.broken(deaths, repeat)).toEqual([]);
    // What is asked while the story ends differs from run to run.
    expect(matrix.died).toBeGreaterThan(deaths.length * 0.9);
  });
});
