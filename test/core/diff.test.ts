import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compare, lastEditor, withoutIgnored, type IgnoreRules } from "#core/diff.ts";
import type { KubeObject } from "#core/object.ts";

const BOOK = { uid: "u", resourceVersion: "7", generation: 2, creationTimestamp: "2026-01-01T00:00:00Z" };

function deployment(spec: Record<string, unknown>, metadata: Record<string, unknown> = {}): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "shop", ...metadata },
    spec,
  };
}
const container = (name: string, image: string) => ({ name, image });
const pods = (...containers: object[]) => ({ template: { spec: { containers } } });
const replicasIgnored: IgnoreRules = [{ paths: ["/spec/replicas"], kinds: ["Deployment"] }];

describe("compare with the answer of a dry run", () => {
  it("tells each differing field with what it is and what it would become", () => {
    const live = deployment({ replicas: 5, paused: true }, BOOK);
    const answer = deployment({ replicas: 3, minReadySeconds: 1 }, BOOK);
    expect(compare(answer, live, answer, [])).toEqual([
      { path: "/spec/replicas", before: "5", after: "3" },
      { path: "/spec/paused", before: "true" },
      { path: "/spec/minReadySeconds", after: "1" },
    ]);
  });
  it("sees no difference in status, bookkeeping and mere ownership", () => {
    const live = {
      ...deployment({ replicas: 1 }, { ...BOOK, managedFields: [{ manager: "x" }] }),
      status: { replicas: 1 },
    };
    const answer = deployment(
      { replicas: 1 },
      { ...BOOK, resourceVersion: "8", managedFields: [{ manager: "fairlead" }] },
    );
    expect(compare(answer, live, answer, [])).toEqual([]);
  });
  it("pairs list items by name, so that one added in front is one change", () => {
    const live = deployment(pods(container("web", "a:1"), container("log", "l:1")));
    const answer = deployment(
      pods(container("new", "n:1"), container("web", "a:2"), container("log", "l:1")),
    );
    expect(compare(answer, live, answer, []).map((change) => change.path)).toEqual([
      "/spec/template/spec/containers/0/image",
      "/spec/template/spec/containers/0",
    ]);
  });
  it("tells a changed order of named items once, at the list", () => {
    const live = deployment(pods(container("a", "i"), container("b", "i")));
    const answer = deployment(pods(container("b", "i"), container("a", "i")));
    expect(compare(answer, live, answer, [])).toEqual([
      { path: "/spec/template/spec/containers", before: '"a, b"', after: '"b, a"' },
    ]);
  });
  it("leaves ignored fields out, also when the whole around them comes or goes", () => {
    const live = deployment({ replicas: 5 });
    const answer = deployment({ replicas: 3 }, { annotations: { note: "x" } });
    const rules: IgnoreRules = [...replicasIgnored, { paths: ["/metadata/annotations/note"] }];
    expect(compare(answer, live, answer, rules)).toEqual([]);
    expect(compare(answer, live, answer, replicasIgnored)).toHaveLength(1);
    const others: IgnoreRules = [{ paths: ["/spec/replicas"], kinds: ["StatefulSet"] }];
    expect(compare(answer, live, answer, others)).toHaveLength(2);
  });
  it("cuts long values and shows none of a Secret's", () => {
    const secret = (value: string, label: string): KubeObject => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", labels: { l: label }, annotations: { copy: value } },
      data: { key: value },
    });
    const answer = secret("aHVudGVyMg==", "new");
    const changes = compare(answer, secret("c2VjcmV0", "old"), answer, []);
    expect(JSON.stringify(changes)).not.toMatch(/aHVudGVyMg|c2VjcmV0/);
    expect(changes).toContainEqual({ path: "/metadata/labels/l", before: '"old"', after: '"new"' });
    const long = deployment({ note: "x".repeat(5000) });
    expect(compare(long, deployment({}), long, [])[0]?.after).toHaveLength(200);
  });
});

describe("compare without a dry run", () => {
  it("holds only declared fields against the live object", () => {
    const live = deployment({
      replicas: 3,
      revisionHistoryLimit: 10,
      ...pods({ ...container("a", "i:1"), tty: true }),
    });
    const bundle = deployment({ replicas: 3, ...pods(container("a", "i:2")) });
    expect(compare(bundle, live, undefined, [])).toEqual([
      { path: "/spec/template/spec/containers/0/image", before: '"i:1"', after: '"i:2"' },
    ]);
  });
  it("takes a Secret's stringData for the data it becomes", () => {
    const base = { apiVersion: "v1", kind: "Secret", metadata: { name: "s" } };
    const bundle = { ...base, stringData: { k: "grün" } };
    expect(compare(bundle, { ...base, data: { k: "Z3LDvG4=" } }, undefined, [])).toEqual([]);
    expect(compare(bundle, { ...base, data: { k: "AAAA" } }, undefined, [])).toHaveLength(1);
  });
});

