/** A release above its App's budget: nothing of it can be assigned until a second person has said yes to what would go. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { digestOf } from "#core/digest.ts";
import type { Statement } from "#core/statement.ts";
import { getTargets } from "../../../functions/release/content.ts";
import { look } from "../../../functions/release/look.ts";
import { assignRange } from "../../../functions/rollout/assign.ts";
import { sweepRollouts } from "../../../functions/rollout/tick-apps.ts";
import { getAssignment } from "../../../functions/store/assignment.ts";
import { getResource, markDeleting } from "../../../functions/store/resource.ts";
import { getRelease } from "../../../functions/store/rollout.ts";
import { app, cluster, configMaps } from "../../support/hub-parts.ts";
import { CLUSTERS, getAppRecord, rolloutHub, type RolloutHub } from "../rollout/rollout-hub.ts";

describe("a release above its budget", () => {
  let hub: RolloutHub;
  beforeAll(async () => {
    hub = await rolloutHub();
  }, 900_000);
  afterAll(() => hub?.stop());

  const BUDGET = { rollout: { budget: { deletes: 1 } } };
  let commits = 0;
  const commit = async (...names: string[]): Promise<void> =>
    hub.commit(`c${(commits += 1)}`, configMaps(...names));
  const looked = () => look(hub, "default", "shop");
  const withheld = async (): Promise<number> => {
    const found = await looked();
    if (found.kind !== "withheld") throw new Error(`not withheld: ${JSON.stringify(found)}`);
    expect(await looked()).toEqual({ kind: "nothing" });
    return found.release;
  };
  const released = async (): Promise<number> => {
    const found = await looked();
    if (found.kind !== "released") throw new Error(`not released: ${JSON.stringify(found)}`);
    await hub.run(found.release);
    return found.release;
  };
  const statement = async (name: string): Promise<Statement> => {
    const row = await getAssignment(hub.db, "default", name, "shop");
    return JSON.parse(Buffer.from(row?.statement.split(".")[1] ?? "", "base64url").toString()) as Statement;
  };
  const record = () => getAppRecord(hub.db, "default", "shop");

  beforeEach(async () => {
    for (const [name, ring] of Object.entries(CLUSTERS)) await hub.apply(cluster(name, { ring }));
    await hub.apply(app(BUDGET));
    await commit("red", "green", "blue", "black");
    const found = await looked();
    if (found.kind === "released") await hub.run(found.release);
  });

  it("exists, says what would vanish, and nothing of it can be assigned", async () => {
    const before = await hub.given();
    const running = (await record())?.release;
    await commit("red");
    const held = await withheld();
    const release = await getRelease(hub.db, "default", "shop", held);
    expect(release?.losses).toMatchObject({
      clusters: 4,
      objects: 12,
      groups: [
        {
          clusters: { count: 4 },
          objects: 3,
          listed: ["ConfigMap black", "ConfigMap blue", "ConfigMap green"],
        },
      ],
    });
    expect(await getTargets(hub.objects, release?.targets ?? "", 0, 10)).toEqual([]);
    const range = { project: "default", app: "shop", release: held, fence: 1, from: 0, to: 4 };
    expect(await assignRange(hub, range)).toBe("dropped");
    await sweepRollouts(hub);
    await hub.step(held);
    expect(await hub.given()).toEqual(before);
    expect(await record()).toMatchObject({ release: running, withheld: held });
  });

  it("is signed with what was approved and no more, by a second person's yes", async () => {
    await commit("red");
    const held = await withheld();
    expect(await hub.tell(held, "approve", "user:a@example.com")).toMatchObject({
      kind: "refused",
      message: expect.stringContaining("somebody else"),
    });
    expect(await hub.tell(held, "approve", "user:bob", "meant")).toMatchObject({ kind: "done" });
    // The event is lost: the next look, whoever asks for it, goes on from the record.
    expect(await looked()).toEqual({ kind: "released", release: held });
    expect(await looked()).toEqual({ kind: "nothing" });
    await hub.run(held);
    expect((await hub.rollout(held)).state.kind).toBe("succeeded");
    for (const name of Object.keys(CLUSTERS))
      expect(await statement(name)).toMatchObject({ release: held, order: { pruneLimit: 3 } });
    expect((await record())?.withheld).toBeUndefined();
    // The limit was for this release only: the next one that changes nothing is none.
    await hub.commit(`c${(commits += 1)}`, { ...configMaps("red"), "README.md": "more" });
    expect(await looked()).toEqual({ kind: "nothing" });
    await commit("red", "pink");
    await released();
    expect((await statement("a")).order.pruneLimit).toBe(1);
  });

  it("asks anew where more would go than was approved", async () => {
    await commit("red", "green");
    const first = await withheld();
    await hub.tell(first, "approve", "user:bob");
    await commit("red");
    const second = await withheld();
    expect(second).toBeGreaterThan(first);
    expect((await hub.rollout(first)).state).toMatchObject({ kind: "superseded", by: second });
    expect(await hub.tell(first, "approve", "user:bob")).toMatchObject({ kind: "refused" });
    await hub.tell(second, "approve", "user:bob");
    expect(await looked()).toEqual({ kind: "released", release: second });
    await hub.run(second);
  });

  it("keeps an approval for a newer commit by which the same would go", async () => {
    await commit("red");
    const first = await withheld();
    await hub.tell(first, "approve", "user:bob");
    await commit("red", "new");
    expect(await looked()).toEqual({ kind: "released", release: first });
    expect(await getRelease(hub.db, "default", "shop", first)).toMatchObject({ commit: `c${commits}` });
    await hub.run(first);
  });

  it("ends by a no, and is asked again only by another commit", async () => {
    await commit("red");
    const held = await withheld();
    await hub.tell(held, "reject", "user:bob", "not today");
    expect((await hub.rollout(held)).state).toMatchObject({
      kind: "aborted",
      reason: "rejected by user:bob: not today",
    });
    expect(await hub.tell(held, "approve", "user:eve")).toMatchObject({ kind: "refused" });
    await hub.apply(cluster("a", { ring: "0", other: "label" }));
    expect(await looked()).toEqual({ kind: "nothing" });
    await commit("red", "pink");
    expect(await withheld()).toBeGreaterThan(held);
  });

  it("is wanted no more when what runs is committed again", async () => {
    await commit("red");
    const held = await withheld();
    await commit("red", "green", "blue", "black");
    expect(await looked()).toEqual({ kind: "nothing" });
    expect((await hub.rollout(held)).state.kind).toBe("superseded");
    expect(await hub.tell(held, "approve", "user:bob")).toMatchObject({ kind: "refused" });
    await commit("red", "green", "blue");
    expect(await released()).toBe(held + 1);
  });

  it("is also a label or a deletion that takes the App off more clusters than the budget says", async () => {
    await hub.apply(
      app({ clusters: { matchLabels: { tier: "web" } }, rollout: { budget: { clusters: 1 } } }),
      ...Object.keys(CLUSTERS).map((name) => cluster(name, { tier: "web" })),
    );
    await released();
    await hub.apply(cluster("a"), cluster("b"));
    const slip = await withheld();
    expect((await hub.rollout(slip)).state).toMatchObject({
      reason: "it would delete the App from 2 of 4 clusters, the budget is clusters: 1",
      authors: ["hub:test"],
    });
    await hub.apply(cluster("b", { tier: "web" }));
    await released();
    const stored = await getResource(hub.db, "App", "default", "shop");
    if (stored === undefined) throw new Error("no App");
    await markDeleting(hub.db, stored, { by: "user:ada" });
    const gone = await withheld();
    expect(await hub.tell(gone, "approve", "user:ada")).toMatchObject({ kind: "refused" });
    await hub.tell(gone, "approve", "user:bob");
    expect(await looked()).toEqual({ kind: "released", release: gone });
    expect((await statement("b")).order.action).toBe("apply");
    await hub.step(gone);
    expect((await statement("b")).order).toMatchObject({ action: "remove", deletion: "delete" });
    expect(digestOf((await hub.given())["b"])).toBe(digestOf(gone));
  });
});
