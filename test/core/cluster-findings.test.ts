import { describe, expect, it } from "vitest";
import { capabilitiesOf, STANDARD_APIS, type ClusterCapabilities } from "#core/capabilities.ts";
import { askedBy, clusterFindings } from "#core/cluster-findings.ts";
import type { KubeObject } from "#core/object.ts";
import { minorNumber, retiredApi } from "#core/retired-apis.ts";

const object = (apiVersion: string, kind: string, name = "x"): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, namespace: "shop" },
});
const budget = object("policy/v1beta1", "PodDisruptionBudget");
const gadget = object("example.org/v1", "Gadget");
const definition: KubeObject = {
  ...object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "gadgets.example.org"),
  spec: { group: "example.org", names: { kind: "Gadget" }, versions: [{ name: "v1", served: true }] },
};
const version = (kubernetes: string) => capabilitiesOf(kubernetes, undefined);
const serving = (kubernetes: string, ...apis: string[]) =>
  capabilitiesOf(kubernetes, [...STANDARD_APIS, ...apis]);

function found(objects: KubeObject[], clusters: Record<string, ClusterCapabilities>) {
  const deliveries = [{ objects, clusters: Object.keys(clusters) }];
  const { errors, warnings } = clusterFindings(deliveries, new Map(Object.entries(clusters)));
  return {
    errors: errors.listed.map(({ object: name, message }) => `${name}: ${message}`),
    warnings: warnings.listed.map(({ object: name, message }) => `${name}: ${message}`),
  };
}

describe("an API that Kubernetes removed", () => {
  it("is an error that names object, clusters and replacement", () => {
    expect(
      found([budget], { old: version("v1.24.17"), a: version("v1.25.0"), b: version("v1.34.1") }),
    ).toEqual({
      errors: [
        "PodDisruptionBudget shop/x: policy/v1beta1 PodDisruptionBudget is removed since Kubernetes 1.25 (use policy/v1), and so from clusters a, b",
      ],
      warnings: [
        "PodDisruptionBudget shop/x: policy/v1beta1 PodDisruptionBudget is deprecated since Kubernetes 1.21, removed in 1.25 (use policy/v1), on cluster old",
      ],
    });
  });

  it("names at most five clusters, and says how many more there are", () => {
    const clusters = Object.fromEntries(
      Array.from({ length: 9 }, (_, n) => [`c${n}`, version(`v1.${30 + (n % 2)}.0`)]),
    );
    expect(found([budget], clusters).errors[0]).toMatch(/from clusters (c\d, ){4}c\d and 4 more$/);
  });

  it("is none where the cluster's own list has it, or where nobody told a version", () => {
    const kept = serving("v1.25.0", "policy/v1beta1", "policy/v1beta1/PodDisruptionBudget");
    expect(found([budget], { kept }).errors).toEqual([]);
    expect(found([budget], { silent: capabilitiesOf(undefined, undefined) })).toEqual({
      errors: [],
      warnings: [],
    });
  });
});

describe("an API that a cluster does not serve", () => {
  it("is a warning, and only where a list was told", () => {
    const clusters = { a: serving("v1.34.0"), b: serving("v1.34.0", "example.org/v1/Gadget") };
    expect(found([gadget], { ...clusters, c: version("v1.34.0") })).toEqual({
      errors: [],
      warnings: [
        "Gadget shop/x: example.org/v1 Gadget fails where its definition is not installed: it is not served by cluster a",
      ],
    });
  });

  it("counts as served where the bundle brings its definition", () => {
    expect(found([gadget, definition], { a: serving("v1.34.0") }).warnings).toEqual([]);
  });

  it("is told once for all bundles that hold the object", () => {
    const known = new Map([
      ["a", serving("v1.34.0")],
      ["b", serving("v1.33.0")],
    ]);
    const deliveries = ["a", "b"].map((name) => ({ objects: [gadget], clusters: [name] }));
    const { warnings } = clusterFindings(deliveries, known);
    expect(warnings.total).toBe(1);
    expect(warnings.listed[0]?.message).toContain("clusters a, b");
  });
});

describe("many clusters and objects", () => {
  it("are judged once for each list: 10,000 clusters with 3 lists look at 3", () => {
    const lists = [serving("v1.34.0"), serving("v1.33.0"), serving("v1.32.0", "example.org/v1/Gadget")];
    let reads = 0;
    const watched = lists.map(
      (one) =>
        new Proxy(one, {
          get: (target, field) => {
            if (field === "apiVersions") reads += 1;
            return Reflect.get(target, field) as unknown;
          },
        }),
    );
    const names = Array.from({ length: 10_000 }, (_, n) => `c${n}`);
    const known = new Map(names.map((name, n) => [name, watched[n % 3] ?? lists[0]!]));
    const objects = Array.from({ length: 100 }, (_, n) => object("example.org/v1", "Gadget", `g${n}`));
    const { warnings } = clusterFindings([{ objects, clusters: names }], known);
    expect(reads).toBe(3);
    expect(warnings.total).toBe(100);
    expect(warnings.listed).toHaveLength(20);
    expect(warnings.listed[0]?.message).toContain("and 6662 more");
  });
});

describe(askedBy, () => {
  it("asks for each kind once, and for the version only where it decides", () => {
    const of = (...objects: KubeObject[]) => askedBy([{ objects, clusters: ["a"] }]);
    expect(of(gadget, gadget)).toEqual({
      kubeVersion: false,
      apis: ["example.org/v1/Gadget"],
      allApis: false,
    });
    expect(of(budget)).toMatchObject({ kubeVersion: true });
  });
});

describe(retiredApi, () => {
  it.each([
    ["extensions/v1beta1/Deployment", 16, "apps/v1"],
    ["extensions/v1beta1/Ingress", 22, "networking.k8s.io/v1"],
    ["apiextensions.k8s.io/v1beta1/CustomResourceDefinition", 22, "apiextensions.k8s.io/v1"],
    ["batch/v1beta1/CronJob", 25, "batch/v1"],
    ["autoscaling/v2beta2/HorizontalPodAutoscaler", 26, "autoscaling/v2"],
    ["storage.k8s.io/v1beta1/CSIStorageCapacity", 27, "storage.k8s.io/v1"],
    ["flowcontrol.apiserver.k8s.io/v1beta2/FlowSchema", 29, "flowcontrol.apiserver.k8s.io/v1"],
    ["flowcontrol.apiserver.k8s.io/v1beta3/FlowSchema", 32, "flowcontrol.apiserver.k8s.io/v1"],
    ["v1/Endpoints", undefined, "discovery.k8s.io/v1 EndpointSlice"],
  ])("%s is gone in 1.%s", (api, removed, instead) => {
    expect(retiredApi(api)).toMatchObject({ removed, instead });
  });

  it("says nothing of what a standard cluster serves, but for what is deprecated for good", () => {
    expect(STANDARD_APIS.filter((api) => retiredApi(api) !== undefined).sort()).toEqual([
      "v1/ComponentStatus",
      "v1/Endpoints",
    ]);
    expect(minorNumber("v1.34.0")).toBe(34);
  });
});
