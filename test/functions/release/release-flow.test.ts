/**
 * From a commit to assignments and back, on both engines: releases over all inputs, carried targets, withheld and
 * failed commits, supersede with a fence, removal as a statement. Every step is taken twice, as events come.
 */
import { hubStamp } from "#core/actor.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { appStateSchema } from "#core/view.ts";
import type { PlacementReport } from "#core/protocol.ts";
import { look } from "../../../functions/release/look.ts";
import { getTargets } from "../../../functions/release/content.ts";
import { assignRange } from "../../../functions/rollout/assign.ts";
import { tick } from "../../../functions/rollout/tick.ts";
import { putBeat } from "../../../functions/store/cluster.ts";
import { getPlacements, putReport } from "../../../functions/store/placement.ts";
import { getAssignment, listAssignments } from "../../../functions/store/assignment.ts";
import { deleteResource, getResource, markDeleting } from "../../../functions/store/resource.ts";
import { getRelease, getRollout } from "../../../functions/store/rollout.ts";
import { getAppRecord } from "../../../functions/store/state.ts";
import { dynamoEngines } from "../../support/dynamo.ts";
import { app, cluster, configMaps, hubParts, source, type HubParts } from "../../support/hub-parts.ts";

describe.each(dynamoEngines)("on $name", (engine) => {
  let hub: HubParts;
  beforeAll(async () => {
    hub = await hubParts(engine);
  }, 900_000);
  afterAll(() => hub?.stop());

  /** A project of its own for each test would be simplest; the source's state is the default project's, so the App is. */
  beforeEach(async () => {
    for (const name of ["a", "b", "c"]) {
      const stored = await getResource(hub.db, "Cluster", "default", name);
      if (stored !== undefined) await deleteResource(hub.db, stored, hubStamp("test"));
    }
    await hub.apply(source, cluster("a"), cluster("b"));
    for (const name of ["a", "b", "c"]) await putBeat(hub.db, "default", name, hub.now());
  });

  const state = async () => appStateSchema.parse(await getAppRecord(hub.db, "default", "shop"));

  /** Every released rank is assigned and reports healthy, until the rollout is over. */
  async function runThrough(release: number): Promise<void> {
    for (let step = 0; step < 10; step++) {
      const rollout = await tick(hub, "default", "shop", release, { redrive: true });
      if (rollout === undefined || rollout.state.kind === "succeeded") return;
      for (const target of await getTargets(
        hub.objects,
        rollout.targets,
        rollout.settled,
        rollout.released,
      )) {
        await putBeat(hub.db, "default", target.cluster, hub.now());
        await putReport(hub.db, "default", target.cluster, reportOf(target), hub.now());
      }
    }
    throw new Error("the rollout does not end");
  }

  let seq = 0;
  const reportOf = (target: {
    epoch: number;
    generation: number;
    release: number;
    action: string;
  }): PlacementReport => ({
    app: "shop",
    seq: (seq += 1),
    epoch: target.epoch,
    generation: target.generation,
    release: target.release,
    phase: target.action === "remove" ? "removed" : "healthy",
    message: "",
    objects: 1,
    outcomes: {},
    failures: [],
    drift: [],
    driftTotal: 0,
  });

  async function released(): Promise<number> {
    const looked = await look(hub, "default", "shop");
    if (looked.kind !== "released") throw new Error(`not released: ${JSON.stringify(looked)}`);
    expect(await look(hub, "default", "shop")).toEqual({ kind: "nothing" });
    return looked.release;
  }

  it("makes one release of a commit, and nothing when the same event comes again", async () => {
    await hub.apply(app());
    await hub.commit("c1", configMaps("one"));
    const release = await released();
    expect(await getRelease(hub.db, "default", "shop", release)).toMatchObject({
      commit: "c1",
      targetCount: 2,
      changed: 2,
      author: "Ada",
    });
    await runThrough(release);
    const placements = await getPlacements(hub.db, "default", "shop", ["a", "b"]);
    expect([...placements.values()].map(({ assigned }) => assigned?.release)).toEqual([release, release]);
    expect(await state()).toMatchObject({ active: false, release });
  });

  it("carries a cluster whose bundle and options stay: its generation stays too", async () => {
    await hub.apply(app({ path: "apps/${cluster.name}" }));
    const of = (text: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${text} }\n`;
    await hub.commit("c2", { "apps/a/x.yaml": of("same"), "apps/b/x.yaml": of("same") });
    const first = await released();
    await runThrough(first);
    const generation = (await getAssignment(hub.db, "default", "a", "shop"))?.generation;
    await hub.commit("c3", { "apps/a/x.yaml": of("same"), "apps/b/x.yaml": of("other") });
    const second = await released();
    expect(await getRelease(hub.db, "default", "shop", second)).toMatchObject({ targetCount: 2, changed: 1 });
    await runThrough(second);
    expect((await getAssignment(hub.db, "default", "a", "shop"))?.generation).toBe(generation);
    expect((await getAssignment(hub.db, "default", "b", "shop"))?.generation).toBeGreaterThan(
      generation ?? 0,
    );
  });

  it("makes no release of a commit that changes nothing for the App", async () => {
    await hub.apply(app());
    await hub.commit("c4", configMaps("four"));
    await runThrough(await released());
    const { release } = await state();
    await hub.commit("c5", { ...configMaps("four"), "README.md": "other" });
    expect(await look(hub, "default", "shop")).toEqual({ kind: "nothing" });
    expect(await state()).toMatchObject({ release, commit: "c5" });
  });

  it("tells a commit that does not render, and forgets the error with the next good one", async () => {
    await hub.apply(app());
    await hub.commit("c6", { "apps/all.yaml": "kind: [" });
    expect(await look(hub, "default", "shop")).toMatchObject({
      kind: "failed",
      error: { commit: "c6", file: "apps/all.yaml" },
    });
    expect(await look(hub, "default", "shop")).toEqual({ kind: "nothing" });
    expect((await state()).error).toMatchObject({ file: "apps/all.yaml" });
    hub.setNow(hub.now() + 5 * 60_000);
    expect(await look(hub, "default", "shop")).toMatchObject({ kind: "failed" });
    await hub.commit("c7", configMaps("seven"));
    await runThrough(await released());
    expect((await state()).error).toBeUndefined();
  });

  it("withholds a release that would delete more than its budget", async () => {
    await hub.apply(app({ rollout: { budget: { deletes: 1 } } }));
    await hub.commit("c8", configMaps("red", "green", "blue"));
    await runThrough(await released());
    await hub.commit("c9", configMaps("red"));
    const held = await look(hub, "default", "shop");
    if (held.kind !== "withheld") throw new Error(JSON.stringify(held));
    expect((await getRollout(hub.db, "default", "shop", held.release))?.state).toMatchObject({
      reason: expect.stringContaining("it would delete 2 objects on each of 2 clusters"),
    });
    await hub.apply(app({ rollout: { budget: { deletes: 2 } } }));
    const next = await released();
    expect(next).toBe(held.release + 1);
    expect((await getRollout(hub.db, "default", "shop", held.release))?.state.kind).toBe("superseded");
    await runThrough(next);
  });

  it("supersedes a running rollout: its late assignments are dropped by the fence", async () => {
    await hub.apply(app());
    await hub.commit("d1", configMaps("d1"));
    const old = await released();
    const before = await tick(hub, "default", "shop", old);
    await hub.commit("d2", configMaps("d2"));
    const next = await released();
    expect((await getRollout(hub.db, "default", "shop", old))?.state).toMatchObject({
      kind: "superseded",
      by: next,
    });
    const late = { project: "default", app: "shop", release: old, fence: before?.fence ?? 0, from: 0, to: 2 };
    expect(await assignRange(hub, late)).toBe("dropped");
    await runThrough(next);
    expect((await getAssignment(hub.db, "default", "a", "shop"))?.generation).toBe(
      (await getAppRecord(hub.db, "default", "shop"))?.generation,
    );
  });

  it("lets no stale, replayed or foreign report move a rollout", async () => {
    await hub.apply(app());
    await hub.commit("e1", configMaps("e1"));
    await runThrough(await released());
    const [target] = await getTargets(
      hub.objects,
      (await getRollout(hub.db, "default", "shop", (await state()).release))?.targets ?? "",
      0,
      1,
    );
    if (target === undefined) throw new Error("no target");
    await hub.commit("e2", configMaps("e2"));
    const release = await released();
    const rollout = await tick(hub, "default", "shop", release, { redrive: true });
    expect(await putReport(hub.db, "default", target.cluster, reportOf(target), hub.now())).toEqual({
      kind: "written",
    });
    const replayed = { ...reportOf({ ...target, generation: target.generation + 1 }), seq: 1 };
    expect(await putReport(hub.db, "default", target.cluster, replayed, hub.now())).toMatchObject({
      kind: "stale",
    });
    expect(await putReport(hub.db, "default", "stranger", reportOf(target), hub.now())).toEqual({
      kind: "unknown",
    });
    expect((await tick(hub, "default", "shop", release))?.settled).toBe(rollout?.settled);
    await runThrough(release);
  });

  it("takes a cluster that no longer matches off by a signed removal", async () => {
    await hub.apply(
      app({ clusters: { matchLabels: { tier: "web" } } }),
      cluster("a", { tier: "web" }),
      cluster("b", { tier: "web" }),
    );
    await hub.commit("f1", configMaps("f1"));
    await runThrough(await released());
    await hub.apply(cluster("b"));
    const release = await released();
    expect(await getRelease(hub.db, "default", "shop", release)).toMatchObject({
      reason: "clusters changed",
      removed: 1,
    });
    await runThrough(release);
    const [row] = await listAssignments(hub.db, "default", "b");
    const payload = JSON.parse(Buffer.from(row?.statement.split(".")[1] ?? "", "base64url").toString()) as {
      order: object;
    };
    expect(payload.order).toMatchObject({ action: "remove", deletion: "delete" });
  });

  it("deletes an App whose last cluster was silent when that cluster comes back and leaves it", async () => {
    await hub.apply(app());
    await hub.commit("h1", configMaps("h1"));
    await runThrough(await released());
    const stored = await getResource(hub.db, "App", "default", "shop");
    if (stored === undefined) throw new Error("no App");
    await markDeleting(hub.db, stored, hubStamp("test"));
    const release = await released();
    const rollout = await tick(hub, "default", "shop", release, { redrive: true });
    const targets = await getTargets(hub.objects, rollout?.targets ?? "", 0, 2);
    const [heard, silent] = targets;
    if (heard === undefined || silent === undefined) throw new Error("not two targets");
    hub.setNow(hub.now() + 11 * 60_000);
    await putBeat(hub.db, "default", heard.cluster, hub.now());
    await putReport(hub.db, "default", heard.cluster, reportOf(heard), hub.now());
    expect((await tick(hub, "default", "shop", release))?.state).toMatchObject({
      kind: "succeeded",
      silent: 1,
    });
    await look(hub, "default", "shop");
    expect(await getResource(hub.db, "App", "default", "shop")).toBeDefined();
    await putBeat(hub.db, "default", silent.cluster, hub.now());
    await putReport(hub.db, "default", silent.cluster, reportOf(silent), hub.now());
    await look(hub, "default", "shop");
    // Its rollout does not know yet.
    expect(await getResource(hub.db, "App", "default", "shop")).toBeDefined();
    await tick(hub, "default", "shop", release);
    await look(hub, "default", "shop");
    expect(await getResource(hub.db, "App", "default", "shop")).toBeUndefined();
    expect(await listAssignments(hub.db, "default", silent.cluster)).toEqual([]);
  });

  it("deletes an App only after it has left its clusters, and counts on when it comes again", async () => {
    await hub.apply(app());
    await hub.commit("g1", configMaps("g1"));
    await runThrough(await released());
    const stored = await getResource(hub.db, "App", "default", "shop");
    if (stored === undefined) throw new Error("no App");
    await markDeleting(hub.db, stored, hubStamp("test"));
    const release = await released();
    expect(await getResource(hub.db, "App", "default", "shop")).toBeDefined();
    await runThrough(release);
    expect(await getResource(hub.db, "App", "default", "shop")).toBeUndefined();
    expect(await listAssignments(hub.db, "default", "a")).toEqual([]);
    await hub.apply(app());
    expect(await released()).toBeGreaterThan(release);
  });
});
