/** Which Apps wait for which: circles are found, and told in the order in which they wait. */
import { assert, property } from "fast-check";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { appSchema, type App } from "#core/app.ts";
import { planPuts, type Held } from "#core/apply-plan.ts";
import { warningsFor } from "#core/apply-warnings.ts";
import { dependencyCycle, dependencyOrder } from "#core/depends.ts";
import { projectSchema } from "#core/project.ts";

const graph = (edges: Record<string, string[]>) => new Map(Object.entries(edges));

describe("dependencyCycle", () => {
  it("finds none in a diamond, and names the circle where there is one", () => {
    const diamond = { shop: ["web", "api"], web: ["base"], api: ["base"], base: [] };
    expect(dependencyCycle("shop", graph(diamond))).toBeUndefined();
    expect(dependencyCycle("base", graph({ ...diamond, base: ["shop"] }))?.[0]).toBe("base");
    expect(dependencyCycle("a", graph({ a: ["a"] }))).toEqual(["a", "a"]);
    expect(dependencyCycle("a", graph({ a: ["b"], b: ["c"], c: ["a"] }))).toEqual(["a", "b", "c", "a"]);
    expect(dependencyCycle("x", graph({ x: ["a"], a: ["b"], b: ["a"] }))).toBeUndefined();
    expect(dependencyCycle("a", graph({ a: ["gone"] }))).toBeUndefined();
  });

  const names = ["a", "b", "c", "d", "e"];
  const anyGraph = fc.tuple(...names.map(() => fc.subarray(names, { maxLength: 3 })));

  it("tells a way that is one, and finds one exactly where the order cannot be kept", () => {
    assert(
      property(anyGraph, (edges) => {
        const dependencies = new Map(names.map((name, index) => [name, edges[index] ?? []]));
        const cycles = names.map((name) => dependencyCycle(name, dependencies));
        for (const cycle of cycles)
          for (const [index, name] of (cycle ?? []).slice(0, -1).entries())
            expect(dependencies.get(name)).toContain(cycle?.[index + 1]);
        const order = dependencyOrder(names, (name) => name, dependencies);
        expect(order.toSorted()).toEqual(names);
        const isKept = names.every((name) =>
          (dependencies.get(name) ?? []).every((before) => order.indexOf(before) < order.indexOf(name)),
        );
        expect(isKept).toBe(cycles.every((cycle) => cycle === undefined));
      }),
    );
  });
});

const app = (name: string, dependsOn?: string[]): App =>
  appSchema.parse({
    apiVersion: "fairlead.dev/v1",
    kind: "App",
    metadata: { name, project: "web" },
    spec: { source: "fleet", clusters: {}, ...(dependsOn === undefined ? {} : { dependsOn }) },
  });
const held = (resource: Held["resource"]): [string, Held] => [
  `${resource.kind}/web/${resource.metadata.name}`,
  { resource, version: 1, deleting: false, stamp: undefined, managedBy: undefined },
];
const project = projectSchema.parse({
  apiVersion: "fairlead.dev/v1",
  kind: "Project",
  metadata: { name: "web", project: "web" },
  spec: { sources: ["**"] },
});

describe("planPuts", () => {
  const plan = (stored: App[], ...documents: App[]) =>
    planPuts(
      documents.map((resource, index) => ({ place: `document ${index + 1}`, resource })),
      { held: new Map([held(project), ...stored.map(held)]), folders: new Set() },
      { managedBy: undefined, takeover: false },
    ).map(({ refusal }) => refusal?.message);

  it("refuses a circle, over what is stored and what is sent, and names it", () => {
    expect(plan([app("base", ["shop"])], app("shop", ["base"]))).toEqual([
      "document 1: App shop: spec.dependsOn: shop waits for base waits for shop: none of them would ever move, take one of these away",
    ]);
    expect(plan([], app("shop", ["base"]), app("base", ["shop"])).every((one) => one !== undefined)).toBe(
      true,
    );
  });

  it("takes what opens the circle again", () => {
    expect(plan([app("base", ["shop"])], app("shop", ["base"]), app("base"))).toEqual([undefined, undefined]);
  });
});

describe("warningsFor", () => {
  it("tells of an App that is not there: nothing waits for it", () => {
    const near = { clusters: [{}], sources: new Set(["fleet"]) };
    const warnings = (apps: string[]) => warningsFor(app("shop", ["base"]), { ...near, apps: new Set(apps) });
    expect(warnings(["base"])).toEqual([]);
    expect(warnings([])[0]).toContain("project web has no App base yet, so nothing waits for it");
  });
});
