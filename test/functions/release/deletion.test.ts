/** A deleted App stays until the release that takes it off every cluster is through, whatever ends before. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { leaveApp } from "../../../functions/release/leave.ts";
import { look } from "../../../functions/release/look.ts";
import { tick } from "../../../functions/rollout/tick.ts";
import { deletePlacement, listPlacements } from "../../../functions/store/placement.ts";
import { getRelease } from "../../../functions/store/rollout.ts";
import type { Db } from "../../../functions/store/db.ts";
import { deleteResource, getResource, markDeleting } from "../../../functions/store/resource.ts";
import { app, cluster } from "../../support/hub-parts.ts";
import { CLUSTERS, rolloutHub, type RolloutHub } from "../rollout/rollout-hub.ts";

const removed = Object.fromEntries(Object.keys(CLUSTERS).map((name) => [name, "removed" as const]));

describe("an App that is deleted", () => {
  let hub: RolloutHub;
  let commits = 0;
  beforeAll(async () => {
    hub = await rolloutHub();
  }, 900_000);
  afterAll(() => hub?.stop());
  beforeEach(async () => {
    for (const [name, ring] of Object.entries(CLUSTERS)) await hub.apply(cluster(name, { ring }));
  });

  const stored = () => getResource(hub.db, "App", "default", "shop");
  const mark = async (): Promise<void> => {
    const app = await stored();
    if (app === undefined) throw new Error("no App");
    await markDeleting(hub.db, app, { by: "user:ada" });
  };

  /** The release that takes it off its clusters, one step on its way. */
  const takeAway = async (): Promise<number> => {
    await mark();
    const made = await look(hub, "default", "shop");
    if (made.kind !== "released") throw new Error(JSON.stringify(made));
    await hub.step(made.release);
    return made.release;
  };

  it("does not go with the end of a rollout that gave it to its clusters", async () => {
    await hub.apply(app({ rollout: { budget: { clusters: 1 } } }));
    const release = await hub.release(`c${(commits += 1)}`, "red");
    await hub.step(release);
    await mark();
    const held = await look(hub, "default", "shop");
    expect((await hub.run(release)).state).toMatchObject({ kind: "succeeded", silent: 0 });
    expect(await stored()).toMatchObject({ deleting: true });
    expect(Object.values(await hub.given())).toEqual(Object.values(CLUSTERS).map(() => release));
    if (held.kind !== "withheld") throw new Error(JSON.stringify(held));
    await hub.tell(held.release, "approve", "user:bob");
    await look(hub, "default", "shop");
    await hub.step(held.release);
    await hub.report(removed);
    expect((await hub.step(held.release)).state).toMatchObject({ kind: "succeeded", silent: 0 });
    expect(await stored()).toBeUndefined();
  });

  it("does not go before the rollout that takes it away knows that it is through", async () => {
    await hub.apply(app());
    await hub.run(await hub.release(`c${(commits += 1)}`, "green"));
    const taken = await takeAway();
    await hub.report(removed);
    // Their reports are in the table, and nobody has told the rollout.
    expect(await look(hub, "default", "shop")).toEqual({ kind: "nothing" });
    expect(await stored()).toMatchObject({ deleting: true });
    expect((await hub.step(taken)).state).toMatchObject({ kind: "succeeded" });
    expect(await stored()).toBeUndefined();
    await hub.step(taken);
    expect(Object.values(await hub.given())).toEqual(Object.values(CLUSTERS).map(() => undefined));
  });

  it("goes also where its end was under way when it was applied and deleted again", async () => {
    await hub.apply(app());
    await hub.run(await hub.release(`c${(commits += 1)}`, "blue"));
    const taken = await takeAway();
    await hub.report(removed);
    await tick(hub, "default", "shop", taken);
    await hub.apply(app());
    await mark();
    for (const placement of await listPlacements(hub.db, "default", "shop"))
      await deletePlacement(hub.db, placement);
    expect(await look(hub, "default", "shop")).toEqual({ kind: "nothing" });
    expect(await stored()).toBeUndefined();
  });

  it("leaves what stands there to somebody who applies it again while it goes", async () => {
    await hub.apply(app());
    await hub.run(await hub.release(`c${(commits += 1)}`, "white"));
    await takeAway();
    await hub.report(removed);
    const going = await stored();
    if (going === undefined) throw new Error("no App");
    // What was listed was listed before; all that follows meets an App of a newer version.
    const query: Db["query"] = async function* (...asked) {
      yield* hub.db.query(...asked);
      await hub.apply(app());
    };
    expect(await leaveApp({ ...hub.db, query }, going)).toBe("lost");
    expect(await listPlacements(hub.db, "default", "shop")).toHaveLength(Object.keys(CLUSTERS).length);
    expect(await stored()).toMatchObject({ deleting: false });
  });

  it("is given to no cluster by a look that had read it before it went", async () => {
    await hub.apply(app({ clusters: { matchLabels: { ring: "none" } } }));
    await hub.release(`c${(commits += 1)}`, "pink").catch(() => undefined);
    await hub.apply(app());
    const getMany: Db["getMany"] = async (...asked) => {
      const going = await stored();
      if (going !== undefined) await deleteResource(hub.db, going, { by: "user:ada" });
      return hub.db.getMany(...asked);
    };
    expect(await look({ ...hub, db: { ...hub.db, getMany } }, "default", "shop")).toEqual({ kind: "lost" });
    expect(await stored()).toBeUndefined();
  });

  it("is taken again off clusters that a failed removal gave it back to", async () => {
    await hub.apply(app({ rollout: { maxUnavailable: "100%", onFailure: "rollback" } }));
    await hub.run(await hub.release(`c${(commits += 1)}`, "grey"));
    const taken = await takeAway();
    await hub.report({ ...removed, d: "failed" });
    expect((await hub.step(taken)).state.kind).toBe("rolling-back");
    const next = await look(hub, "default", "shop");
    if (next.kind !== "released") throw new Error(JSON.stringify(next));
    const release = await getRelease(hub.db, "default", "shop", next.release);
    expect([release?.targetCount, release?.removed]).toEqual([4, 4]);
  });
});
