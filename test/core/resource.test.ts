/** What people are told of a resource that is not valid: place, line, path, what stands there, the fix. */
import { describe, expect, it } from "vitest";
import { readDocuments } from "#core/documents.ts";
import { nearest } from "#core/nearest.ts";
import { inProject, parseDocument, parseResource } from "#core/resource.ts";

const API = "apiVersion: fairlead.dev/v1\n";

function errorsIn(text: string): string[] {
  return readDocuments("f.yaml", text).documents.flatMap((document) => {
    const parsed = parseDocument(document);
    return parsed.kind === "refused" ? parsed.errors : [];
  });
}
const app = (spec: string, metadata = "name: shop") =>
  `${API}kind: App\nmetadata: { ${metadata} }\nspec:\n${spec}`;
const source = (spec: string) => `${API}kind: Source\nmetadata: { name: fleet }\nspec:\n${spec}`;

describe("parseDocument", () => {
  it("names file, document, line, path and the fix", () => {
    const good = `${API}kind: Cluster\nmetadata: { name: a }\n---\n`;
    const bad = app("  source: fleet\n  clusters: {}\n  rollout:\n    maxUnavailable: 0\n");
    expect(errorsIn(good + bad)).toEqual([
      "f.yaml: document 2, line 12: spec.rollout.maxUnavailable: must be at least 1: 0 would never move a cluster",
    ]);
  });

  it.each([
    [
      "  source: fleet\n  clusters: {}\n  nampespace: x\n",
      "line 7: spec.nampespace: unknown field `nampespace`: did you mean `namespace`?",
    ],
    [
      "  source: fleet\n  clusters: {}\n  zzz: x\n",
      "line 7: spec.zzz: unknown field `zzz`: known here: chart, clusters, ",
    ],
    ["  clusters: {}\n", "line 4: spec.source: is missing: it must be text"],
    ["  source: 3\n  clusters: {}\n", "line 5: spec.source: must be text, not 3: put it in quotes"],
    ["  source: a\n  clusters: []\n", "line 6: spec.clusters: must be a mapping, not a list"],
    [
      "  source: a\n  clusters: {}\n  sync: { prune: maybe }\n",
      "line 7: spec.sync.prune: must be true or false, not the text `maybe`",
    ],
    [
      "  source: a\n  clusters: {}\n  sync:\n    drift: corect\n",
      "line 8: spec.sync.drift: must be one of correct, report, not the text `corect`: did you mean `correct`?",
    ],
    [
      "  source: a\n  clusters: {}\n  rollout: { maxUnavailable: 0% }\n",
      "must be a count from 1 or a percentage",
    ],
    [
      "  source: a\n  clusters: {}\n  rollout: { maxUnavailable: [1] }\n",
      "must be a number, not a list, or must be text",
    ],
    [
      "  source: a\n  clusters:\n    matchExpressions:\n      - { key: a, operator: In }\n      - { key: a, operator: Im, values: [x] }\n",
      "line 9: spec.clusters.matchExpressions[1].operator: must be one of In, NotIn, Exists, DoesNotExist, not the text `Im`: did you mean `In`?",
    ],
  ])("of an App with %j", (spec, words) => {
    expect(errorsIn(app(spec))).toEqual([expect.stringContaining(words)]);
  });

  it.each([
    [
      "  git: { url: 'git@github.com:acme/fleet.git' }\n",
      "spec.git.url: must be an http(s) URL; SSH is not spoken here",
    ],
    [
      "  git:\n    url: https://x.test\n    ref: { brnch: main }\n",
      "line 7: spec.git.ref.brnch: unknown field `brnch`: did you mean `branch`?",
    ],
    [
      "  git: { url: 'https://x.test', ref: { branch: a, tag: b } }\n",
      "spec.git.ref: must be { branch } or { tag } or { semver } or { commit }, not { branch, tag }",
    ],
    ["  git: { url: 'https://x.test', ref: main }\n", "or { commit }, not the text `main`"],
    ["  git: { url: 'https://u:p@x.test' }\n", "must hold no credentials"],
    ["  git: { url: 'https://x.test' }\n  poll: 1ms\n", "line 6: spec.poll: must be a duration such as 30s"],
  ])("of a Source with %j", (spec, words) => {
    expect(errorsIn(source(spec))).toEqual([expect.stringContaining(words)]);
  });

  it("of a kind that is none: the nearest one", () => {
    expect(errorsIn(`${API}kind: Ap\n`)).toEqual([
      "f.yaml: document 1, line 2: kind: must be one of Project, Source, App, Cluster, Policy, Promotion, not `Ap`: did you mean `App`?",
    ]);
    expect(errorsIn("kind: Deployment")[0]).toMatch(/not `Deployment`$/);
    expect(errorsIn("hello")[0]).toContain("a resource is a mapping");
    expect(errorsIn(`apiVersion: v1\nkind: Cluster\nmetadata: { name: a }\n`)[0]).toContain(
      "line 1: apiVersion: must be fairlead.dev/v1, not the text `v1`",
    );
  });

  it("says how long a name may be and how long it is, and repeats little of what was sent", () => {
    const [error, ...more] = errorsIn(app("  source: a\n  clusters: {}\n", `name: ${"x".repeat(300)}`));
    expect(error).toBe("f.yaml: document 1, line 3: metadata.name: must have at most 63 characters, has 300");
    expect(more).toEqual([]);
    const spec = { source: "a", clusters: {}, ["y".repeat(5000)]: 1, path: ["z".repeat(9000)] };
    const parsed = parseResource("document 1", {
      apiVersion: "fairlead.dev/v1",
      kind: "App",
      metadata: { name: "a" },
      spec,
    });
    const long = parsed.kind === "refused" ? parsed.errors : [];
    expect(long).toHaveLength(2);
    for (const each of long) expect(each.length).toBeLessThan(500);
  });

  it("tells at most ten faults of one document", () => {
    const labels = Array.from({ length: 40 }, (_, at) => `"-${at}": x`).join(", ");
    expect(errorsIn(app("  source: a\n  clusters: {}\n", `name: a, labels: { ${labels} }`))).toHaveLength(10);
  });
});

