/** Whole rollouts over a real table, each step as an event, a sweep or a person would bring it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { forgetCluster } from "../../../functions/apply/forget.ts";
import { commandRollout } from "../../../functions/rollout/command.ts";
import { assignRange } from "../../../functions/rollout/assign.ts";
import { tick } from "../../../functions/rollout/tick.ts";
import { getTargets } from "../../../functions/release/content.ts";
import { look } from "../../../functions/release/look.ts";
import { putBeat } from "../../../functions/store/cluster.ts";
import { keys } from "../../../functions/store/table.ts";
import { putRollout } from "../../../functions/store/rollout.ts";
import { putAppRecord } from "../../../functions/store/state.ts";
import { deleteResource, getResource } from "../../../functions/store/resource.ts";
import { cluster, configMaps } from "../../support/hub-parts.ts";
import { whyPlaced } from "../../../functions/rollout/why.ts";
import { getAppRecord, rolloutHub, staged, type RolloutHub } from "./rollout-hub.ts";

let hub: RolloutHub;
let base = 0;
let texts = 0;
const text = () => `text-${(texts += 1)}`;

beforeAll(async () => {
  hub = await rolloutHub();
}, 900_000);
afterAll(() => hub?.stop());

/** A first release that everybody is healthy on; the pin of the test before is lifted by it. */
beforeEach(async () => {
  await hub.pass(60_000);
  await hub.apply(staged());
  const record = await getAppRecord(hub.db, "default", "shop");
  if (record?.pinned !== undefined) await hub.tell(record.pinned.release, "unpin");
  base = await hub.release(`base ${texts}`, text());
  expect((await hub.run(base)).state).toMatchObject({ kind: "succeeded", silent: 0 });
}, 60_000);

const record = async () => getAppRecord(hub.db, "default", "shop");
const stamp = { by: "user:ada" };
const never = (what: string): never => {
  throw new Error(`there is no ${what}`);
};
const deleteCluster = async (name: string): Promise<void> => {
  const cluster = (await getResource(hub.db, "Cluster", "default", name)) ?? never("cluster");
  await deleteResource(hub.db, cluster, stamp);
  await forgetCluster(hub.db, "default", name);
};
const why = (cluster: string) => whyPlaced(hub, "default", "shop", cluster);