describe("compare, for any objects", () => {
  const tree = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 3 }, fc.integer(), fc.string(), fc.boolean(), tie("list"), tie("fields")),
    list: fc.array(tie("value"), { maxLength: 4 }),
    fields: fc.dictionary(fc.stringMatching(/^[a-z/~]{1,3}$/), tie("value"), { maxKeys: 4 }),
  })).fields;

  it("finds nothing between equals and something between unequals", () => {
    fc.assert(
      fc.property(tree, tree, (one, two) => {
        const [a, b] = [deployment(one), deployment(two)];
        expect(compare(a, a, structuredClone(a), [])).toEqual([]);
        const equal = JSON.stringify(sorted(one)) === JSON.stringify(sorted(two));
        expect(compare(b, a, b, []).length === 0).toBe(equal);
      }),
    );
  });
  it("is empty once every change it told is ignored", () => {
    fc.assert(
      fc.property(tree, tree, (one, two) => {
        const [a, b] = [deployment(one), deployment(two)];
        const paths = compare(b, a, b, []).map((change) => change.path);
        fc.pre(paths.length < 100);
        expect(compare(b, a, b, [{ paths }])).toEqual([]);
      }),
    );
  });
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? 0 : value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => [key, sorted(member)]);
}

const manager = (name: string, time: string, fieldsV1: object, subresource?: string) => ({
  manager: name,
  operation: name === "fairlead" ? "Apply" : "Update",
  time,
  fieldsV1,
  ...(subresource === undefined ? {} : { subresource }),
});

describe("withoutIgnored", () => {
  const bundle = deployment({ replicas: 3, paused: false });
  const REPLICAS = { "f:spec": { "f:replicas": {} } };

  it("applies everything where nothing is live yet", () => {
    expect(withoutIgnored(bundle, replicasIgnored, undefined)).toBe(bundle);
  });
  it("leaves a field to the manager that owns it", () => {
    const live = deployment(
      { replicas: 9 },
      { managedFields: [manager("autoscaler", "2026-01-01T00:00:00Z", REPLICAS)] },
    );
    expect(withoutIgnored(bundle, replicasIgnored, live)).toEqual(deployment({ paused: false }));
  });
  it("keeps the live value of a field that nobody else owns, which leaving out would remove", () => {
    const live = deployment(
      { replicas: 9 },
      { managedFields: [manager("fairlead", "2026-01-01T00:00:00Z", REPLICAS)] },
    );
    expect(withoutIgnored(bundle, replicasIgnored, live)).toEqual(deployment({ replicas: 9, paused: false }));
    expect(bundle).toEqual(deployment({ replicas: 3, paused: false }));
  });
  it("drops no pointer that leads nowhere", () => {
    expect(withoutIgnored(bundle, [{ paths: ["/spec/a/b", "/spec/replicas/0"] }], deployment({}))).toEqual(
      bundle,
    );
  });
});

describe("lastEditor", () => {
  const IMAGE = {
    "f:spec": { "f:template": { "f:spec": { "f:containers": { 'k:{"name":"web"}': { "f:image": {} } } } } },
  };
  const image = "/spec/template/spec/containers/1/image";
  const live = (...managedFields: object[]) =>
    deployment({ replicas: 2, ...pods(container("log", "l"), container("web", "w")) }, { managedFields });

  it("names the newest other manager of a changed field, through the keys of lists", () => {
    const object = live(
      manager("fairlead", "2026-01-09T00:00:00Z", IMAGE),
      manager("kubectl-edit", "2026-01-02T00:00:00Z", IMAGE),
      manager("kubectl-patch", "2026-01-03T00:00:00Z", { "f:spec": { "f:replicas": {} } }),
      manager("controller", "2026-01-04T00:00:00Z", IMAGE, "status"),
    );
    expect(lastEditor(object, [image])).toEqual({
      by: "kubectl-edit",
      at: Date.parse("2026-01-02T00:00:00Z"),
    });
    expect(lastEditor(object, [image, "/spec/replicas"]).by).toBe("kubectl-patch");
  });
  it("names nobody where nobody else owns the field", () => {
    expect(lastEditor(live(manager("fairlead", "2026-01-09T00:00:00Z", IMAGE)), [image])).toEqual({});
    expect(lastEditor(live(manager("x", "never", { "f:data": {} })), [image])).toEqual({});
  });
});
