/** What every engine must do with what is known of charts: states written over what was read, pins once. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ChartState } from "#core/chart-state.ts";
import {
  deleteChartState,
  getChartPin,
  getChartRecord,
  putChartPin,
  putChartState,
} from "../../functions/store/chart.ts";
import {
  countOf,
  freshProject,
  openStore,
  race,
  RACERS,
  type StoreEngine,
  type StoreUnderTest,
} from "./store-parts.ts";

const found = (version: string): ChartState => ({
  kind: "found",
  asked: "asked",
  version,
  digest: "a".repeat(64),
  at: 1,
});

export function chartConformance(start: () => Promise<StoreEngine>): void {
  describe("charts", () => {
    let store: StoreUnderTest;
    beforeAll(async () => {
      store = await openStore(start);
    });
    afterAll(() => store?.stop());

    it("putChartState and getChartRecord: one of many writers over what was read", async () => {
      const project = freshProject();
      const { db } = store;
      expect(await getChartRecord(db, project, "shop")).toBeUndefined();
      const firsts = await race((n) => putChartState(db, project, "shop", found(`1.0.${n}`), undefined));
      expect(countOf(firsts, "written")).toBe(1);
      const before = await getChartRecord(db, project, "shop");
      expect(before).toMatchObject({ project, app: "shop", version: 1 });
      const failed: ChartState = {
        kind: "failed",
        asked: "asked",
        code: "server",
        message: "away",
        at: 2,
        attempts: 1,
      };
      const seconds = await race(() => putChartState(db, project, "shop", failed, before));
      expect(countOf(seconds, "lost")).toBe(RACERS - 1);
      expect(await getChartRecord(db, project, "shop")).toMatchObject({ version: 2, state: failed });
      expect(await getChartRecord(db, project, "other")).toBeUndefined();
    });

    it("deleteChartState: once, and again without harm", async () => {
      const project = freshProject();
      const { db } = store;
      await putChartState(db, project, "shop", found("1.0.0"), undefined);
      expect(await deleteChartState(db, project, "shop")).toBe("written");
      expect(await getChartRecord(db, project, "shop")).toBeUndefined();
      expect(await deleteChartState(db, project, "shop")).toBe("written");
    });

    it("putChartPin and getChartPin: the first says what a version is, in its project alone", async () => {
      const [project, other] = [freshProject(), freshProject()];
      const { db } = store;
      const named = { project, chart: "oci://registry.example.com/shop", version: "1.0.0" };
      const written = await race((n) => putChartPin(db, { ...named, digest: `digest-${n}`, at: n }));
      expect(countOf(written, "written")).toBe(1);
      const pin = await getChartPin(db, named);
      expect(pin?.digest).toBe(`digest-${written.indexOf("written")}`);
      expect(await getChartPin(db, { ...named, project: other })).toBeUndefined();
      expect(await getChartPin(db, { ...named, version: "1.0.1" })).toBeUndefined();
    });
  });
}
