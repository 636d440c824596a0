/** The first of the simulator's seeds; one of them also against Dynoxide. CI runs other ones for each commit, `seeds.long.ts` many. */
import { expect, it } from "vitest";
import { beside } from "./beside.ts";
import { runSeed } from "./run.ts";
import { brokenSeeds } from "./slice.ts";

const SEEDS = 60;

it(`holds its invariants and converges, ${SEEDS} seeds`, async () => {
  expect(await brokenSeeds(1, SEEDS)).toEqual([]);
});

it("replays a seed exactly", async () => {
  expect(await runSeed("11")).toEqual(await runSeed("11"));
});

it("is told the same by its engine and by Dynoxide, request by request", async () => {
  const second = await beside();
  try {
    const open = await second.open();
    expect(await runSeed("3", { beside: open })).toMatchObject({ kind: "held" });
  } finally {
    await second.stop();
  }
});
