/**
 * An agent lost at a slice of its requests to a real API server, another slice each day, and killed as a process at
 * twelve of them. `kill-matrix.long.ts` takes all.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runAgent } from "../../agent/loop.ts";
import { startRig, type Rig } from "../support/agent-rig.ts";
import { KillMatrix } from "../support/kill-matrix.ts";
import type { Death } from "../support/kill-story.ts";

const SLICE = 15;
const PROCESSES = 12;
const DAY_MS = 86_400_000;
/** Also printed where it fails, to repeat that day's slice. */
const DAY = Number(process.env["FAIRLEAD_KILL_DAY"] ?? Math.floor(Date.now() / DAY_MS));
const REPEAT = `FAIRLEAD_KILL_DAY=${DAY} npm test -- test/agent/kill-matrix.test.ts`;
let rig: Rig;
let matrix: KillMatrix;

beforeAll(async () => {
  rig = await startRig("kill-slice");
  matrix = await KillMatrix.of(rig);
}, 1_800_000);
afterAll(() => rig?.stop());

const stepFor = (count: number): number => Math.floor(matrix.undisturbed.requests.length / count);

describe(`${runAgent.name}, lost on the way to the API server`, () => {
  it("applies a hundred objects, prunes thirty, and leaves alone what is not its own", () => {
    const { end, touched, requests } = matrix.undisturbed;
    expect(end.inventory).toHaveLength(70);
    expect(end.objects).toHaveLength(71);
    expect(end.inventory.filter((entry) => entry.includes("another UID"))).toEqual([]);
    expect(end.objects.filter((text) => text.includes("not of the bundle"))).toHaveLength(1);
    expect(touched).toEqual([]);
    expect(requests.length).toBeGreaterThan(250);
  });

  it(`ends where an undisturbed one does (${REPEAT})`, { timeout: 600_000 }, async () => {
    const step = stepFor(SLICE);
    const deaths = matrix.deaths(DAY % step, step, "in-turn");
    expect(deaths.length).toBeGreaterThanOrEqual(SLICE);
    expect(await matrix.broken(deaths, () => REPEAT)).toEqual([]);
    expect(matrix.died).toBeGreaterThan(SLICE - 3);
  });

  it(`ends there as well as a process ended by SIGKILL (${REPEAT})`, { timeout: 900_000 }, async () => {
    const step = stepFor(PROCESSES);
    const before = matrix.died;
    const deaths = matrix
      .deaths(DAY % step, step, "in-turn")
      .slice(0, PROCESSES)
      .map((death, index): Death => ({
        ...death,
        way: index % 2 === 0 ? "unsent" : "unanswered",
        process: true,
      }));
    expect(deaths).toHaveLength(PROCESSES);
    expect(await matrix.broken(deaths, () => REPEAT)).toEqual([]);
    expect(matrix.died - before).toBeGreaterThan(PROCESSES - 3);
  });
});
