/** Clusters that say "not now", over a real table: passed by, told, and moved once their time is over. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ClusterHold } from "#core/hold.ts";
import { whyPlaced } from "../../../functions/rollout/why.ts";
import { deleteBeat } from "../../../functions/store/cluster.ts";
import { deleteHold, getHold, putHold } from "../../../functions/store/hold.ts";
import { getAppRecord, rolloutHub, staged, type RolloutHub } from "./rollout-hub.ts";

const HOUR = 3_600_000;
let hub: RolloutHub;
let base = 0;
let texts = 0;
const text = () => `text-${(texts += 1)}`;
beforeAll(async () => {
  hub = await rolloutHub();
}, 900_000);
afterAll(() => hub?.stop());

const hold = async (cluster: string, holds: ClusterHold) => {
  const was = await getHold(hub.db, "default", cluster);
  const change = { ...holds, stamp: { by: "user:ada" } };
  expect(await putHold(hub.db, { project: "default", cluster }, change, was)).toBe("written");
};
const payday = () => ({ until: hub.now() + HOUR, reason: "payday" });
const why = (cluster: string) => whyPlaced(hub, "default", "shop", cluster);

beforeEach(async () => {
  for (const cluster of ["a", "b", "c", "d"]) await deleteHold(hub.db, "default", cluster);
  for (const cluster of ["a", "b", "c", "d"]) await deleteBeat(hub.db, "default", cluster);
  await hub.pass(60_000);
  await hub.apply(staged());
  base = await hub.release(`base ${texts}`, text());
  expect((await hub.run(base)).state).toMatchObject({ kind: "succeeded", silent: 0 });
}, 60_000);

describe("a held cluster", () => {
  it("is passed by at its turn, and moves when its time is over", async () => {
    await hold("b", { person: payday() });
    const next = await hub.release(`n ${texts}`, text());
    expect((await hub.run(next)).state).toEqual({
      kind: "succeeded",
      at: expect.any(Number) as number,
      silent: 0,
      held: 1,
    });
    expect(await hub.given()).toEqual({ a: next, b: base, c: next, d: next });
    expect(await why("b")).toMatch(/passed by at its turn, and held until .* UTC: payday/);
    expect(await getAppRecord(hub.db, "default", "shop")).toMatchObject({ active: true });
    // The sweep looks, and writes nothing as long as nothing is new.
    const waiting = await hub.rollout(next);
    await hub.pass(HOUR / 2);
    expect(await hub.step(next)).toEqual(waiting);
    await hub.pass(HOUR / 2);
    expect((await hub.run(next)).state).toMatchObject({ kind: "succeeded", silent: 0 });
    expect((await hub.rollout(next)).state).not.toHaveProperty("held");
    expect(await hub.given()).toMatchObject({ b: next });
    expect(await getAppRecord(hub.db, "default", "shop")).toMatchObject({ active: false });
  });

  it("moves as soon as its hold is lifted", async () => {
    await hold("b", { person: payday() });
    const next = await hub.release(`n ${texts}`, text());
    await hub.run(next);
    await hold("b", {});
    await hub.run(next);
    expect(await hub.given()).toMatchObject({ b: next });
  });

  it("is held for one App by its own word, and not for another", async () => {
    await hold("b", { agent: { apps: { web: payday() } } });
    await hold("c", { agent: { apps: { shop: payday() } } });
    const next = await hub.release(`n ${texts}`, text());
    await hub.run(next);
    expect(await hub.given()).toEqual({ a: next, b: next, c: base, d: next });
  });

  it("keeps what it was given before it said so, and nothing is taken back", async () => {
    const next = await hub.release(`n ${texts}`, text());
    await hub.step(next);
    await hold("a", { person: payday() });
    expect((await hub.run(next)).state).toEqual({
      kind: "succeeded",
      at: expect.any(Number) as number,
      silent: 0,
    });
    expect(await hub.given()).toMatchObject({ a: next });
  });

  it("goes back all the same: a hold keeps it from what is new", async () => {
    await hub.apply(staged({ onFailure: "rollback" }));
    const next = await hub.release(`n ${texts}`, text());
    await hub.step(next);
    await hold("a", { person: payday() });
    expect((await hub.run(next, { a: "failed" })).state.kind).toBe("rolling-back");
    await hub.back(next);
    expect((await hub.run(next)).state.kind).toBe("rolled-back");
    expect(await hub.given()).toMatchObject({ a: base });
    await hub.tell(next, "unpin");
  });

  it("that falls silent is counted as silent, not as held", async () => {
    await hold("b", { person: { until: hub.now() + 24 * HOUR, reason: "moving house" } });
    const next = await hub.release(`n ${texts}`, text());
    await hub.run(next);
    await hub.pass(11 * 60_000, "b");
    expect((await hub.run(next)).state).toMatchObject({ kind: "succeeded", silent: 1 });
    expect((await hub.rollout(next)).held).toEqual([]);
    expect(await why("b")).toContain("and still is");
  });
});
