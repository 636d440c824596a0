/** What reports say of their agent besides: written when it is news, and else once a minute. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hearReport } from "../../../functions/api/heard.ts";
import { getBeats, type Line } from "../../../functions/store/cluster.ts";
import { openStore, type StoreUnderTest } from "../../conformance/store-parts.ts";
import { Engine } from "../../sim/engine/engine.ts";

const NOW = 1_800_000_000_000;
const SECOND = 1_000;
let store: StoreUnderTest;
beforeAll(async () => {
  store = await openStore(async () => new Engine());
});
afterAll(() => store?.stop());

const heardOf = async (cluster: string) => (await getBeats(store.db, "default", [cluster])).get(cluster);
const hearing =
  (cluster: string) =>
  (at: number, run = "run-1", agent = "1.0.0") =>
    hearReport(store.db, { project: "default", cluster } as Line, run, at, { agent });

describe(hearReport.name, () => {
  it("writes once a minute, however much is reported", async () => {
    const hear = hearing("busy");
    for (const seconds of [0, 1, 30, 59]) await hear(NOW + seconds * SECOND);
    expect((await heardOf("busy"))?.heardAt).toBe(NOW);
    await hear(NOW + 60 * SECOND);
    expect((await heardOf("busy"))?.heardAt).toBe(NOW + 60 * SECOND);
  });

  it("writes at once that another run, or another agent, is heard", async () => {
    const hear = hearing("restarted");
    await hear(NOW);
    await hear(NOW + SECOND, "run-2");
    expect(await heardOf("restarted")).toMatchObject({ run: "run-2", before: "run-1" });
    await hear(NOW + 2 * SECOND, "run-2", "1.1.0");
    expect(await heardOf("restarted")).toMatchObject({ agent: "1.1.0", heardAt: NOW + 2 * SECOND });
  });

  it("takes no cluster for another, and no write that failed for one that was made", async () => {
    await hearing("one")(NOW);
    await hearing("two")(NOW);
    expect((await heardOf("two"))?.heardAt).toBe(NOW);
    const away = { ...store.db, update: () => Promise.reject(new Error("throttled")) };
    const line = { project: "default", cluster: "three" } as Line;
    await expect(hearReport(away, line, "run-1", NOW, {})).rejects.toThrow("throttled");
    await expect(hearReport(away, line, "run-1", NOW, {})).rejects.toThrow("throttled");
  });
});
