/**
 * Garbage collection on a real table and object store, with real releases: over random histories nothing that is needed
 * is ever gone, and what is not needed is, in time. Then the races: a release at every step of a collection, a
 * collection at every step of a release, and a collection that is killed at every step.
 */
import { afterEach, describe, expect, it } from "vitest";
import { hubStamp } from "#core/actor.ts";
import { RELEASES_KEPT } from "#core/limits.ts";
import { lastRead } from "#core/source.ts";
import { collectGarbage } from "../../../functions/gc/collect.ts";
import { COLLECTED } from "../../../functions/gc/mark.ts";
import { bundleKey } from "../../../functions/release/content-key.ts";
import {
  getBundleObjects,
  getTargetPages,
  getTargets,
  getTree,
  putBundle,
  putTree,
} from "../../../functions/release/content.ts";
import { renderTargets } from "../../../functions/release/render-targets.ts";
import { look } from "../../../functions/release/look.ts";
import { createRenderer, type Renderer } from "../../../functions/render/render.ts";
import type { ObjectStore } from "../../../functions/objects/port.ts";
import { assign, listPlacements, putReport } from "../../../functions/store/placement.ts";
import { listAssignments } from "../../../functions/store/assignment.ts";
import {
  deleteResource,
  getResource,
  listResources,
  markDeleting,
} from "../../../functions/store/resource.ts";
import { getRelease, getRollout, listReleases, putRollout } from "../../../functions/store/rollout.ts";
import {
  getAppRecord,
  getSourceState,
  listAppStates,
  putSourceState,
} from "../../../functions/store/state.ts";
import { app, cluster, configMaps, plainParts, source, type PlainParts } from "../../support/hub-parts.ts";

const DAY = 24 * 60 * 60_000;
/** The window, and what is left beside it (`functions/gc/sweep.ts`). */
const BUNDLES_DAYS = 461;
const TIME_MS = 600_000;

type Hub = PlainParts & { renderer: Renderer };
let open: Hub | undefined;
async function hubOf(): Promise<Hub> {
  const parts = await plainParts();
  open = { ...parts, renderer: createRenderer({ wasmFile: "", workers: 1 }) };
  return open;
}
async function close(): Promise<void> {
  await open?.renderer.close();
  await open?.stop();
  open = undefined;
}
afterEach(close);

const later = (hub: Hub, days: number): void => hub.setNow(hub.now() + days * DAY);
const collect = (hub: Hub) => collectGarbage(hub, TIME_MS);

/** Rolls the newest release out as the engine would, at once and without waiting for anybody. */
async function rollOut(hub: Hub, name = "shop", to = Infinity): Promise<void> {
  const { release = 0 } = (await getAppRecord(hub.db, "default", name)) ?? {};
  const made = await getRelease(hub.db, "default", name, release);
  if (made === undefined) return;
  const targets = await getTargets(hub.objects, made.targets, 0, Math.min(to, made.targetCount));
  for (const target of targets) await assign(hub.db, "default", name, target, hub.now());
  if (to < made.targetCount) return;
  const rollout = await getRollout(hub.db, "default", name, release);
  if (rollout?.state.kind === "running")
    await putRollout(hub.db, { ...rollout, state: { kind: "succeeded", at: hub.now(), silent: 0 } });
}

async function report(hub: Hub, name: string, clusterName: string, seq: number): Promise<void> {
  const placement = (await listPlacements(hub.db, "default", name)).find(
    (one) => one.cluster === clusterName,
  );
  const assigned = placement?.assigned;
  if (assigned === undefined) return;
  const { epoch, generation, release, bundle, action } = assigned;
  const phase: "removed" | "healthy" = action === "remove" ? "removed" : "healthy";
  const outcomes = { created: 0, configured: 0, unchanged: 0, deleted: 0, skipped: 0, failed: 0 };
  const told = { message: "", objects: 1, outcomes, failures: [], drift: [], driftTotal: 0 };
  const has = bundle === undefined ? {} : { bundle };
  await putReport(
    hub.db,
    "default",
    clusterName,
    { app: name, seq, epoch, generation, release, ...has, phase, ...told },
    hub.now(),
  );
}

