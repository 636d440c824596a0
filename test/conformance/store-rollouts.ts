/** What a rollout keeps, on any engine: its sets of ranks whole, its timeline once, and where a cluster would go back to. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { assign, getPlacements, putReport } from "../../functions/store/placement.ts";
import { packRanks, unpackRanks } from "../../functions/store/ranks.ts";
import { createRelease, getRollout, putRollout, rolloutOfItem } from "../../functions/store/rollout.ts";
import { inForce } from "../../functions/store/state.ts";
import { pageTimeline, putTimelineEntry } from "../../functions/store/timeline.ts";
import { deleteScans, listScans, putScan } from "../../functions/store/scan.ts";
import {
  openStore,
  putApp,
  release,
  rollout,
  target,
  type StoreEngine,
  type StoreUnderTest,
} from "./store-parts.ts";

/** Registers the suite inside the caller's `describe`. */
export function rolloutConformance(start: () => Promise<StoreEngine>): void {
  let store: StoreUnderTest;
  beforeAll(async () => {
    store = await openStore(start);
  }, 120_000);
  afterAll(() => store?.stop());

  describe("a rollout's item", () => {
    it("keeps every rank, in few bytes", async () => {
      const lists = [[], [0], [3, 4, 5, 9], Array.from({ length: 2_000 }, (_, rank) => rank * 2)];
      for (const ranks of lists) expect(unpackRanks(packRanks(ranks))).toEqual(ranks);
      expect(packRanks(Array.from({ length: 100_000 }, (_, rank) => rank)).length).toBeLessThan(10);
      const record = {
        project: "ranks",
        app: "shop",
        version: 1,
        epoch: 1,
        generation: 1,
        release: 1,
        active: true,
        inputs: "i",
        lookedAt: 1,
      };
      const first = rollout("ranks", 1);
      await putApp(store.db, "ranks");
      await createRelease(store.db, release("ranks", 1), first, record, undefined, undefined);
      const back = {
        targets: "b",
        total: 3,
        failing: 1,
        maxUnavailable: 1,
        released: 2,
        out: [0, 1],
        failed: [0],
        stay: 1,
      };
      const next = { ...first, out: [1, 2, 5], free: [2], failed: [5], later: [0, 7], back };
      expect(await putRollout(store.db, next)).toBe("written");
      expect(await getRollout(store.db, "ranks", "shop", 1)).toEqual({ ...next, version: 2 });
    });

    it("keeps the number under which it was withheld, and is written over what was read of it", async () => {
      const record = (version: number) => ({
        project: "withheld",
        app: "shop",
        version,
        epoch: 1,
        generation: 1,
        release: 1,
        active: true,
        inputs: "i",
        lookedAt: 1,
      });
      const put = (change: object, was: number | undefined) =>
        createRelease(
          store.db,
          release("withheld", 1),
          { ...rollout("withheld", 1), ...change },
          record((was ?? 0) + 1),
          was,
        );
      await putApp(store.db, "withheld");
      const state = { kind: "withheld", since: 1, reason: "it would delete all", authors: ["user:ada"] };
      expect(await put({ state }, undefined)).toBe("written");
      expect(await put({ version: 3 }, 1)).toBe("lost");
      expect((await getRollout(store.db, "withheld", "shop", 1))?.state).toEqual(state);
      expect(await put({ version: 2 }, 1)).toBe("written");
      expect(await put({ version: 2 }, 2)).toBe("lost");
      expect(await getRollout(store.db, "withheld", "shop", 1)).toMatchObject({
        state: { kind: "running" },
        version: 2,
      });
    });

    it("of before its ranks were kept counts as out whatever is behind its front", () => {
      const { out: _, ...old } = { ...rollout("old", 1), settled: 2, released: 5 };
      expect(rolloutOfItem(old).out).toEqual([2, 3, 4]);
    });
  });

  it("names the rollout in force, where the newest release waits for it", () => {
    expect([inForce({ release: 3 }), inForce({ release: 3, rolling: 2 })]).toEqual([3, 2]);
  });

  it("keeps a timeline in order, each entry once", async () => {
    const of = { project: "time", app: "shop", release: 1 };
    const entry = (version: number) => ({
      version,
      at: version,
      stage: "rest",
      state: "running",
      what: "moves",
    });
    for (const version of [10, 2, 2]) await putTimelineEntry(store.db, of, entry(version));
    await putTimelineEntry(store.db, of, { ...entry(2), what: "something else" });
    await putTimelineEntry(store.db, { ...of, release: 10 }, entry(3));
    const { items } = await pageTimeline(store.db, "time", "shop", 1, { limit: 10 });
    expect(items).toEqual([entry(2), entry(10)]);
  });

  it("keeps the newest scan of each image of a release, and deletes them with it", async () => {
    const { db } = store;
    const of = { project: "scans", app: "shop", release: 1 };
    const scan = (image: string, critical: number, at: number) => ({
      image,
      found: { critical, high: 0, medium: 0, low: 0 },
      by: "user:ci",
      at,
    });
    expect(await putScan(db, of, scan("shop:1", 3, 5))).toBe("written");
    expect(await putScan(db, of, scan("shop:1", 0, 6))).toBe("written");
    expect(await putScan(db, of, scan("shop:1", 9, 4))).toBe("lost");
    await putScan(db, { ...of, release: 10 }, scan("other:1", 1, 5));
    expect(await listScans(db, of)).toEqual([scan("shop:1", 0, 6)]);
    await deleteScans(db, of);
    expect(await listScans(db, of)).toEqual([]);
    expect(await listScans(db, { ...of, release: 10 })).toHaveLength(1);
  });

  it("remembers what a cluster was healthy on when it was given the next", async () => {
    const { db } = store;
    const told = { message: "", objects: 1, outcomes: {}, failures: [], drift: [], driftTotal: 0 };
    const report = (seq: number, generation: number, phase: "healthy" | "failed") =>
      putReport(
        db,
        "back",
        "c",
        { app: "shop", seq, epoch: 1, generation, release: generation, phase, ...told },
        seq,
      );
    const before = async () => (await getPlacements(db, "back", "shop", ["c"])).get("c")?.before ?? undefined;
    await assign(db, "back", "shop", target("c", 1), 1, { rollout: 1, rank: 0 });
    expect(await before()).toBeUndefined();
    await report(1, 1, "healthy");
    await assign(db, "back", "shop", target("c", 2), 2, { rollout: 2, rank: 0 });
    await report(2, 2, "failed");
    expect(await before()).toEqual({ epoch: 1, generation: 1, release: 1 });
    // Neither a repeat nor an older one moves it.
    await assign(db, "back", "shop", target("c", 2), 3, { rollout: 2, rank: 0 });
    await assign(db, "back", "shop", target("c", 3), 4, { rollout: 3, rank: 0 });
    expect(await before()).toEqual({ epoch: 1, generation: 1, release: 1 });
  });
}
