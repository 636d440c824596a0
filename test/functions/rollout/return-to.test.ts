/** Back to what any kept release gave: without Git, without a render, and so that no poll undoes it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Statement } from "#core/statement.ts";
import { look } from "../../../functions/release/look.ts";
import { getAssignment } from "../../../functions/store/assignment.ts";
import { commandReturn } from "../../../functions/rollout/return-to.ts";
import { getRelease } from "../../../functions/store/rollout.ts";
import { app, cluster, configMaps } from "../../support/hub-parts.ts";
import { CLUSTERS, getAppRecord, rolloutHub, staged, type RolloutHub } from "./rollout-hub.ts";

describe("rollback to a release", () => {
  let hub: RolloutHub;
  beforeAll(async () => {
    hub = await rolloutHub();
    await hub.apply(app());
  }, 900_000);
  afterAll(() => hub?.stop());

  const looked = (without: Partial<RolloutHub> = {}) => look({ ...hub, ...without }, "default", "shop");
  const back = (release: number, to: number) =>
    commandReturn(hub, {
      project: "default",
      app: "shop",
      release,
      to,
      stamp: { by: "user:ada", request: "r" },
    });
  const statement = async (name: string): Promise<Statement> => {
    const row = await getAssignment(hub.db, "default", name, "shop");
    const text = Buffer.from(row?.statement.split(".")[1] ?? "", "base64url").toString();
    return JSON.parse(text) as Statement;
  };
  const order = async (name: string) => (await statement(name)).order;
  const bundles = async () =>
    Object.fromEntries(
      await Promise.all(
        Object.keys(CLUSTERS).map(async (name) => {
          const told = await order(name);
          return [name, told.action === "apply" ? told.bundle.digest : undefined] as const;
        }),
      ),
    );
  const never = () => Promise.reject(new Error("nothing is rendered on the way back"));
  const noRender = { renderer: { render: never, rego: never, close: async () => undefined } };
  async function make(commit: string, ...names: string[]): Promise<number> {
    await hub.commit(commit, configMaps(...names));
    const found = await looked();
    if (found.kind !== "released") throw new Error(JSON.stringify(found));
    await hub.run(found.release);
    return found.release;
  }

  it("is a release of its own through the stages, that removes what was added since", async () => {
    const first = await make("c1", "one");
    const given = await bundles();
    expect((await statement("a")).source).toEqual({ commit: "c1" });
    await make("c2", "one", "two");
    const third = await make("c3", "one", ...Array.from({ length: 30 }, (_, n) => `added-${n}`));
    await hub.apply(staged());
    expect(await back(third, first)).toMatchObject({ kind: "done", rollout: { returnTo: first } });
    const found = await looked(noRender);
    if (found.kind !== "released") throw new Error(JSON.stringify(found));
    expect(found.release).toBe(third + 1);
    expect(await getRelease(hub.db, "default", "shop", found.release)).toMatchObject({
      reason: `rollback to release ${first}`,
      changed: 4,
    });
    expect((await hub.step(found.release)).released).toBe(1);
    expect((await hub.run(found.release)).state.kind).toBe("succeeded");
    expect(await bundles()).toEqual(given);
    expect(await order("a")).toMatchObject({ pruneLimit: 30 });
    // What it gives back was made of that commit, whatever came since.
    expect((await statement("a")).source).toEqual({ commit: "c1" });
  });

  it("pins the App: neither a poll, a label nor another commit that gives the same undoes it", async () => {
    const { release = 0 } = (await getAppRecord(hub.db, "default", "shop")) ?? {};
    expect(await looked()).toEqual({ kind: "nothing" });
    await hub.apply(cluster("b", { ring: "1", more: "x" }));
    expect(await looked()).toMatchObject({
      kind: "failed",
      error: { message: expect.stringMatching(/^pinned/) },
    });
    await hub.tell(release, "unpin");
    const again = await looked();
    if (again.kind !== "released") throw new Error(JSON.stringify(again));
    await hub.run(again.release);
    expect(await getRelease(hub.db, "default", "shop", again.release)).toMatchObject({ commit: "c3" });
  });

  it("is lifted by what really differs, and leaves clusters that joined since as they are", async () => {
    await hub.apply(app({ rollout: { budget: { deletes: 100 } } }));
    const before = await make("d1", "four");
    await hub.apply(app({ clusters: { matchLabels: { site: "x" } } }));
    for (const name of ["a", "b"]) await hub.apply(cluster(name, { ring: CLUSTERS[name as "a"], site: "x" }));
    const found = await looked();
    if (found.kind !== "released") throw new Error(JSON.stringify(found));
    await hub.run(found.release);
    const newest = await make("d2", "five");
    await back(newest, before);
    const made = await looked(noRender);
    if (made.kind !== "released") throw new Error(JSON.stringify(made));
    await hub.run(made.release);
    expect(await getRelease(hub.db, "default", "shop", made.release)).toMatchObject({ changed: 2 });
    expect(await order("c")).toMatchObject({ action: "remove" });
    await make("d3", "six");
    expect((await getAppRecord(hub.db, "default", "shop"))?.pinned).toBeUndefined();
  });

  it("refuses what is not kept, is newer, or is not in force any more", async () => {
    const { release = 0 } = (await getAppRecord(hub.db, "default", "shop")) ?? {};
    for (const to of [release, release + 1, 999])
      expect(await back(release, to)).toMatchObject({
        kind: "refused",
        message: expect.stringContaining("no going back"),
      });
    expect(await back(release - 1, 1)).toMatchObject({ message: expect.stringContaining("not in force") });
    expect(await looked()).toEqual({ kind: "nothing" });
  });
});
