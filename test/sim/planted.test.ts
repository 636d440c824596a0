/** The simulator itself: bugs that are planted in what the hub reads and writes are found, each within a few seeds. */
import { describe, expect, it } from "vitest";
import { PLANTED } from "./planted.ts";
import { runSeed } from "./run.ts";

const SEEDS_MAX = 60;

describe("a planted bug is found", () => {
  it.each(Object.entries(PLANTED))("%s", async (name, plant) => {
    for (let seed = 1; seed <= SEEDS_MAX; seed += 1) {
      const outcome = await runSeed(String(seed), { request: plant() });
      if (outcome.kind !== "broken") continue;
      // It breaks what it should: no function threw because the plant is no longer what the hub reads.
      expect(outcome.what).not.toContain("a function threw");
      return;
    }
    expect.fail(`${SEEDS_MAX} seeds did not find: ${name}`);
  });
});