describe("a staged rollout", () => {
  it("moves stage by stage, soaks, and leaves the others where they are", async () => {
    await hub.apply(staged({}, { soak: "10m" }));
    const next = await hub.release(`n ${texts}`, text());
    expect((await hub.rollout(next)).stages.map(({ name, from, to }) => [name, from, to])).toEqual([
      ["canary", 0, 1],
      ["wide", 1, 3],
      ["rest", 3, 4],
    ]);
    expect((await hub.run(next)).state).toMatchObject({ kind: "running", step: { kind: "soaking" } });
    expect(await hub.given()).toEqual({ a: next, b: base, c: base, d: base });
    expect(await why("b")).toContain(
      `still on release ${base}: stage wide has not begun; stage canary soaks until`,
    );
    await hub.pass(9 * 60_000);
    expect((await hub.run(next)).stage).toBe(0);
    await hub.pass(60_000);
    const wide = await hub.step(next);
    expect([wide.stage, wide.out.length]).toEqual([1, 1]);
    expect((await hub.run(next)).state).toMatchObject({ kind: "succeeded", silent: 0 });
    expect(await hub.given()).toEqual({ a: next, b: next, c: next, d: next });
    expect(await why("d")).toContain("the newest, and healthy");
  });

  it("waits for a second person", async () => {
    await hub.apply(staged({ onFailure: "halt" }, { approval: "after" }));
    const next = await hub.release(`n ${texts}`, text());
    expect((await hub.run(next)).state).toMatchObject({ step: { kind: "approval", when: "after" } });
    expect(await hub.tell(next, "skip-stage")).toMatchObject({ kind: "refused" });
    expect(await hub.tell(next, "approve", "user:eve")).toMatchObject({ kind: "done" });
    expect((await hub.rollout(next)).approvals).toMatchObject([{ stage: "canary", by: "user:eve" }]);
    expect((await hub.run(next)).state.kind).toBe("succeeded");
  });

  it("does not wait for a silent cluster that is deleted", async () => {
    await hub.apply(cluster("gone", { ring: "2" }));
    const next = await hub.release(`n ${texts}`, text());
    expect((await hub.run(next)).state).toMatchObject({ kind: "succeeded", silent: 1 });
    expect(await record()).toMatchObject({ active: true });
    await deleteCluster("gone");
    expect(await hub.step(next)).toMatchObject({ later: [], state: { kind: "succeeded", silent: 0 } });
    expect(await record()).toMatchObject({ active: false });
  });

  it("does not wait for a deleted cluster whose late heartbeat came back", async () => {
    await hub.apply(cluster("gone", { ring: "2" }));
    const next = await hub.release(`n ${texts}`, text());
    expect((await hub.run(next)).state).toMatchObject({ kind: "succeeded", silent: 1 });
    await deleteCluster("gone");
    await putBeat(hub.db, "default", "gone", 1);
    expect(await hub.step(next)).toMatchObject({ later: [], state: { kind: "succeeded", silent: 0 } });
    expect(await record()).toMatchObject({ active: false });
  });

  it("asks for approval also where the only cluster of the stage is deleted while it is paused", async () => {
    await hub.apply(cluster("lone", { ring: "9" }));
    const stages = [{ name: "lone", clusters: { matchLabels: { ring: "9" } }, approval: "after" }];
    await hub.apply(staged({ stages }));
    const next = await hub.release(`n ${texts}`, text());
    const asks = { kind: "running", step: { kind: "approval", when: "after" } };
    expect(await hub.run(next)).toMatchObject({ stage: 0, later: [0], state: asks });
    expect(await hub.tell(next, "pause")).toMatchObject({ kind: "done" });
    await deleteCluster("lone");
    await hub.run(next);
    expect(await hub.tell(next, "resume")).toMatchObject({ kind: "done" });
    expect(await hub.run(next)).toMatchObject({ stage: 0, state: asks });
    expect(await hub.given()).toMatchObject({ a: base, b: base });
    await hub.tell(next, "approve", "user:eve");
    expect((await hub.run(next)).state).toMatchObject({ kind: "succeeded", silent: 0 });
  });

  it("passes a silent cluster by, and moves it when it is heard again", async () => {
    await hub.pass(11 * 60_000, "b");
    const next = await hub.release(`n ${texts}`, text());
    expect((await hub.run(next)).state).toMatchObject({ kind: "succeeded", silent: 1 });
    expect(await hub.given()).toMatchObject({ b: base, c: next });
    expect(await why("b")).toContain("it was silent at its turn, and still is");
    expect(await record()).toMatchObject({ active: true });
    await hub.pass(1_000);
    expect((await hub.run(next)).state).toMatchObject({ kind: "succeeded", silent: 0 });
    expect(await hub.given()).toMatchObject({ b: next });
    expect(await record()).toMatchObject({ active: false });
  });

  it("stands still while it is paused, and goes on from there", async () => {
    const next = await hub.release(`n ${texts}`, text());
    await hub.step(next);
    expect(await hub.tell(next, "pause", "user:ada", "a look first")).toMatchObject({ kind: "done" });
    expect(await hub.run(next)).toMatchObject({ state: { kind: "paused" }, stamp: { why: "a look first" } });
    expect(await hub.given()).toEqual({ a: next, b: base, c: base, d: base });
    await hub.tell(next, "resume");
    expect((await hub.run(next)).state.kind).toBe("succeeded");
  });
});

