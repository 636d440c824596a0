import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EMPTY_INVENTORY, union } from "#core/inventory.ts";
import { labelsSchema } from "#core/metadata.ts";
import { refKey, refOf, type KubeObject } from "#core/object.ts";
import {
  APP_LABEL,
  appLabel,
  dropped,
  isProtected,
  mark,
  ownerRefusal,
  planPrune,
  PRUNE_ANNOTATION,
  pruneRefusal,
  type Owner,
} from "#core/plan.ts";

const owner: Owner = { hub: "h1", project: "web", app: "shop" };
const other: Owner = { hub: "h1", project: "web", app: "cart" };

const config = (name: string, namespace = "shop"): KubeObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
});
const cluster = (kind: string, name: string, apiVersion = "v1"): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name },
});
const live = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: {
    ...object.metadata,
    managedFields: [{ manager: "fairlead", operation: "Apply", fieldsV1: {} }],
  },
});

describe("planPrune", () => {
  const held = union(EMPTY_INVENTORY, [config("a"), config("b"), config("c")]);

  it("names what the bundle no longer has", () => {
    const plan = planPrune(dropped(held, [config("b")]), 2);
    expect(plan).toMatchObject({ kind: "prune", entries: [{ name: "a", apiVersion: "v1" }, { name: "c" }] });
  });
  it("deletes nothing at all above the limit, and says how much it would have been", () => {
    expect(planPrune(dropped(held, [config("b")]), 1)).toEqual({
      kind: "over-limit",
      count: 2,
      limit: 1,
      examples: ["ConfigMap shop/a", "ConfigMap shop/c"],
    });
  });
  it("takes an object that moved to another API version for the same object", () => {
    const moved = union(EMPTY_INVENTORY, [cluster("HorizontalPodAutoscaler", "x", "autoscaling/v1")]);
    const now = [cluster("HorizontalPodAutoscaler", "x", "autoscaling/v2")];
    expect(planPrune(dropped(moved, now), 9)).toEqual({ kind: "none" });
  });
  it("never plans to delete Fairlead itself or a namespace that Kubernetes needs", () => {
    const vital = union(EMPTY_INVENTORY, [
      cluster("Namespace", "fairlead-system"),
      cluster("Namespace", "kube-system"),
      cluster("Namespace", "default"),
      config("agent-state", "fairlead-system"),
      cluster("CustomResourceDefinition", "placements.fairlead.dev", "apiextensions.k8s.io/v1"),
      cluster("ClusterRole", "fairlead-agent", "rbac.authorization.k8s.io/v1"),
    ]);
    expect(planPrune(dropped(vital, []), 100)).toEqual({ kind: "none" });
  });
  it("plans only what the inventory has and the bundle lacks, and never more than the limit", () => {
    const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,2}$/), { maxLength: 30 });
    fc.assert(
      fc.property(names, names, fc.nat(20), (before, after, limit) => {
        const desired = after.map((name) => config(name));
        const inventory = union(
          EMPTY_INVENTORY,
          before.map((name) => config(name)),
        );
        const gone = before.filter((name) => !after.includes(name)).sort();
        const plan = planPrune(dropped(inventory, desired), limit);
        if (plan.kind === "prune") {
          expect(plan.entries.map((entry) => entry.key)).toEqual(
            gone.map((name) => refKey(refOf(config(name)))),
          );
          expect(gone.length).toBeLessThanOrEqual(limit);
        } else if (plan.kind === "over-limit") expect(plan.count).toBe(gone.length);
        else expect(gone).toEqual([]);
      }),
    );
  });
});

describe("mark", () => {
  it("adds label and annotation and keeps the rest", () => {
    const object = { ...config("a"), data: { k: "v" } };
    const marked = mark(object, owner);
    expect(marked).toMatchObject({ ...object, metadata: { labels: { [APP_LABEL]: "web.shop" } } });
    expect(marked.metadata.annotations).toEqual({ "fairlead.dev/owner": "h1/web/shop" });
    expect(object.metadata).not.toHaveProperty("labels");
  });
  it("always makes a legal label value, and two Apps never share one", () => {
    const name = fc.stringMatching(/^[a-z]([-a-z]{0,61}[a-z])?$/);
    fc.assert(
      fc.property(name, name, name, (project, one, two) => {
        const labels = [one, two].map((app) => appLabel({ project, app }));
        for (const value of labels) expect(labelsSchema.safeParse({ [APP_LABEL]: value }).success).toBe(true);
        expect(labels[0] === labels[1]).toBe(one === two);
      }),
    );
  });
});

describe("ownerRefusal", () => {
  it("lets an App write its own objects and refuses it another's, adopted or not", () => {
    expect(ownerRefusal(mark(config("a"), owner), owner, { adopt: false })).toBeUndefined();
    for (const adopt of [true, false])
      expect(ownerRefusal(mark(config("a"), other), owner, { adopt })).toBe(
        "ConfigMap shop/a belongs to another App (h1/web/cart); remove it from one of the two",
      );
  });
  it("takes over an unmanaged object only when told to, namespaces included", () => {
    expect(ownerRefusal(config("a"), owner, { adopt: true })).toBeUndefined();
    expect(ownerRefusal(cluster("Namespace", "shop"), owner, { adopt: false })).toBe(
      "Namespace shop exists and is not managed by Fairlead; set sync.adopt to take it over",
    );
  });
});

describe("pruneRefusal", () => {
  it("lets go what is ours", () => {
    expect(pruneRefusal(live(mark(config("a"), owner)), owner)).toBeUndefined();
  });
  it("keeps what lost its mark, went to another App, or is held by others only", () => {
    expect(pruneRefusal(live(config("a")), owner)).toContain("no longer carries the owner mark h1/web/shop");
    expect(pruneRefusal(live(mark(config("a"), other)), owner)).toContain(
      "belongs to another App (h1/web/cart)",
    );
    expect(pruneRefusal(mark(config("a"), owner), owner)).toContain("holds no field of it any more");
  });
  it("keeps what asks to be kept, and what is never deleted", () => {
    const asked = live(mark(config("a"), owner));
    asked.metadata.annotations = { ...asked.metadata.annotations, [PRUNE_ANNOTATION]: "disabled" };
    expect(pruneRefusal(asked, owner)).toContain("fairlead.dev/prune is disabled");
    expect(pruneRefusal(live(mark(cluster("Namespace", "default"), owner)), owner)).toContain(
      "never deletes",
    );
    expect(isProtected(refOf(config("a")))).toBe(false);
  });
});
