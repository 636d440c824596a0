/** What the store promises of where Promotions stand: one writer of two wins, and what is gone stays gone. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PromotionRecord } from "#core/promotion/state.ts";
import {
  deletePromotionRecord,
  getPromotionRecord,
  getPromotionRecords,
  listPromotionRecords,
  putPromotionRecord,
} from "../../functions/store/promotion.ts";
import {
  countOf,
  freshProject,
  openStore,
  race,
  RACERS,
  type StoreEngine,
  type StoreUnderTest,
} from "./store-parts.ts";

/** Registers the suite inside the caller's `describe`. */
export function promotionConformance(start: () => Promise<StoreEngine>): void {
  let store: StoreUnderTest;
  beforeAll(async () => {
    store = await openStore(start);
  }, 300_000);
  afterAll(() => store?.stop());
  const record = (project: string, version: number, name = "one"): PromotionRecord => ({
    project,
    name,
    spec: "s",
    state: { kind: "waiting", reason: "x", at: 1 },
    version,
  });

  describe("states of Promotions", () => {
    it("are written by one of many at once, and only over the version that was read", async () => {
      const { db } = store;
      const project = freshProject();
      const first = await race(() => putPromotionRecord(db, record(project, 1)));
      expect([countOf(first, "written"), countOf(first, "lost")]).toEqual([1, RACERS - 1]);
      const second = await race(() => putPromotionRecord(db, record(project, 2)));
      expect(countOf(second, "written")).toBe(1);
      expect(await putPromotionRecord(db, record(project, 2))).toBe("lost");
      expect(await getPromotionRecord(db, project, "one")).toEqual(record(project, 2));
    });

    it("are listed, read by name, and deleted only as they were read", async () => {
      const { db } = store;
      const project = freshProject();
      for (const name of ["a", "b"]) await putPromotionRecord(db, record(project, 1, name));
      expect((await listPromotionRecords(db, project)).map(({ name }) => name)).toEqual(["a", "b"]);
      expect([...(await getPromotionRecords(db, project, ["b", "none"])).keys()]).toEqual(["b"]);
      await deletePromotionRecord(db, record(project, 5, "a"));
      await deletePromotionRecord(db, record(project, 1, "b"));
      expect((await listPromotionRecords(db, project)).map(({ name }) => name)).toEqual(["a"]);
    });
  });
}