/** Reads all that the hub may have to read; throws where something is gone. Returns the keys of it. */
async function readAllNeeded(hub: Hub): Promise<Set<string>> {
  const { db, objects } = hub;
  const needed = new Set<string>();
  const tree = async (digest: string): Promise<void> => {
    await getTree(objects, digest);
    needed.add(`trees/${digest}.gz`);
  };
  const bundle = async (digest: string): Promise<void> => {
    const key = bundleKey(digest);
    if ((await objects.get(key)) === undefined) throw new Error(`${key} is gone and needed`);
    needed.add(key);
  };
  const state = lastRead(await getSourceState(db, "default", "fleet"));
  if (state !== undefined) await tree(state.tree);
  for (const [name, { release }] of await listAppStates(db, "default")) {
    const { reads } = (await getAppRecord(db, "default", name)) ?? {};
    if (reads !== undefined) {
      const key = `reads/${reads}.json.gz`;
      if ((await objects.get(key)) === undefined) throw new Error(`${key} is gone and needed`);
      needed.add(key);
    }
    const exists = (await getResource(db, "App", "default", name)) !== undefined;
    for (const made of await listReleases(db, "default", name, 1000)) {
      if (made.release < release - RELEASES_KEPT || (!exists && made.release < release)) continue;
      await tree(made.tree);
      for (const digest of [made.targets, ...(await getTargetPages(objects, made.targets))])
        needed.add(`targets/${digest}.json.gz`);
      for (const { bundle: ref } of await getTargets(objects, made.targets, 0, made.targetCount)) {
        if (ref === undefined) continue;
        await getBundleObjects(objects, ref);
        needed.add(bundleKey(ref.digest));
      }
    }
    for (const { assigned, observed } of await listPlacements(db, "default", name))
      for (const digest of [assigned?.bundle, observed?.bundle])
        if (digest !== undefined) await bundle(digest);
  }
  for (const { resource } of await listResources(db, "Cluster", "default"))
    for (const row of await listAssignments(db, "default", resource.metadata.name))
      if (row.bundle !== undefined) await bundle(row.bundle);
  return needed;
}

async function stored({ objects }: Pick<Hub, "objects">): Promise<string[]> {
  const keys: string[] = [];
  for (const folder of COLLECTED) for await (const { key } of objects.list(folder)) keys.push(key);
  return keys.sort();
}

/** A generator that is the same for the same seed. */
function randomOf(seed: number): (max: number) => number {
  let state = seed;
  return (max) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * max);
  };
}

const SEEDS = process.env["FAIRLEAD_LONG"] === "1" ? 40 : 3;
const STEPS = 60;

