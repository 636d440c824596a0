/** What the store promises of what functions counted: nothing that was added is lost, and each day is told for itself. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noCounts } from "#core/meter.ts";
import { addCounts, listCounts } from "../../functions/store/meter.ts";
import { freshProject, openStore, race, type StoreEngine, type StoreUnderTest } from "./store-parts.ts";

/** Registers the suite inside the caller's `describe`. */
export function meterConformance(start: () => Promise<StoreEngine>): void {
  let store: StoreUnderTest;
  beforeAll(async () => {
    store = await openStore(start);
  }, 300_000);
  afterAll(() => store?.stop());
  const db = () => store.db;

  describe("counts", () => {
    it("add up, by day and function", async () => {
      const name = freshProject();
      const at = Date.UTC(2031, 0, 2, 12);
      const counts = { ...noCounts(), calls: 2, readUnits: 0.5 };
      await race(() => addCounts(db(), { name, counts, at }));
      await addCounts(db(), { name, counts: { ...noCounts(), people: 1 }, at: at + 60_000 });
      await addCounts(db(), { name: `${name}-idle`, counts: noCounts(), at });
      const rows = (await listCounts(db(), 2, at + 86_400_000)).filter((row) => row.name.startsWith(name));
      expect(rows).toHaveLength(1);
      expect(rows[0]).toMatchObject({ name, since: at, counts: { people: 1 } });
      expect((rows[0]?.counts.calls ?? 0) / (rows[0]?.counts.readUnits ?? 1)).toBe(4);
      expect(await listCounts(db(), 1, at + 86_400_000)).toEqual([]);
    });
  });
}
