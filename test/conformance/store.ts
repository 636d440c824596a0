/**
 * What the hub's store promises on any engine: of racing writers one wins and the others are told, what came twice
 * changes nothing, lists come in their order, and what stands together is written together.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { App } from "#core/app.ts";
import type { Release } from "#core/release.ts";
import { getLine } from "../../functions/store/line.ts";
import { isEmpty, readPage } from "../../functions/store/page.ts";
import {
  assign,
  deletePlacement,
  endPlacement,
  getPlacements,
  listPlacements,
  pagePlacements,
  putReport,
  withDetail,
} from "../../functions/store/placement.ts";
import { getAssignment, listAssignments } from "../../functions/store/assignment.ts";
import {
  deleteResource,
  ensureProject,
  ensureProjects,
  getProject,
  getResource,
  isProjectEmpty,
  listProjects,
  listResources,
  markDeleting,
  pageResources,
  putResource,
  type Stored,
} from "../../functions/store/resource.ts";
import {
  createRelease,
  getRelease,
  getRollout,
  listReleases,
  listRollouts,
  pageReleases,
  pageRollouts,
  putRollout,
} from "../../functions/store/rollout.ts";
import { type AppRecord } from "../../functions/store/state.ts";
import { keys, lists } from "../../functions/store/table.ts";
import {
  countOf,
  freshProject,
  openStore,
  putApp,
  race,
  RACERS,
  release,
  report,
  resource,
  rollout,
  stamp,
  target,
  type StoreEngine,
  type StoreUnderTest,
} from "./store-parts.ts";

const NOW = 1_800_000_000_000;
const KINDS = ["Project", "Source", "App", "Cluster", "Policy", "Promotion"] as const;

/** Registers the suite inside the caller's `describe`. */
export function storeConformance(start: () => Promise<StoreEngine>): void {
  let store: StoreUnderTest;
  beforeAll(async () => {
    store = await openStore(start);
  }, 300_000);
  afterAll(() => store?.stop());
  const db = () => store.db;

  describe("resources", () => {
    it.each(KINDS)(
      "of kind %s count a version for each change, and none for the same again",
      async (kind) => {
        const project = freshProject();
        const name = kind === "Project" ? project : "one";
        const first = resource(kind, project, name);
        expect(await putResource(db(), first, stamp)).toEqual({ kind: "created", version: 1 });
        expect(await putResource(db(), first, stamp)).toEqual({ kind: "unchanged", version: 1 });
        const labelled = { ...first, metadata: { ...first.metadata, labels: { a: "b" } } } as typeof first;
        expect(await putResource(db(), labelled, stamp, "source:p/fleet")).toEqual({
          kind: "configured",
          version: 2,
        });
        expect(await getResource(db(), kind, project, name)).toEqual({
          resource: labelled,
          version: 2,
          deleting: false,
          stamp,
          managedBy: "source:p/fleet",
        });
        expect(
          (await listResources(db(), kind, project)).some(
            ({ resource: { metadata } }) => metadata.name === name,
          ),
        ).toBe(true);
      },
    );

    it.each(KINDS)("of kind %s let one of many writers win and tell the others", async (kind) => {
      const project = freshProject();
      const name = kind === "Project" ? project : "one";
      const write = (n: number) => {
        const one = resource(kind, project, name);
        one.metadata.labels = { n: String(n) };
        return putResource(db(), one, stamp);
      };
      const puts = await race(write);
      const won = puts.filter((put) => put.kind !== "conflict");
      // Who read after a writer had finished writes over it: each win is a version of its own.
      expect(won.map((put) => put.version).sort((a, b) => a - b)).toEqual(won.map((_, index) => index + 1));
      expect(won.length).toBeGreaterThan(0);
      expect((await getResource(db(), kind, project, name))?.version).toBe(won.length);
    });

    it("are written over the very version that was read, or not at all", async () => {
      const project = freshProject();
      const app = resource("App", project, "shop");
      const at = (resourceVersion: number, path: string) =>
        ({
          ...resource("App", project, "shop", { path }),
          metadata: { ...app.metadata, resourceVersion },
        }) as typeof app;
      expect(await putResource(db(), at(1, "a"), stamp)).toEqual({ kind: "conflict", version: 0 });
      expect(await putResource(db(), at(0, "a"), stamp)).toEqual({ kind: "created", version: 1 });
      expect(await putResource(db(), at(0, "b"), stamp)).toEqual({ kind: "conflict", version: 1 });
      const stored = await getResource(db(), "App", project, "shop");
      expect(stored?.resource.metadata.resourceVersion).toBeUndefined();
      expect(stored?.resource.spec.path).toBe("a");
    });

    it("go once, over the version that was read, and begin anew", async () => {
      const project = freshProject();
      for (const kind of KINDS) {
        const name = kind === "Project" ? project : "gone";
        await putResource(db(), resource(kind, project, name), stamp);
        const stored = (await getResource(db(), kind, project, name)) as Stored;
        const outcomes = await race(() => deleteResource(db(), stored, stamp));
        expect(countOf(outcomes, "written")).toBe(1);
        expect(await getResource(db(), kind, project, name)).toBeUndefined();
        expect(await putResource(db(), resource(kind, project, name), stamp)).toMatchObject({ version: 1 });
        expect(await deleteResource(db(), { ...stored, version: 7 }, stamp)).toBe("lost");
      }
    });

    it("that an App is marked to leave stay until it has left; a new apply takes the mark away", async () => {
      const project = freshProject();
      await putResource(db(), resource("App", project, "shop"), stamp);
      const stored = (await getResource(db(), "App", project, "shop")) as Stored<App>;
      expect(await markDeleting(db(), stored, stamp)).toBe("written");
      expect(await markDeleting(db(), stored, stamp)).toBe("lost");
      expect(await getResource(db(), "App", project, "shop")).toMatchObject({ deleting: true, version: 2 });
      expect(await putResource(db(), resource("App", project, "shop"), stamp)).toEqual({
        kind: "configured",
        version: 3,
      });
      expect(await deleteResource(db(), { ...stored, version: 2 }, stamp)).toBe("lost");
    });

    it("keep a cluster and its line together, whatever races: both are there, or none is", async () => {
      const project = freshProject();
      for (let round = 0; round < 5; round++) {
        await putResource(db(), resource("Cluster", project, "a"), stamp);
        const stored = (await getResource(db(), "Cluster", project, "a")) as Stored;
        await Promise.all([
          deleteResource(db(), stored, stamp),
          putResource(db(), resource("Cluster", project, "a", { poll: `${round + 5}s` }), stamp),
          assign(db(), project, "shop", target("a", round + 1), NOW),
        ]);
        const cluster = await getResource(db(), "Cluster", project, "a");
        const line = await getLine(db(), project, "a", { consistent: true });
        expect(line === undefined).toBe(cluster === undefined);
        if (cluster !== undefined)
          expect(line?.pollMs).toBe(Number.parseInt(cluster.resource.spec.poll, 10) * 1000);
      }
    });

    it("of a cluster keep key and counter on its line when it is applied again", async () => {
      const project = freshProject();
      await putResource(db(), resource("Cluster", project, "a"), stamp);
      await assign(db(), project, "shop", target("a", 1), NOW);
      await putResource(db(), resource("Cluster", project, "a", { poll: "5s" }), stamp);
      expect(await getLine(db(), project, "a", { consistent: true })).toMatchObject({
        desired: 1,
        pollMs: 5_000,
      });
    });

    it("of projects are there from the opening on, and an old item without a resource becomes one", async () => {
      await Promise.all([ensureProjects(db(), stamp), ensureProjects(db(), stamp)]);
      expect(await listProjects(db())).toEqual(expect.arrayContaining(["default", "fairlead"]));
      const project = freshProject();
      await db().put({ ...keys.project(project), project });
      await ensureProject(db(), project, stamp);
      expect((await getProject(db(), project))?.metadata.name).toBe(project);
      await putResource(db(), resource("Project", project, project, { namespaces: ["shop"] }), stamp);
      await ensureProject(db(), project, stamp);
      expect((await getProject(db(), project))?.spec.namespaces).toEqual(["shop"]);
    });

    it("say whether a project still holds any", async () => {
      const project = freshProject();
      expect(await isProjectEmpty(db(), project)).toBe(true);
      await putResource(db(), resource("Cluster", project, "a"), stamp);
      expect(await isProjectEmpty(db(), project)).toBe(false);
      expect(await isEmpty(db(), lists.apps(project))).toBe(true);
    });

    it("come page by page in order of their names, over all shards, each once", async () => {
      const project = freshProject();
      const names = Array.from({ length: 45 }, (_, index) => `c-${String(index).padStart(2, "0")}`);
      await Promise.all(names.map((name) => putResource(db(), resource("Cluster", project, name), stamp)));
      const seen: string[] = [];
      for (let after: string | undefined; ;) {
        const page = await pageResources(db(), "Cluster", project, { limit: 10, after, keep: () => true });
        seen.push(...page.items.map((one) => one.resource.metadata.name));
        after = page.next;
        if (after === undefined) break;
      }
      expect(seen).toEqual(names);
      const even = await pageResources(db(), "Cluster", project, {
        limit: 100,
        keep: (one) => one.resource.metadata.name.endsWith("0"),
      });
      expect(even.items).toHaveLength(5);
      const newest = await readPage(db(), lists.clusters(project), { limit: 2, newestFirst: true });
      expect(newest.items.map((item) => item["name"])).toEqual(["c-44", "c-43"]);
      expect(
        (await listResources(db(), "Cluster", project)).map((one) => one.resource.metadata.name),
      ).toEqual(names);
    });
  });

  describe("releases", () => {
    const record = (project: string, version: number, n: number): AppRecord => ({
      project,
      app: "shop",
      version,
      epoch: 1,
      generation: n,
      release: n,
      active: true,
      inputs: "i",
      lookedAt: 1,
    });

    const freshApp = async (): Promise<string> => {
      const project = freshProject();
      await putApp(db(), project);
      return project;
    };

    it("come with rollout and App record, or none of them does; the one before is superseded", async () => {
      const project = await freshApp();
      const make = (
        n: number,
        was: number | undefined,
        before = undefined as ReturnType<typeof rollout> | undefined,
      ) => createRelease(db(), release(project, n), rollout(project, n), record(project, n, n), was, before);
      expect(countOf(await race(() => make(1, undefined)), "written")).toBe(1);
      const first = await getRollout(db(), project, "shop", 1);
      expect(await make(2, 7, first)).toBe("lost");
      expect(await getRelease(db(), project, "shop", 2)).toBeUndefined();
      expect(await getRollout(db(), project, "shop", 1)).toEqual(first);
      expect(await make(2, 1, first)).toBe("written");
      expect(await getRollout(db(), project, "shop", 1)).toMatchObject({
        state: { kind: "superseded", by: 2 },
        fence: 2,
        version: 2,
      });
      expect(await make(3, 2, first)).toBe("lost");
    });

    it("are of the App as it stands: of one that is gone, or was written since, none is made", async () => {
      const project = freshProject();
      const make = (more: Partial<Release> = {}) =>
        createRelease(db(), release(project, 1, more), rollout(project, 1), record(project, 1, 1), undefined);
      expect(await make()).toBe("lost");
      await putApp(db(), project);
      expect(await make({ appVersion: 2 })).toBe("lost");
      const app = await getResource(db(), "App", project, "shop");
      if (app === undefined) throw new Error("no App");
      await markDeleting(db(), app, stamp);
      expect(await make()).toBe("lost");
      expect(await make({ appVersion: 2 })).toBe("written");
    });

    it("move their rollout by its version, one at a time", async () => {
      const project = await freshApp();
      await createRelease(
        db(),
        release(project, 1),
        rollout(project, 1),
        record(project, 1, 1),
        undefined,
        undefined,
      );
      expect(
        countOf(await race((n) => putRollout(db(), { ...rollout(project, 1), released: n })), "written"),
      ).toBe(1);
      expect((await getRollout(db(), project, "shop", 1))?.version).toBe(2);
      expect(await putRollout(db(), rollout(project, 9))).toBe("lost");
    });

    it("are listed newest first, also past the tenth", async () => {
      const project = await freshApp();
      for (let n = 1; n <= 12; n++)
        await createRelease(
          db(),
          release(project, n),
          rollout(project, n),
          record(project, n, n),
          n === 1 ? undefined : n - 1,
          undefined,
        );
      expect((await listReleases(db(), project, "shop", 3)).map((one) => one.release)).toEqual([12, 11, 10]);
      expect((await listRollouts(db(), project, "shop", 1)).map((one) => one.release)).toEqual([12]);
      const page = await pageReleases(db(), project, "shop", { limit: 5 });
      const next = await pageReleases(db(), project, "shop", { limit: 50, after: page.next });
      expect([...page.items, ...next.items].map((one) => one.release)).toEqual([
        12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1,
      ]);
      expect(
        (await pageRollouts(db(), project, "shop", { limit: 2 })).items.map((one) => one.release),
      ).toEqual([12, 11]);
    });
  });

  describe("placements", () => {
    it("are assigned to a growing generation only, however late and often", async () => {
      const project = freshProject();
      await putResource(db(), resource("Cluster", project, "a"), stamp);
      const give = (generation: number, epoch = 1) =>
        assign(db(), project, "shop", target("a", generation, { epoch }), NOW);
      expect(await give(5)).toBe("assigned");
      expect(await give(5)).toBe("current");
      expect(await give(4)).toBe("current");
      expect((await getAssignment(db(), project, "a", "shop"))?.statement).toBe("signed 5");
      expect(await give(1, 2)).toBe("assigned");
      expect((await getPlacements(db(), project, "shop", ["a", "none"])).get("a")?.assigned).toMatchObject({
        epoch: 2,
        generation: 1,
      });
    });

    it("of many assignments at once lose no count on the line, and end on the highest", async () => {
      const project = freshProject();
      await putResource(db(), resource("Cluster", project, "a"), stamp);
      await race((n) => assign(db(), project, "shop", target("a", n + 1), NOW));
      expect((await getLine(db(), project, "a", { consistent: true }))?.desired).toBe(RACERS);
      expect(await listAssignments(db(), project, "a")).toMatchObject([{ app: "shop", generation: RACERS }]);
      expect((await listPlacements(db(), project, "shop"))[0]?.assigned?.generation).toBe(RACERS);
    });

    it("give no line back to a cluster that is gone", async () => {
      const project = freshProject();
      await assign(db(), project, "shop", target("gone", 1), NOW);
      expect(await getLine(db(), project, "gone", { consistent: true })).toBeUndefined();
    });

    it("take a report only on what was assigned, and only a newer one", async () => {
      const project = freshProject();
      const tell = (seq: number, more = {}) => putReport(db(), project, "a", report(seq, more), NOW);
      expect(await tell(1)).toEqual({ kind: "unknown" });
      expect(await listPlacements(db(), project, "shop")).toEqual([]);
      await assign(db(), project, "shop", target("a", 1), NOW);
      const outcomes = await race(() => tell(3));
      expect(outcomes.filter(({ kind }) => kind === "written")).toHaveLength(1);
      expect(await tell(2)).toEqual({ kind: "stale", seq: 3 });
    });

    it("carry failures and drift beside them, while they say that there are any", async () => {
      const project = freshProject();
      await assign(db(), project, "shop", target("a", 1), NOW);
      const failure = { ref: { group: "", kind: "ConfigMap", namespace: "x", name: "y" }, message: "no" };
      const failures = [failure] as unknown as ReturnType<typeof report>["failures"];
      await putReport(db(), project, "a", report(1, { phase: "failed", failures }), NOW);
      const told = async () => {
        const placement = (await getPlacements(db(), project, "shop", ["a"])).get("a");
        if (placement === undefined) throw new Error("no placement");
        return withDetail(db(), placement);
      };
      expect((await store.raw(keys.detail(project, "a", "shop")))?.["seq"]).toBe(1);
      await putReport(db(), project, "a", report(2), NOW);
      expect((await told()).detail).toBeUndefined();
    });

    it("are listed and paged by cluster over all shards, and go with all that stood beside them", async () => {
      const project = freshProject();
      const names = Array.from({ length: 40 }, (_, index) => `c-${String(index).padStart(2, "0")}`);
      await Promise.all(names.map((name) => assign(db(), project, "shop", target(name, 1), NOW)));
      expect((await listPlacements(db(), project, "shop")).map(({ cluster }) => cluster)).toEqual(names);
      const page = await pagePlacements(db(), project, "shop", { limit: 15 });
      const rest = await pagePlacements(db(), project, "shop", { limit: 50, after: page.next });
      expect([...page.items, ...rest.items].map(({ cluster }) => cluster)).toEqual(names);
      expect((await getPlacements(db(), project, "shop", names)).size).toBe(40);
      const [first] = page.items;
      if (first === undefined) throw new Error("no placement");
      await deletePlacement(db(), first);
      await deletePlacement(db(), first);
      expect(await listAssignments(db(), project, first.cluster)).toEqual([]);
      expect(await listPlacements(db(), project, "shop")).toHaveLength(39);
    });

    it("end as they were read: what was assigned since stays", async () => {
      const project = freshProject();
      await assign(db(), project, "shop", target("a", 1), NOW);
      const [read] = await listPlacements(db(), project, "shop");
      if (read === undefined) throw new Error("no placement");
      await assign(db(), project, "shop", target("a", 2), NOW);
      expect(await endPlacement(db(), read)).toBe("lost");
      expect((await listAssignments(db(), project, "a")).map(({ generation }) => generation)).toEqual([2]);
      const [now] = await listPlacements(db(), project, "shop");
      if (now === undefined) throw new Error("no placement");
      expect(await endPlacement(db(), now)).toBe("written");
      expect(await endPlacement(db(), now)).toBe("written");
      expect(await listAssignments(db(), project, "a")).toEqual([]);
      expect(await listPlacements(db(), project, "shop")).toEqual([]);
    });
  });
}
