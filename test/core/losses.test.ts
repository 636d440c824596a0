import { describe, expect, it } from "vitest";
import { appSchema } from "#core/app.ts";
import { lossesOver, lossesSchema, lossWords, type ClusterLoss } from "#core/losses.ts";

const budgetOf = (budget: object) =>
  appSchema.parse({
    apiVersion: "fairlead.dev/v1",
    kind: "App",
    metadata: { name: "shop" },
    spec: { source: "fleet", clusters: {}, rollout: { budget } },
  }).spec.rollout.budget;

const maps = (count: number): string[] => Array.from({ length: count }, (_, n) => `/ConfigMap/shop/m${n}`);
const lose = (cluster: string, keys: readonly string[], leaves = false): ClusterLoss => ({
  cluster,
  leaves,
  keys,
});

describe("lossesOver", () => {
  it("asks nothing within the budget: 20 objects of each cluster, 5 clusters that are left", () => {
    expect(lossesOver([lose("a", maps(20)), lose("b", maps(20))], budgetOf({}), 2)).toBeUndefined();
    const five = ["a", "b", "c", "d", "e"].map((name) => lose(name, maps(2), true));
    expect(lossesOver(five, budgetOf({}), 5)).toBeUndefined();
  });

  it("counts objects on each cluster, and tells clusters that lose the same together", () => {
    const keys = maps(25);
    const losses = lossesOver([lose("a", keys), lose("b", maps(25)), lose("c", maps(1))], budgetOf({}), 3);
    expect(losses).toMatchObject({ objects: 51, clusters: 3, leaves: 0, more: 0 });
    expect(losses?.groups[0]).toMatchObject({ clusters: { count: 2, first: ["a", "b"] }, objects: 25 });
    expect(losses?.groups[0]?.listed).toHaveLength(10);
    expect(losses === undefined ? "" : lossWords(losses)).toBe(
      "it would delete 25 objects on each of 2 clusters (ConfigMap shop/m0, ConfigMap shop/m1, ConfigMap shop/m2, ConfigMap shop/m3, ConfigMap shop/m4 …), the budget is deletes: 20",
    );
  });

  it("asks for one Namespace or CustomResourceDefinition, and lists it first", () => {
    const keys = [
      ...maps(12),
      "apiextensions.k8s.io/CustomResourceDefinition//xs.example.com",
      "/Namespace//shop",
    ];
    const losses = lossesOver([lose("a", keys)], budgetOf({}), 1);
    expect(losses?.over).toHaveLength(2);
    expect(losses?.groups[0]?.listed.slice(0, 2)).toEqual([
      "CustomResourceDefinition xs.example.com",
      "Namespace shop",
    ]);
    expect(lossesOver([lose("a", keys)], budgetOf({ namespaces: 1, crds: 1 }), 1)).toBeUndefined();
  });

  it("takes clusters as a count, a share of those that have the App, or none at all", () => {
    const left = ["a", "b", "c"].map((name) => lose(name, [], true));
    expect(lossesOver(left, budgetOf({ clusters: 3 }), 10)).toBeUndefined();
    expect(lossesOver(left, budgetOf({ clusters: "20%" }), 10)?.over).toEqual([
      "the App from 3 of 10 clusters, the budget is clusters: 20%",
    ]);
    expect(lossesOver(left.slice(0, 1), budgetOf({ clusters: "1%" }), 10)).toBeUndefined();
    expect(lossesOver(left.slice(0, 1), budgetOf({ clusters: 0 }), 10)?.leaves).toBe(1);
  });

  it("has another digest as soon as one object more of one cluster would go", () => {
    const digest = (...all: ClusterLoss[]) => lossesOver(all, budgetOf({ deletes: 0 }), 2)?.digest;
    expect(digest(lose("a", maps(1)), lose("b", maps(1)))).toBe(
      digest(lose("a", maps(1)), lose("b", maps(1))),
    );
    expect(digest(lose("a", maps(1)), lose("b", maps(2)))).not.toBe(
      digest(lose("a", maps(1)), lose("b", maps(1))),
    );
    expect(digest(lose("a", maps(1)))).not.toBe(digest(lose("b", maps(1))));
  });

  it("stays small, however much it is", () => {
    const all = Array.from({ length: 40 }, (_, n) =>
      lose(
        `c${n}`,
        Array.from({ length: 50 }, (_one, at) => `/ConfigMap/shop/${"x".repeat(250)}-${n}-${at}`),
      ),
    );
    const losses = lossesSchema.parse(lossesOver(all, budgetOf({}), 40));
    expect(losses).toMatchObject({ clusters: 40, objects: 2000, more: 35 });
    expect(JSON.stringify(losses).length).toBeLessThan(10_000);
  });
});
