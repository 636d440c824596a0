/** What every engine must tell the garbage collection: all that the table names, and which releases go. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hubStamp } from "#core/actor.ts";
import { putChartState } from "../../functions/store/chart.ts";
import {
  eachAssignedBundle,
  eachChartState,
  eachPlacedBundle,
  eachReads,
  eachRelease,
  eachRolloutTargets,
  eachServed,
  eachSourceState,
  everyProject,
  newestReleases,
  trimReleases,
} from "../../functions/store/garbage.ts";
import { assign } from "../../functions/store/placement.ts";
import { ensureProject } from "../../functions/store/resource.ts";
import { createRelease, getRelease, getRollout, putRollout } from "../../functions/store/rollout.ts";
import { listScans, putScan } from "../../functions/store/scan.ts";
import { putServed } from "../../functions/store/served.ts";
import { putSourceState, type AppRecord } from "../../functions/store/state.ts";
import {
  freshProject,
  openStore,
  putApp,
  release,
  rollout,
  target,
  type StoreEngine,
  type StoreUnderTest,
} from "./store-parts.ts";

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

export function garbageConformance(start: () => Promise<StoreEngine>): void {
  describe("what the garbage collection reads", () => {
    let store: StoreUnderTest;
    beforeAll(async () => {
      store = await openStore(start);
    });
    afterAll(() => store?.stop());

    async function withReleases(count: number): Promise<string> {
      const project = freshProject();
      await ensureProject(store.db, project, hubStamp("test"));
      await putApp(store.db, project);
      for (let n = 1; n <= count; n += 1) {
        const record: AppRecord = {
          project,
          app: "shop",
          version: n,
          epoch: 1,
          generation: n,
          release: n,
          active: true,
          inputs: "i",
          reads: `reads-${n}`,
          lookedAt: 1,
        };
        const made = release(project, n);
        const written = await createRelease(
          store.db,
          made,
          rollout(project, n),
          record,
          n === 1 ? undefined : n - 1,
          undefined,
        );
        expect(written).toBe("written");
      }
      return project;
    }

    it("eachRelease, eachRolloutTargets, eachReads, newestReleases, everyProject: all of them", async () => {
      const project = await withReleases(3);
      const { db } = store;
      expect((await all(eachRelease(db, project, "shop"))).map((one) => one.release)).toEqual([1, 2, 3]);
      expect(await all(eachRolloutTargets(db, project, "shop"))).toHaveLength(3);
      expect(await all(eachReads(db, project))).toEqual(["reads-3"]);
      expect([...(await newestReleases(db, project))]).toEqual([["shop", 3]]);
      expect(await everyProject(db)).toContain(project);
    });

    it("trimReleases: those below, with their rollouts, but none that is under way", async () => {
      const project = await withReleases(4);
      const { db } = store;
      for (const n of [1, 3]) {
        const running = await getRollout(db, project, "shop", n);
        if (running === undefined) throw new Error("no rollout");
        await putRollout(db, { ...running, state: { kind: "succeeded", at: 1, silent: 0 } });
      }
      const found = { critical: 0, high: 0, medium: 0, low: 0 };
      for (const n of [1, 4])
        await putScan(db, { project, app: "shop", release: n }, { image: "i", found, by: "user:ci", at: 1 });
      expect(await trimReleases(db, project, "shop", 4)).toBe(2);
      const scans = [1, 4].map((n) => listScans(db, { project, app: "shop", release: n }));
      expect((await Promise.all(scans)).map((of) => of.length)).toEqual([0, 1]);
      const left = await Promise.all([1, 2, 3, 4].map((n) => getRelease(db, project, "shop", n)));
      expect(left.map((one) => one?.release)).toEqual([undefined, 2, undefined, 4]);
      expect(await getRollout(db, project, "shop", 1)).toBeUndefined();
      expect(await trimReleases(db, project, "shop", 4)).toBe(0);
    });

    it("eachPlacedBundle and eachAssignedBundle: what clusters were told to have", async () => {
      const project = freshProject();
      const { db } = store;
      const bundle = { digest: "d".repeat(64), size: 1 };
      await assign(db, project, "shop", target("a", 1, { bundle }), 1);
      expect(await all(eachPlacedBundle(db, project, "shop"))).toEqual([bundle.digest]);
      expect(await all(eachAssignedBundle(db, project, "a"))).toEqual([bundle.digest]);
    });

    it("eachSourceState, eachChartState, eachServed: what the hub knows by digest", async () => {
      const project = freshProject();
      const { db } = store;
      await putSourceState(db, project, "fleet", { kind: "failed", code: "timeout", message: "m", at: 1 });
      await putChartState(
        db,
        project,
        "shop",
        { kind: "found", asked: "a", version: "1.0.0", digest: "a".repeat(64), at: 1 },
        undefined,
      );
      await putServed(db, { project, cluster: "a", apis: "x", seq: 1, at: 1 }, undefined);
      expect(await all(eachSourceState(db, project))).toMatchObject([{ code: "timeout" }]);
      expect(await all(eachChartState(db, project))).toMatchObject([{ version: "1.0.0" }]);
      expect(await all(eachServed(db, project))).toMatchObject([{ apis: "x" }]);
    });
  });
}