describe("failure", () => {
  it("halts, names the cluster, and goes on when it is tried again", async () => {
    const next = await hub.release(`n ${texts}`, text());
    expect(await hub.run(next, { a: "failed" })).toMatchObject({
      state: { kind: "halted", reason: "a: a is failed" },
      failed: [0],
    });
    expect(await hub.given()).toEqual({ a: next, b: base, c: base, d: base });
    expect(await why("a")).toContain("it is failed: a is failed");
    await hub.pass(1_000);
    await hub.tell(next, "retry");
    expect((await hub.run(next)).state.kind).toBe("succeeded");
  });

  it("goes back to what each cluster was healthy on, pins the App, and is lifted by what really differs", async () => {
    await hub.apply(staged({ onFailure: "rollback" }));
    const bad = text();
    const next = await hub.release(`n ${texts}`, bad);
    expect((await hub.run(next, { b: "failed", c: "failed" })).state).toMatchObject({ kind: "rolling-back" });
    expect(Object.values(await hub.given()).filter((one) => one === next)).toHaveLength(2);
    // Nothing moves before the release function has signed the way back; it does so once.
    await hub.back(next);
    await hub.back(next);
    expect(await hub.run(next)).toMatchObject({
      state: { kind: "rolled-back" },
      pinned: true,
      back: { total: 2, failing: 1, stay: 0, failed: [] },
    });
    expect(await hub.given()).toEqual({ a: base, b: base, c: base, d: base });
    expect((await record())?.pinned?.release).toBe(next);
    await hub.commit(`same ${texts}`, {
      "apps/all.yaml": `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${bad} }\n`,
      "README.md": "other words",
    });
    expect(await look(hub, "default", "shop")).toMatchObject({
      kind: "failed",
      error: { message: expect.stringContaining(`pinned: release ${next} went back`) },
    });
    const fixed = await hub.release(`fixed ${texts}`, text());
    expect((await hub.run(fixed)).state.kind).toBe("succeeded");
    expect(await hub.given()).toEqual({ a: fixed, b: fixed, c: fixed, d: fixed });
    expect((await record())?.pinned).toBeUndefined();
  });

  it("lets a pin be lifted by hand: the same commit is tried once more", async () => {
    await hub.apply(staged({ onFailure: "rollback" }));
    const next = await hub.release(`n ${texts}`, text());
    await hub.run(next, { a: "failed" });
    await hub.back(next);
    await hub.run(next);
    expect(await look(hub, "default", "shop")).toEqual({ kind: "nothing" });
    expect(await hub.tell(next, "unpin")).toMatchObject({ kind: "done" });
    const again = await look(hub, "default", "shop");
    expect(again).toMatchObject({ kind: "released", release: next + 1 });
    expect((await hub.run(next + 1)).state.kind).toBe("succeeded");
    expect(await hub.given()).toMatchObject({ a: next + 1, d: next + 1 });
  });

  const wentBack = async () => {
    await hub.apply(staged({ onFailure: "rollback" }));
    const next = await hub.release(`n ${texts}`, text());
    await hub.run(next, { a: "failed" });
    await hub.back(next);
    await hub.run(next);
    return next;
  };

  it("loses its pin whole, also where the hub dies at the first write of it", async () => {
    const next = await wentBack();
    const cutOff = async (written: Promise<unknown>) => {
      await written;
      throw new Error("cut off");
    };
    const db = {
      ...hub.db,
      put: (...args: Parameters<typeof hub.db.put>) => cutOff(hub.db.put(...args)),
      transact: (...args: Parameters<typeof hub.db.transact>) => cutOff(hub.db.transact(...args)),
    } as typeof hub.db;
    const told = { project: "default", app: "shop", release: next, command: "unpin", stamp } as const;
    await expect(commandRollout({ ...hub, db }, told)).rejects.toThrow("cut off");
    expect((await record())?.pinned).toBeUndefined();
    expect(await look(hub, "default", "shop")).toMatchObject({ kind: "released" });
  });

  it("is not pinned by whoever saw its end before the pin was lifted", async () => {
    const next = await wentBack();
    const { pinned: _, ...unwritten } = (await record()) ?? never("a record");
    await putAppRecord(
      hub.db,
      { ...unwritten, active: true, version: unwritten.version + 1 },
      unwritten.version,
    );
    let isLifted = false;
    const db: typeof hub.db = {
      ...hub.db,
      get: async (key, options) => {
        if (key.sk === keys.appState("default", "shop").sk && !isLifted) {
          isLifted = true;
          expect(await hub.tell(next, "unpin")).toMatchObject({ kind: "done" });
        }
        return hub.db.get(key, options);
      },
    };
    await tick({ ...hub, db }, "default", "shop", next, { redrive: true });
    expect(isLifted).toBe(true);
    expect((await record())?.pinned).toBeUndefined();
  });

  it("is not gone back from once a newer release was made at that very moment", async () => {
    const last = await hub.rollout(base);
    const known = await record();
    const newer = await hub.release(`n ${texts}`, text());
    const back = { kind: "rolling-back", reason: "late", since: hub.now() } as const;
    expect(await putRollout(hub.db, { ...last, state: back }, known)).toBe("lost");
    expect(await hub.tell(base, "rollback")).toMatchObject({ kind: "refused" });
    expect((await hub.run(newer)).state.kind).toBe("succeeded");
  });

  it("goes back when somebody says so, even after it has succeeded", async () => {
    const next = await hub.release(`n ${texts}`, text());
    await hub.run(next);
    await hub.tell(next, "rollback", "user:ada", "too slow");
    await hub.back(next);
    expect((await hub.run(next)).state).toMatchObject({
      kind: "rolled-back",
      reason: "rolled back by user:ada: too slow",
    });
    expect(await hub.given()).toEqual({ a: base, b: base, c: base, d: base });
  });
});