describe("parseResource", () => {
  it("opens with the place, kind and name where there are no lines", () => {
    const parsed = parseResource("document 2", {
      apiVersion: "fairlead.dev/v1",
      kind: "App",
      metadata: { name: "Shop" },
      spec: { source: "fleet", clusters: {} },
    });
    expect(parsed).toMatchObject({
      kind: "refused",
      errors: [expect.stringMatching(/^document 2 \(App Shop\): metadata\.name: must be lower-case/)],
    });
  });
});

describe("inProject", () => {
  it("fills the gap, and overrules neither a document nor a Project's own name", () => {
    const of = (value: unknown) => inProject(value, "web");
    expect(of({ kind: "App", metadata: { name: "a" } })).toMatchObject({ metadata: { project: "web" } });
    expect(of({ kind: "App", metadata: { name: "a", project: "ops" } })).toMatchObject({
      metadata: { project: "ops" },
    });
    for (const value of [{ kind: "Project", metadata: { name: "a" } }, { kind: "App" }, "text", null])
      expect(of(value)).toBe(value);
  });
});

describe("nearest", () => {
  it("finds a slip of the finger, and nothing far", () => {
    const known = ["namespace", "source", "clusters", "path"];
    expect(["namesapce", "Source", "cluster", "pat"].map((word) => nearest(word, known))).toEqual([
      "namespace",
      "source",
      "clusters",
      "path",
    ]);
    expect(["x", "replicas", "a".repeat(10_000)].map((word) => nearest(word, known))).toEqual(
      Array(3).fill(undefined),
    );
  });
});