describe("collectGarbage", () => {
  it.each(Array.from({ length: SEEDS }, (_, n) => [n + 1]))(
    "over a random history (seed %i) takes nothing that is needed, and everything else in time",
    async (seed) => {
      const hub = await hubOf();
      const random = randomOf(seed);
      const given: { key: string; at: number }[] = [];
      await hub.apply(source, app(), cluster("a"));
      const appNames = ["shop", "blog"];
      const steps: (() => Promise<unknown>)[] = [
        // Few contents, so that old ones come again.
        () => commit(hub, `commit-${seed}-${random(1e9)}`, configMaps(`v${random(6)}`, `w${random(3)}`)),
        () => look(hub, "default", "shop"),
        () => look(hub, "default", "shop"),
        () => look(hub, "default", "blog"),
        () => rollOut(hub),
        () => rollOut(hub, "blog"),
        () => rollOut(hub, "shop", random(3)),
        () => hub.apply(cluster(`c${random(4)}`, { ring: `${random(2)}` })),
        () => remove(hub, "Cluster", `c${random(4)}`),
        () => hub.apply({ ...app({ clusters: { matchLabels: { ring: "1" } } }), metadata: { name: "blog" } }),
        () => leave(hub, "blog"),
        async () => later(hub, random(40)),
        async () => later(hub, random(3)),
        async () => {
          for (const name of appNames)
            for (const { cluster: one } of await listPlacements(hub.db, "default", name))
              await report(hub, name, one, random(1e6) + 1);
        },
        () => collect(hub),
        () => collect(hub),
      ];
      for (let step = 0; step < STEPS; step++) {
        await steps[random(steps.length)]?.();
        for (const name of appNames)
          for (const { assigned } of await listPlacements(hub.db, "default", name))
            if (assigned?.bundle !== undefined)
              given.push({ key: bundleKey(assigned.bundle), at: assigned.at });
        await readAllNeeded(hub);
        const keys = new Set(await stored(hub));
        const told = given.filter(({ at }) => at > hub.now() - 400 * DAY);
        expect(told.filter(({ key }) => !keys.has(key))).toEqual([]);
      }
      later(hub, 4);
      await collect(hub);
      const needed = await readAllNeeded(hub);
      const others = (await stored(hub)).filter((key) => !needed.has(key) && !key.startsWith("bundles/"));
      expect(others).toEqual([]);
      later(hub, BUNDLES_DAYS);
      for (const _ of [1, 2]) await collect(hub);
      expect(await stored(hub)).toEqual([...(await readAllNeeded(hub))].sort());
      expect(await collect(hub)).toMatchObject({ trimmed: 0, deleted: 0, done: true });
    },
    300_000,
  );

  it("keeps what the audit log can tell for its window, and no release that nobody can go back to", async () => {
    const hub = await hubOf();
    await hub.apply(source, app(), cluster("a"));
    const bundles: string[] = [];
    for (let n = 1; n <= RELEASES_KEPT + 5; n++) {
      await commit(hub, `commit-${n}`, configMaps(`v${n}`));
      expect(await look(hub, "default", "shop")).toEqual({ kind: "released", release: n });
      await rollOut(hub);
      const [row] = await listAssignments(hub.db, "default", "a");
      bundles.push(bundleKey(row?.bundle ?? ""));
      later(hub, 1);
    }
    expect(await collect(hub)).toMatchObject({ trimmed: 4 });
    const numbers = (await listReleases(hub.db, "default", "shop", 100)).map(({ release }) => release);
    expect(numbers).toEqual(Array.from({ length: RELEASES_KEPT + 1 }, (_, n) => RELEASES_KEPT + 5 - n));
    expect(await getRollout(hub.db, "default", "shop", 4)).toBeUndefined();
    later(hub, 399);
    await collect(hub);
    const gone = async (): Promise<number> =>
      (await Promise.all(bundles.map((key) => hub.objects.get(key)))).filter((one) => one === undefined)
        .length;
    expect(await gone()).toBe(0);
    later(hub, BUNDLES_DAYS - 399);
    await collect(hub);
    expect(await gone()).toBe(4);
  });

  it("lets an App go on from where another of its name was", async () => {
    const hub = await runningHub();
    await leave(hub, "shop");
    expect(await getResource(hub.db, "App", "default", "shop")).toBeUndefined();
    later(hub, 10);
    expect(await collect(hub)).toMatchObject({ trimmed: 1 });
    await hub.apply(app());
    await commit(hub, "two", files("two"));
    expect(await look(hub, "default", "shop")).toEqual({ kind: "released", release: 3 });
  });

  it("keeps the newest release also of a deleted project: one of its name goes on from there", async () => {
    const hub = await hubOf();
    const inWeb = (resource: { metadata: object }) => ({
      ...resource,
      metadata: { ...resource.metadata, project: "web" },
    });
    await hub.apply(inWeb(source), inWeb(app()), inWeb(cluster("a")));
    await commit(hub, "one", files("one"), "web");
    expect(await look(hub, "web", "shop")).toEqual({ kind: "released", release: 1 });
    const project = await getResource(hub.db, "Project", "web", "web");
    if (project === undefined) throw new Error("no project");
    await deleteResource(hub.db, project, hubStamp("test"));
    later(hub, BUNDLES_DAYS);
    await collect(hub);
    await hub.apply({ kind: "Project", metadata: { name: "web" } });
    await commit(hub, "two", files("two"), "web");
    expect(await look(hub, "web", "shop")).toEqual({ kind: "released", release: 2 });
  });

  it("touches nothing that is not content by digest", async () => {
    const hub = await hubOf();
    const bytes = new TextEncoder().encode("x");
    const keys = [
      "audit-log/default/000000000001.json",
      "drift-audits/default/1.json",
      "trees/notes.txt",
      "bundles/x",
    ];
    for (const key of keys) await hub.objects.put(key, bytes);
    later(hub, 5000);
    await collect(hub);
    for (const key of keys) expect(await hub.objects.get(key)).toEqual(bytes);
  });

  it("deletes nothing at all where something cannot be read", async () => {
    const hub = await runningHub();
    await oldContent(hub, "old");
    const before = await stored(hub);
    const { release = 0 } = (await getAppRecord(hub.db, "default", "shop")) ?? {};
    const made = await getRelease(hub.db, "default", "shop", release);
    const lacking = {
      ...hub.objects,
      get: async (key: string) => (key.includes(made?.targets ?? "-") ? undefined : hub.objects.get(key)),
    };
    await expect(collectGarbage({ ...hub, objects: lacking }, TIME_MS)).rejects.toThrow("targets/");
    expect(await stored(hub)).toEqual(before);
  });

  it("ends when its time is up, and goes on in the next run", async () => {
    const hub = await runningHub();
    const old = await oldContent(hub, "a", "b", "c", "d");
    expect(old).toHaveLength(8);
    const objects: ObjectStore = {
      ...hub.objects,
      delete: async (key, version) => {
        await hub.objects.delete(key, version);
        hub.setNow(hub.now() + 1);
      },
    };
    const runs = [];
    for (let n = 0; n < 4; n++) runs.push(await collectGarbage({ ...hub, objects }, 3));
    expect(runs.map(({ deleted, done }) => [deleted, done])).toEqual([
      [3, false],
      [3, false],
      [2, true],
      [0, true],
    ]);
    expect(await stored(hub)).toEqual([...(await readAllNeeded(hub))].sort());
  });
});

