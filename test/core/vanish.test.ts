import { describe, expect, it } from "vitest";
import { idOf } from "#core/apply-plan.ts";
import type { Placement } from "#core/placement.ts";
import { parseResource, type Resource } from "#core/resource.ts";
import { leavingOf, vanishingOf, vanishLines } from "#core/vanish.ts";

const made = (kind: string, name: string, spec: object, labels: Record<string, string> = {}): Resource => {
  const metadata = { name, labels, ...(kind === "Project" ? {} : { project: "web" }) };
  const parsed = parseResource("it", { apiVersion: "fairlead.dev/v1", kind, metadata, spec });
  if (parsed.kind === "refused") throw new Error(parsed.message);
  return parsed.resource;
};
const app = (spec: object = {}, name = "shop") =>
  made("App", name, { source: "fleet", clusters: {}, ...spec });
const cluster = (name: string, labels = {}) => made("Cluster", name, {}, labels);
const scene = (...all: Resource[]) => new Map(all.map((one) => [idOf(one), one]));
const PROD = { matchLabels: { env: "prod" } };

/** Which clusters each App leaves, and which it is forgotten on. */
const lost = (before: Resource[], after: Resource[]) =>
  leavingOf(scene(...before), scene(...after)).map((one) => [
    one.app.metadata.name,
    one.clusters,
    one.forgotten,
  ]);

const placement = (name: string, more: object = {}): Placement => ({
  project: "web",
  app: "shop",
  cluster: name,
  assigned: { action: "apply", epoch: 1, generation: 1, release: 1, at: 1 },
  ...more,
});
const placements = (count: number) => Array.from({ length: count }, (_, at) => placement(`c${at}`));
const observed = (objects: number, phase = "healthy") => ({
  observed: {
    seq: 1,
    epoch: 1,
    generation: 1,
    release: 1,
    phase,
    message: "",
    objects,
    outcomes: {},
    drift: 0,
    at: 1,
  },
});
const leaving = (spec: object, clusters: string[] | "all" = "all", forgotten: string[] = []) => {
  const one = app(spec);
  if (one.kind !== "App") throw new Error("no App");
  return { app: one, clusters, forgotten };
};

describe("leavingOf", () => {
  const a = cluster("a", { env: "prod" });
  const b = cluster("b", { env: "test" });

  it("finds what a narrower selector leaves out, and nothing in a wider one", () => {
    const narrow = app({ clusters: PROD });
    expect(lost([app(), a, b], [narrow, a, b])).toEqual([["shop", ["b"], []]]);
    expect(lost([narrow, a, b], [app(), a, b])).toEqual([]);
  });

  it("finds every App that a changed label takes off its cluster, and no other", () => {
    const apps = [app({ clusters: PROD }), app({ clusters: PROD }, "cart"), app({}, "all")];
    expect(lost([...apps, a], [...apps, cluster("a", { env: "test" })])).toEqual([
      ["shop", ["a"], []],
      ["cart", ["a"], []],
    ]);
  });

  it("tells a Cluster that goes from one that is left, and an App that goes as all of it", () => {
    expect(lost([app(), a, b], [app(), b])).toEqual([["shop", [], ["a"]]]);
    expect(lost([app(), app({}, "cart"), a], [app({}, "cart"), a])).toEqual([["shop", "all", []]]);
  });

  it("finds what a Project reaches no more", () => {
    const shop = app();
    const reach = (spec: object) => made("Project", "web", spec);
    expect(lost([reach({}), shop, a, b], [reach({ clusters: PROD }), shop, a, b])).toEqual([
      ["shop", ["b"], []],
    ]);
  });
});

describe("vanishingOf", () => {
  it("counts clusters that have the App, and no removal that is under way or done", () => {
    const all = [
      placement("a"),
      placement("b", { assigned: { action: "remove", epoch: 1, generation: 2, release: 2, at: 1 } }),
      placement("c", observed(0, "removed")),
      { project: "web", app: "shop", cluster: "d" },
    ];
    expect(vanishingOf(leaving({}), all)).toEqual([
      { project: "web", app: "shop", clusters: { count: 1, first: ["a"] }, objects: "deleted", over: [] },
    ]);
    expect(vanishingOf(leaving({}, ["z"]), [placement("a")])).toEqual([]);
  });

  it("says what it waits for: more clusters, or more objects, than the budget allows", () => {
    const over = (spec: object, some: Placement[]) => vanishingOf(leaving(spec), some)[0]?.over;
    const budget = (clusters: number | string) => ({ rollout: { budget: { clusters } } });
    expect(over({}, placements(5))).toEqual([]);
    expect(over({}, placements(6))).toEqual(["6 clusters, the budget is clusters: 5"]);
    expect(over(budget("50%"), placements(2))).toEqual(["2 clusters, the budget is clusters: 50%"]);
    expect(over(budget(0), placements(1))).toEqual(["1 clusters, the budget is clusters: 0"]);
    expect(over({}, [placement("a", observed(21))] as Placement[])).toEqual([
      "21 objects on one cluster, the budget is deletes: 20",
    ]);
    expect(over({ sync: { deletion: "orphan" } }, placements(6))).toEqual([]);
  });

  it("holds a percentage against all clusters that have it", () => {
    const half = leaving({ rollout: { budget: { clusters: "50%" } } }, ["c0", "c1"]);
    expect(vanishingOf(half, placements(4))[0]?.over).toEqual([]);
    expect(vanishingOf(half, placements(3))[0]?.over).toHaveLength(1);
  });

  it("has one sentence for each", () => {
    const apps = [
      ...vanishingOf(leaving({}), placements(6)),
      ...vanishingOf(leaving({ sync: { deletion: "orphan" } }, ["c0"], ["c1"]), placements(2)),
    ];
    expect(vanishLines({ apps, more: 2 })).toEqual([
      "App shop leaves 6 clusters (c0, c1, c2 …): its objects there are deleted, once somebody approves: 6 clusters, the budget is clusters: 5",
      "App shop leaves 1 cluster (c0): its objects there stay, and nobody keeps them (sync.deletion: orphan)",
      "App shop leaves 1 cluster (c1): nothing there is touched, and nobody keeps it: the Cluster itself goes",
      "2 more Apps are touched: not looked at, or not yours to read",
    ]);
  });
});
