/** What is kept of Sources, Apps, fleet folders and audits, on any engine: written over what was read of it, or not at all. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasAuditRow, newestAuditRow, putAuditRow } from "../../functions/store/drift-audit.ts";
import {
  deleteFleetRecord,
  getFleetRecord,
  getFleetStates,
  listFleetStates,
  putFleetRecord,
} from "../../functions/store/fleet-state.ts";
import {
  getAppRecord,
  getAppStates,
  getSourceState,
  getSourceStates,
  listAppRecords,
  listAppStates,
  listSourceStates,
  markInactive,
  putAppRecord,
  putSourceState,
  type AppRecord,
} from "../../functions/store/state.ts";
import {
  countOf,
  freshProject,
  openStore,
  race,
  type StoreEngine,
  type StoreUnderTest,
} from "./store-parts.ts";

/** Registers the suite inside the caller's `describe`. */
export function stateConformance(start: () => Promise<StoreEngine>): void {
  let store: StoreUnderTest;
  beforeAll(async () => {
    store = await openStore(start);
  }, 120_000);
  afterAll(() => store?.stop());
  const db = () => store.db;

  describe("states", () => {
    const read = (commit: string, at: number) => ({
      kind: "read" as const,
      commit,
      author: "Ada",
      email: "",
      message: "",
      committedAt: 1,
      tree: "t",
      at,
    });

    it("of a Source are written when they change, and by one of two polls at once", async () => {
      const project = freshProject();
      const put = (commit: string, at: number) => putSourceState(db(), project, "fleet", read(commit, at));
      expect(countOf(await race((n) => put("c1", n)), "written")).toBe(1);
      expect(await put("c1", 99)).toBe("unchanged");
      expect(await put("c2", 100)).toBe("written");
      expect(await getSourceState(db(), project, "fleet")).toEqual(read("c2", 100));
      expect([...(await listSourceStates(db(), project)).keys()]).toEqual(["fleet"]);
      expect((await getSourceStates(db(), project, ["fleet", "none"])).size).toBe(1);
    });

    const record = (project: string, version: number, more: Partial<AppRecord> = {}): AppRecord => ({
      project,
      app: "shop",
      version,
      epoch: 1,
      generation: 0,
      release: 0,
      active: false,
      inputs: "i",
      lookedAt: 1,
      ...more,
    });

    it("of an App move from the version that was read, one at a time", async () => {
      const project = freshProject();
      expect(countOf(await race(() => putAppRecord(db(), record(project, 1), undefined)), "written")).toBe(1);
      expect(countOf(await race(() => putAppRecord(db(), record(project, 2), 1)), "written")).toBe(1);
      expect(await putAppRecord(db(), record(project, 9), 7)).toBe("lost");
      expect((await getAppRecord(db(), project, "shop"))?.version).toBe(2);
      expect((await listAppStates(db(), project)).get("shop")).toMatchObject({ release: 0 });
      const [[name, one] = []] = await listAppRecords(db(), project);
      expect([name, one]).toEqual(["shop", await getAppRecord(db(), project, "shop")]);
      expect((await getAppStates(db(), project, ["shop", "none"])).size).toBe(1);
    });

    it("of an App are marked inactive as they were read alone, and never made from nothing", async () => {
      const project = freshProject();
      const of = (version: number) => ({ project, app: "shop", version });
      await markInactive(db(), of(1));
      expect(await getAppRecord(db(), project, "shop")).toBeUndefined();
      await putAppRecord(db(), record(project, 1, { release: 3, active: true }), undefined);
      await markInactive(db(), of(2));
      expect(await getAppRecord(db(), project, "shop")).toMatchObject({ active: true, version: 1 });
      await markInactive(db(), of(1));
      expect(await getAppRecord(db(), project, "shop")).toMatchObject({ active: false, version: 2 });
      await putAppRecord(db(), record(project, 3, { release: 3, active: true, reads: "digest" }), 2);
      await markInactive(db(), of(3), "look-anew");
      const anew = await getAppRecord(db(), project, "shop");
      expect([anew?.active, anew?.reads, anew?.version]).toEqual([false, undefined, 4]);
    });

    it("of a fleet folder move version by version", async () => {
      const project = freshProject();
      const fleet = (version: number) => ({
        project,
        name: "fleet",
        state: { commit: "c", applied: version, errors: [], errorsTotal: 0, at: 1 },
        seen: "s",
        clusters: 0,
        version,
      });
      expect(countOf(await race(() => putFleetRecord(db(), fleet(1))), "written")).toBe(1);
      expect(await putFleetRecord(db(), fleet(2))).toBe("written");
      expect(await putFleetRecord(db(), fleet(2))).toBe("lost");
      expect((await listFleetStates(db(), project)).get("fleet")?.applied).toBe(2);
      expect((await getFleetStates(db(), project, ["fleet", "none"])).size).toBe(1);
      await deleteFleetRecord(db(), fleet(1));
      expect((await getFleetRecord(db(), project, "fleet"))?.version).toBe(2);
      await deleteFleetRecord(db(), fleet(2));
      expect(await getFleetRecord(db(), project, "fleet")).toBeUndefined();
    });

    it("of a drift audit belong to the first who writes a slot; the newest is found", async () => {
      const project = freshProject();
      const row = (slot: string) => ({ project, slot, document: `doc-${slot}` });
      expect(countOf(await race(() => putAuditRow(db(), row("2026-01"))), "written")).toBe(1);
      await putAuditRow(db(), row("2026-02"));
      expect(await hasAuditRow(db(), project, "2026-03")).toBe(false);
      expect(await newestAuditRow(db(), project)).toMatchObject(row("2026-02"));
    });
  });
}
