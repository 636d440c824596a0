import { describe, expect, it } from "vitest";
import { lossBetween, orderDigest, rankOrder, type Wanted } from "#core/release.ts";
import { syncSchema } from "#core/app.ts";
import type { KubeObject } from "#core/object.ts";

const object = (name: string): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "shop" },
});

describe("rankOrder", () => {
  it("is the same for every order of the clusters, and another for another App", () => {
    const clusters = Array.from({ length: 20 }, (_, index) => `c${index}`);
    const ranked = rankOrder("shop", clusters);
    expect(rankOrder("shop", clusters.toReversed())).toEqual(ranked);
    expect(ranked.toSorted()).toEqual(clusters.toSorted());
    expect(rankOrder("till", clusters)).not.toEqual(ranked);
  });
});

describe("orderDigest", () => {
  const wanted: Wanted = {
    cluster: "a",
    action: "apply",
    bundle: { digest: "0".repeat(64), size: 1 },
    namespace: "shop",
    sync: syncSchema.parse({}),
    pruneLimit: 20,
  };

  it("does not depend on the cluster, so equal orders are carried", () => {
    expect(orderDigest({ ...wanted, cluster: "b" })).toBe(orderDigest(wanted));
  });

  it("changes with every option", () => {
    const changed: Wanted[] = [
      { ...wanted, namespace: "other" },
      { ...wanted, pruneLimit: 21 },
      { ...wanted, sync: { ...wanted.sync, drift: "report" } },
      { ...wanted, sync: { ...wanted.sync, adopt: true } },
      { ...wanted, bundle: { digest: "1".repeat(64), size: 1 } },
    ];
    const digests = new Set([wanted, ...changed].map(orderDigest));
    expect(digests.size).toBe(changed.length + 1);
  });
});

describe("lossBetween", () => {
  it("names what a prune would delete", () => {
    expect(lossBetween([object("a"), object("b")], [object("b"), object("c")])).toEqual([
      "/ConfigMap/shop/a",
    ]);
  });
});