describe("events that come twice, late or never", () => {
  it("change nothing: a range that is retried after an abort is dropped", async () => {
    const next = await hub.release(`n ${texts}`, text());
    await tick(hub, "default", "shop", next);
    const { fence } = await hub.rollout(next);
    const late = { project: "default", app: "shop", release: next, fence, from: 0, to: 4 };
    await hub.tell(next, "abort");
    const before = await hub.given();
    expect(await assignRange(hub, late)).toBe("dropped");
    expect(await assignRange(hub, { ...late, fence: fence + 1 })).toBe("dropped");
    await hub.pass(3_600_000);
    await hub.run(next);
    expect(await hub.given()).toEqual(before);
    expect((await hub.rollout(next)).state).toMatchObject({ kind: "aborted", by: "user:ada" });
  });

  it("are followed, after an abort, by the next commit, also where it gives the same", async () => {
    const files = { ...configMaps(text()), "apps/note.yaml": "# one\n" };
    await hub.commit("one", files);
    const looked = await look(hub, "default", "shop");
    if (looked.kind !== "released") throw new Error(looked.kind);
    await hub.step(looked.release);
    await hub.tell(looked.release, "abort");
    await hub.step(looked.release);
    expect(await look(hub, "default", "shop")).toEqual({ kind: "nothing" });
    await hub.commit("two", { ...files, "README.md": "nothing that is read" });
    const next = await look(hub, "default", "shop");
    if (next.kind !== "released") throw new Error(JSON.stringify(next));
    expect((await hub.run(next.release)).state.kind).toBe("succeeded");
    expect(new Set(Object.values(await hub.given())).size).toBe(1);
  });

  it("are made up for by the sweep where an assignment was lost", async () => {
    const next = await hub.release(`n ${texts}`, text());
    const failing = { ...hub, db: { ...hub.db, put: failOnAssignment(hub.db) } };
    await expect(tick(failing, "default", "shop", next)).rejects.toThrow("lost on the way");
    expect((await hub.rollout(next)).out).toEqual([0]);
    expect(await hub.given()).toMatchObject({ a: base });
    expect((await hub.run(next)).state.kind).toBe("succeeded");
  });

  it("give a cluster that fell silent what was released for it, before another takes its place", async () => {
    await hub.apply(staged({ stages: [], maxUnavailable: 1 }));
    const next = await hub.release(`n ${texts}`, text());
    const failing = { ...hub, db: { ...hub.db, put: failOnAssignment(hub.db) } };
    await expect(tick(failing, "default", "shop", next)).rejects.toThrow("lost on the way");
    const [first = 0] = (await hub.rollout(next)).out;
    const list = await getTargets(hub.objects, (await hub.rollout(next)).targets, 0, 4);
    const silent = list[first]?.cluster ?? never("cluster");
    await hub.pass(11 * 60_000, silent);
    expect((await hub.step(next)).out).toEqual([first]);
    expect(await hub.given()).toMatchObject({ [silent]: next });
    // Given, not heard, and passed by: what comes late of its assignment changes nothing.
    expect(await hub.step(next)).toMatchObject({ out: [first + 1], later: [first] });
    await hub.pass(0);
    expect((await hub.run(next)).state).toMatchObject({ kind: "succeeded", silent: 0 });
  });

  it("of reports read the placement anew, and know a foreign or old one", async () => {
    const next = await hub.release(`n ${texts}`, text());
    await hub.step(next);
    const moved = (await hub.rollout(next)).out;
    // `d` was moved by another rollout, and `a` stands at another rank.
    const reported = [
      { rank: moved[0] ?? 0, cluster: "d" },
      { rank: 2, cluster: "a" },
    ];
    await tick(hub, "default", "shop", next, { reported });
    expect((await hub.rollout(next)).out).toEqual(moved);
    await hub.run(next);
  });
});

