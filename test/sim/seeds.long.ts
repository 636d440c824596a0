/** Many seeds of the simulator; by hand the same is `npm run sim -- --seeds 10000`. */
import { expect, it } from "vitest";
import { brokenSeeds } from "./slice.ts";

const SEEDS = 10_000;

it(`holds its invariants and converges, ${SEEDS} seeds`, { timeout: 3 * 60 * 60_000 }, async () => {
  expect(await brokenSeeds(1, SEEDS)).toEqual([]);
});