const files = (name: string) => configMaps(name);

/** A hub with one release that runs. */
async function runningHub(): Promise<Hub> {
  const hub = await hubOf();
  await hub.apply(source, app(), cluster("a"));
  await commit(hub, "first", files("first"));
  await look(hub, "default", "shop");
  await rollOut(hub);
  return hub;
}

/** Trees and bundles of these names lie there, long since, and nothing names them: as a release leaves them that lost its race. */
async function oldContent(hub: Hub, ...names: string[]): Promise<string[]> {
  const before = new Set(await stored(hub));
  for (const name of names) {
    const tree = new Map(Object.entries(files(name)).map(([path, text]) => [path, Buffer.from(text)]));
    await putTree(hub.objects, tree);
    const shop = await getResource(hub.db, "App", "default", "shop");
    const clusters = (await listResources(hub.db, "Cluster", "default")).map(({ resource }) => resource);
    if (shop === undefined) throw new Error("no App");
    const rendered = await renderTargets(hub.renderer, shop.resource, tree, clusters);
    if (rendered.kind === "failed") throw new Error(rendered.error.message);
    for (const bundle of rendered.bundles.values()) await putBundle(hub.objects, bundle);
  }
  later(hub, BUNDLES_DAYS);
  return (await stored(hub)).filter((key) => !before.has(key));
}

