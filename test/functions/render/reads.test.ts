/** What a render takes from the repository tells which commits cannot change it. */
import { describe, expect, it } from "vitest";
import { capabilitiesOf } from "#core/capabilities.ts";
import { readsSchema, sameReads } from "../../../functions/render/reads.ts";
import { configMap, repository, useRenderer, type Texts } from "./support.ts";

const renderer = useRenderer();
const options = {
  release: "r",
  namespace: "n",
  values: {},
  valuesFiles: [],
  skipCrds: false,
  capabilities: capabilitiesOf(undefined, undefined),
};

const REPOSITORY: Texts = {
  "README.md": "hello",
  "base/kustomization.yaml":
    "resources: [a.yaml]\nconfigMapGenerator: [{ name: g, files: [settings.txt] }]\n",
  "base/a.yaml": configMap("a"),
  "base/settings.txt": "x",
  "base/unused.yaml": configMap("unused"),
  "app/kustomization.yaml": "resources: [../base]\n",
  "plain/a.yaml": configMap("a"),
  "plain/notes.txt": "n",
  "chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n",
  "chart/values.yaml": "x: 1\n",
  "chart/templates/a.yaml": configMap("a"),
};

async function readsOf(path: string) {
  const result = await renderer.render(REPOSITORY, path, options);
  return readsSchema.parse(result.reads);
}
const changed = (over: Record<string, string | undefined>): Map<string, Uint8Array> =>
  repository(
    Object.fromEntries(
      Object.entries({ ...REPOSITORY, ...over }).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      ),
    ),
  );

describe("a render's reads", () => {
  it.each([
    ["app", { "README.md": "other", "base/unused.yaml": "z", "plain/a.yaml": "z", "new/file": "x" }],
    ["plain", { "README.md": "other", "base/a.yaml": "z", "chart/values.yaml": "z" }],
    ["chart", { "README.md": "other", "base/a.yaml": "z", "plain/new.yaml": "z" }],
  ])("of %s stand when something else changes", async (path, over) => {
    const reads = await readsOf(path);
    expect(sameReads(reads, repository(REPOSITORY))).toBe(true);
    expect(sameReads(reads, changed(over))).toBe(true);
  });

  it.each([
    ["app", { "base/a.yaml": configMap("b") }],
    ["app", { "base/settings.txt": "y" }],
    ["app", { "base/settings.txt": undefined }],
    ["app", { "app/kustomization.yml": "resources: []\n" }],
    ["plain", { "plain/a.yaml": configMap("b") }],
    ["plain", { "plain/b.yaml": configMap("b") }],
    ["plain", { "plain/deep/kustomization.yaml": "resources: []\n" }],
    ["plain", { "plain/kustomization.yaml": "resources: [a.yaml]\n" }],
    ["plain", { "plain/Chart.yaml": "name: c\n" }],
    ["chart", { "chart/values.yaml": "x: 2\n" }],
    ["chart", { "chart/templates/b.yaml": configMap("b") }],
    ["chart", { "chart/templates/a.yaml": undefined }],
    ["chart", { "chart/.helmignore": "x" }],
    ["chart", { "chart/kustomization.yaml": "resources: []\n" }],
  ] as const)("of %s fall with %o", async (path, over) => {
    expect(sameReads(await readsOf(path), changed(over))).toBe(false);
  });

  it("stand beside a failure too: what was missing is part of them", async () => {
    const broken = { ...REPOSITORY, "app/kustomization.yaml": "resources: [../base, missing.yaml]\n" };
    const result = await renderer.render(broken, "app", options);
    expect(result.kind).toBe("failed");
    const reads = readsSchema.parse(result.reads);
    expect(sameReads(reads, repository(broken))).toBe(true);
    expect(sameReads(reads, repository({ ...broken, "app/missing.yaml": configMap("m") }))).toBe(false);
  });
});