function failOnAssignment(db: RolloutHub["db"]): RolloutHub["db"]["put"] {
  return (item, condition) => {
    if ("statement" in item) throw new Error("lost on the way");
    return db.put(item, condition);
  };
}

describe("a newer release", () => {
  it("waits where it shall queue, and of those that wait only the newest ever runs", async () => {
    await hub.apply(staged({ supersede: "queue" }, { soak: "10m" }));
    const first = await hub.release(`n ${texts}`, text());
    await hub.run(first);
    const second = await hub.release(`n ${texts}`, text());
    const third = await hub.release(`n ${texts}`, text());
    expect((await hub.rollout(second)).state).toMatchObject({ kind: "superseded", by: third });
    expect((await hub.rollout(third)).state).toEqual({ kind: "pending", after: first });
    expect((await hub.rollout(first)).state).toMatchObject({ kind: "running", step: { kind: "soaking" } });
    await hub.pass(10 * 60_000);
    await hub.run(first);
    expect((await hub.rollout(first)).state.kind).toBe("succeeded");
    expect((await hub.run(third)).state).toMatchObject({ kind: "running", step: { kind: "soaking" } });
    await hub.pass(10 * 60_000);
    expect((await hub.run(third)).state.kind).toBe("succeeded");
    expect(await hub.given()).toEqual({ a: third, b: third, c: third, d: third });
  });

  it("waits for one that waited itself and has just been started, before the App says so", async () => {
    await hub.apply(staged({ supersede: "queue" }, { soak: "10m" }));
    const first = await hub.release(`n ${texts}`, text());
    await hub.run(first);
    const second = await hub.release(`n ${texts}`, text());
    await hub.pass(10 * 60_000);
    await hub.run(first);
    // The step that started it was cut off before it wrote the App's record.
    const after = await record();
    if (after === undefined) throw new Error("no record");
    await putAppRecord(hub.db, { ...after, rolling: first, version: after.version + 1 }, after.version);
    expect((await hub.rollout(second)).state.kind).toBe("running");
    const third = await hub.release(`n ${texts}`, text());
    expect((await hub.rollout(third)).state).toEqual({ kind: "pending", after: second });
    await hub.run(second);
    await hub.pass(10 * 60_000);
    expect((await hub.run(second)).state.kind).toBe("succeeded");
    await hub.run(third);
    await hub.pass(10 * 60_000);
    expect((await hub.run(third)).state.kind).toBe("succeeded");
  });

  it("takes the place of one that is halted, although it queues", async () => {
    await hub.apply(staged({ supersede: "queue" }));
    const bad = await hub.release(`n ${texts}`, text());
    await hub.run(bad, { a: "failed" });
    const cure = await hub.release(`n ${texts}`, text());
    expect((await hub.rollout(bad)).state).toMatchObject({ kind: "superseded", by: cure });
    expect((await hub.run(cure)).state.kind).toBe("succeeded");
  });

  it("waits for one that is going back, and starts after it if it cures", async () => {
    await hub.apply(staged({ onFailure: "rollback" }));
    const bad = await hub.release(`n ${texts}`, text());
    await hub.run(bad, { a: "failed" });
    const cure = await hub.release(`n ${texts}`, text());
    expect((await hub.rollout(cure)).state).toEqual({ kind: "pending", after: bad });
    await hub.back(bad);
    await hub.run(bad);
    expect((await hub.run(cure)).state.kind).toBe("succeeded");
    expect(await hub.given()).toEqual({ a: cure, b: cure, c: cure, d: cure });
  });
});