describe("a release of content that nothing named for long", () => {
  /** The commit is read (its tree kept), then looked at: both refer to what lies there already. */
  const release = async (hub: Hub, name: string): Promise<void> => {
    await commit(hub, `again-${name}`, files(name));
    expect(await look(hub, "default", "shop")).toMatchObject({ kind: "released" });
  };
  const check = async (hub: Hub, old: readonly string[]): Promise<void> => {
    await rollOut(hub);
    await readAllNeeded(hub);
    await collect(hub);
    const needed = await readAllNeeded(hub);
    expect(old.filter((key) => !needed.has(key))).toEqual([]);
  };

  it("would be of nothing, were it not made", async () => {
    const hub = await runningHub();
    const old = await oldContent(hub, "old");
    expect(old.map((key) => key.split("/")[0])).toEqual(["bundles", "trees"]);
    await collect(hub);
    expect((await stored(hub)).filter((key) => old.includes(key))).toEqual([]);
  });

  it("finds it, whenever a collection comes in between", async () => {
    const hub = await runningHub();
    for (let at = 1, done = at; done >= at; at++) {
      const old = await oldContent(hub, `old-${at}`);
      done = 0;
      const step = async (): Promise<void> => {
        done += 1;
        if (done === at) await collect(hub);
      };
      await release(stepped(hub, step), `old-${at}`);
      await check(hub, old);
      // Every step of a release had its collection.
      if (done < at) expect(at).toBeGreaterThan(8);
    }
  }, 300_000);

  it("finds it, whenever in a collection it is made", async () => {
    for (let at = 1, done = at; done >= at; at++) {
      // A hub for each: with every release a collection has more steps.
      await close();
      const hub = await runningHub();
      const old = await oldContent(hub, "old");
      await oldContent(hub, "gone");
      done = 0;
      const step = async (): Promise<void> => {
        done += 1;
        if (done === at) await release(hub, "old");
      };
      await collectGarbage(stepped(hub, step), TIME_MS);
      if (done < at) expect(at).toBeGreaterThan(15);
      else await check(hub, old);
    }
  }, 600_000);

  it("is there also after a collection was killed at any step", async () => {
    const hub = await runningHub();
    await oldContent(hub, "old", "older", "oldest");
    for (let at = 1, ended = false; !ended; at++) {
      let done = 0;
      const step = async (): Promise<void> => {
        done += 1;
        if (done === at) throw new Error("killed");
      };
      ended = await collectGarbage(stepped(hub, step), TIME_MS).then(
        () => true,
        (error: Error) => {
          if (error.message !== "killed") throw error;
          return false;
        },
      );
      await readAllNeeded(hub);
    }
    expect(await stored(hub)).toEqual([...(await readAllNeeded(hub))].sort());
    await release(hub, "old");
    await check(hub, []);
  }, 300_000);
});

/** The hub with `step` before each of its calls to the object store and each write to the table. */
function stepped(hub: Hub, step: () => Promise<void>): Hub {
  const { objects, db } = hub;
  const first =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await step();
      return call(...args);
    };
  const store: ObjectStore = {
    put: first((key: string, bytes: Uint8Array) => objects.put(key, bytes)),
    get: first((key: string) => objects.get(key)),
    renew: first((key: string) => objects.renew(key)),
    delete: first((key: string, version: string) => objects.delete(key, version)),
    async *list(folder) {
      await step();
      for await (const object of objects.list(folder)) {
        yield object;
        await step();
      }
    },
  };
  const table: Hub["db"] = {
    ...db,
    put: first((item, condition) => db.put(item, condition)),
    transact: first((items) => db.transact(items)),
    delete: first((key, condition) => db.delete(key, condition)),
  };
  return { ...hub, objects: store, db: table };
}

/** As a look at the Source does: the tree first, then what names it. */
async function commit(
  { objects, db, now }: Hub,
  name: string,
  files: Record<string, string>,
  project = "default",
): Promise<void> {
  const bytes = Object.entries(files).map(([path, text]) => [path, new TextEncoder().encode(text)] as const);
  const tree = await putTree(objects, new Map(bytes));
  const at = now();
  const said = { author: "Ada", email: "a@example.com", message: name, committedAt: 1 };
  await putSourceState(db, project, "fleet", { kind: "read", commit: name, tree, at, ...said });
}

async function remove(hub: Hub, kind: "Cluster", name: string): Promise<void> {
  const found = await getResource(hub.db, kind, "default", name);
  if (found !== undefined) await deleteResource(hub.db, found, hubStamp("test"));
}

/** The App is deleted, and its clusters tell that it is gone from them. */
async function leave(hub: Hub, name: string): Promise<void> {
  const found = await getResource(hub.db, "App", "default", name);
  if (found === undefined || found.deleting) return;
  await markDeleting(hub.db, found, hubStamp("test"));
  await look(hub, "default", name);
  await rollOut(hub, name);
  for (const { cluster: one } of await listPlacements(hub.db, "default", name))
    await report(hub, name, one, 2e6);
  await look(hub, "default", name);
}
