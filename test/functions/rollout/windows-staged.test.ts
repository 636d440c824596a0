/** Rollouts that wait for a window, over a real table: the time passes, nobody tells them. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { whyPlaced } from "../../../functions/rollout/why.ts";
import { rolloutHub, staged, type RolloutHub } from "./rollout-hub.ts";

const HOUR = 3_600_000;
let hub: RolloutHub;
beforeAll(async () => {
  hub = await rolloutHub();
}, 900_000);
afterAll(() => hub?.stop());

/** A window of an hour that opens in two. */
const soon = () => {
  const opens = new Date(hub.now() + 2 * HOUR);
  opens.setUTCSeconds(0, 0);
  return { cron: `${opens.getUTCMinutes()} ${opens.getUTCHours()} * * *`, at: opens.getTime() };
};
const why = (cluster: string) => whyPlaced(hub, "default", "shop", cluster);

it("a rollout waits for its window, says when it opens, and moves as soon as the sweep comes by", async () => {
  const { cron, at } = soon();
  await hub.apply(staged({ windows: [{ allow: cron, for: "1h" }] }, { windows: [] }));
  const first = await hub.release("one", "one");
  expect(await hub.run(first)).toMatchObject({
    stage: 1,
    state: { kind: "running", step: { kind: "window", until: at } },
  });
  expect(await hub.given()).toEqual({ a: first, b: undefined, c: undefined, d: undefined });
  const opens = new Date(at).toISOString().slice(0, 16).replace("T", " ");
  expect(await why("b")).toContain(`stage wide waits for its window, which opens at ${opens} UTC`);
  await hub.pass(HOUR);
  const waiting = await hub.rollout(first);
  expect(await hub.step(first)).toEqual(waiting);
  await hub.pass(at - hub.now());
  await hub.step(first);
  // It closes while one of the stage moves: that one finishes, no other begins.
  await hub.pass(HOUR);
  expect(await hub.run(first)).toMatchObject({ stage: 1, out: [], state: { step: { kind: "window" } } });
  expect(Object.values(await hub.given()).filter((one) => one === first)).toHaveLength(2);
  expect(await hub.tell(first, "skip-stage", "user:eve", "an urgent fix")).toMatchObject({ kind: "done" });
  // The window of `rest` is closed too, and nobody has passed that one.
  expect(await hub.run(first)).toMatchObject({ stage: 2, state: { step: { kind: "window" } } });
  expect(await hub.given()).toMatchObject({ b: first, c: first, d: undefined });
});

it("a rollback is kept by no window", async () => {
  await hub.apply(staged({ windows: [] }));
  const base = await hub.release("two", "two");
  expect((await hub.run(base)).state.kind).toBe("succeeded");
  const always = [{ deny: "* * * * *", for: "1h" }];
  await hub.apply(staged({ windows: always, onFailure: "rollback" }, { windows: [] }));
  const next = await hub.release("three", "three");
  expect((await hub.run(next, { a: "failed" })).state.kind).toBe("rolling-back");
  await hub.back(next);
  expect((await hub.run(next)).state.kind).toBe("rolled-back");
  expect(await hub.given()).toEqual({ a: base, b: base, c: base, d: base });
});
