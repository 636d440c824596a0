/**
 * What a person reads when a kustomization cannot be rendered: the reason first, then the file, line and object that
 * have to be changed. Were a refusal missing, Kustomize would look for git or the network and say so instead.
 */
import { describe, expect, it } from "vitest";
import { deployment, useRenderer } from "./support.ts";
import type { Texts } from "./support.ts";

const renderer = useRenderer();

const BASE = "apps/base/kustomization.yaml";
const OVERLAY = "apps/prod/kustomization.yaml";

function errorWith(changes: Texts) {
  const files: Texts = {
    [BASE]: "resources: [web.yaml]\n",
    "apps/base/web.yaml": deployment("web"),
    [OVERLAY]: "resources: [../base]\n",
    ...changes,
  };
  return renderer.error(files, "apps/prod");
}

describe("errors of a kustomization", () => {
  it("names file and line of YAML that does not parse in a base", async () => {
    const error = await errorWith({
      "apps/base/web.yaml": "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n x: [\n",
    });
    expect(error).toMatchObject({ file: "apps/base/web.yaml", line: 4 });
    expect(error.message).toMatch(/^not valid YAML: /);
  });

  it("names the missing resource and the kustomization that lists it", async () => {
    const error = await errorWith({ [BASE]: "resources: [web.yaml, none.yaml]\n" });
    expect(error).toEqual({ message: "apps/base/none.yaml does not exist in the repository", file: BASE });
  });

  it("names the object that a patch looks for in vain", async () => {
    const error = await errorWith({
      [OVERLAY]: "resources: [../base]\npatches: [{ path: patch.yaml }]\n",
      "apps/prod/patch.yaml":
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: wep, namespace: shop }\n",
    });
    expect(error).toMatchObject({ file: OVERLAY, object: "Deployment shop/wep" });
    expect(error.message).toMatch(/^no resource matches strategic merge patch/);
  });

  it("names the patch file that is no patch", async () => {
    const error = await errorWith({
      [OVERLAY]: "resources: [../base]\npatches: [{ path: patch.yaml }]\n",
      "apps/prod/patch.yaml": "a: [\nb: c\n",
    });
    expect(error.file).toBe("apps/prod/patch.yaml");
    expect(error.message).toMatch(/^not a patch/);
  });

  it("names the patch file that is missing", async () => {
    const error = await errorWith({ [OVERLAY]: "resources: [../base]\npatches: [{ path: patch.yaml }]\n" });
    expect(error.message).toContain("'apps/prod/patch.yaml' does not exist in the repository");
    expect(error.file).toBe(OVERLAY);
  });

  it("names the file and the object of a duplicate id", async () => {
    const error = await errorWith({
      [BASE]: "resources: [web.yaml, again.yaml]\n",
      "apps/base/again.yaml": deployment("web"),
    });
    expect(error).toMatchObject({ file: "apps/base/again.yaml", object: "Deployment web" });
    expect(error.message).toMatch(/already registered id/);
  });

  it("names the kustomization with an unknown field", async () => {
    const error = await errorWith({ [BASE]: "resource: [web.yaml]\n" });
    expect(error).toEqual({ message: 'invalid Kustomization: json: unknown field "resource"', file: BASE });
  });

  it("names file and line of a kustomization that does not parse", async () => {
    const error = await errorWith({ [BASE]: "resources:\n- a\n b: [\n" });
    expect(error).toMatchObject({ file: BASE, line: 3 });
  });

  it("names the missing file of a generator", async () => {
    const error = await errorWith({
      [OVERLAY]: "resources: [../base]\nconfigMapGenerator: [{ name: c, files: [x.txt] }]\n",
    });
    expect(error.message).toContain("'apps/prod/x.txt' does not exist in the repository");
  });

  it("says which folder has no kustomization", async () => {
    const error = await errorWith({
      [OVERLAY]: "resources: [../parts]\n",
      "apps/parts/web.yaml": deployment("a"),
    });
    expect(error.message).toContain("in directory 'apps/parts'");
  });

  it("says where folders refer to each other in a circle", async () => {
    const error = await errorWith({ [BASE]: "resources: [../prod]\n" });
    expect(error).toMatchObject({ file: BASE, message: expect.stringMatching(/^cycle detected/) });
  });

  it("refuses a whole number that JSON would round", async () => {
    const error = await errorWith({
      "apps/base/web.yaml":
        "apiVersion: example.com/v1\nkind: Thing\nmetadata: { name: t }\nspec: { text: '1:12345678901234567890', id: 12345678901234567890 }\n",
    });
    expect(error.message).toContain("12345678901234567890 is too large to be carried exactly");
    expect(error.object).toBe("Thing t");
  });

  it("refuses a kustomization that renders no objects", async () => {
    const error = await errorWith({ [OVERLAY]: "namePrefix: x-\n" });
    expect(error.message).toBe("apps/prod renders no objects");
  });
});

describe("refusals of a kustomization", () => {
  const remotes = [
    "https://github.com/acme/base//web?ref=v1",
    "https://example.com/web.yaml",
    "http://169.254.169.254/latest",
    "git@example.com:acme/base.git",
    "github.com/acme/base",
    "ssh://git@example.com/acme/base.git",
    "git::https://example.com/acme/base",
    "file:///etc",
  ];

  it.each(remotes)("refuses the remote base %s, however deep it is", async (remote) => {
    const error = await errorWith({ [BASE]: `resources: [web.yaml, "${remote}"]\n` });
    expect(error).toEqual({
      message: `remote base ${remote} is not supported: copy it into the repository`,
      file: BASE,
    });
  });

  const fields: ReadonlyArray<readonly [field: string, text: string]> = [
    ["components", "components: [https://example.com/c]"],
    ["bases", "bases: [https://example.com/c]"],
    ["crds", "crds: [https://example.com/c]"],
    ["patches", "patches: [{ path: https://example.com/c }]"],
    ["patchesStrategicMerge", "patchesStrategicMerge: [https://example.com/c]"],
    ["configMapGenerator", "configMapGenerator: [{ name: c, files: ['k=https://example.com/c'] }]"],
    ["secretGenerator", "secretGenerator: [{ name: c, envs: ['https://example.com/c'] }]"],
    ["openapi", "openapi: { path: https://example.com/c }"],
    ["transformers", "transformers: [https://example.com/c]"],
    ["replacements", "replacements: [{ path: https://example.com/c }]"],
  ];

  it.each(fields)("refuses what is remote in %s", async (_, text) => {
    const error = await errorWith({ [OVERLAY]: `resources: [../base]\n${text}\n` });
    expect(error).toMatchObject({
      file: OVERLAY,
      message: expect.stringMatching(/^remote base https:\/\/example\.com\/c /),
    });
  });

  it("refuses an exec function", async () => {
    const error = await errorWith({
      [OVERLAY]: "resources: [../base]\ntransformers: [t.yaml]\n",
      "apps/prod/t.yaml":
        "apiVersion: example.com/v1\nkind: Sealer\nmetadata:\n  name: t\n  annotations: { config.kubernetes.io/function: 'exec: { path: ./run }' }\n",
    });
    expect(error.message).toBe(
      "Sealer is not built into Kustomize: exec and container functions are not supported",
    );
  });

  it("names a chart that is not in the repository, and refuses the generator that starts a program", async () => {
    const remote = await errorWith({ [BASE]: "helmCharts: [{ name: c, repo: https://example.com }]\n" });
    expect(remote).toEqual({
      message:
        "helmCharts[0] (c): https://example.com is not fetched here: `helm pull --untar` it into apps/base/charts and commit that",
      file: BASE,
    });
    const absent = await errorWith({ [BASE]: "helmCharts: [{ name: c }]\n" });
    expect(absent.message).toBe("helmCharts[0] (c): there is no folder apps/base/charts/c in the repository");
    const generator = await errorWith({
      [OVERLAY]: "resources: [../base]\ngenerators: [g.yaml]\n",
      "apps/prod/g.yaml":
        "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: { name: g }\nname: c\nreleaseName: c\n",
    });
    expect(generator.message).toMatch(
      /^HelmChartInflationGenerator is not run: name the chart in helmCharts/,
    );
  });

  it("finds nothing above the repository's root", async () => {
    const error = await errorWith({ [OVERLAY]: "resources: [../base, ../../../../etc/passwd]\n" });
    expect(error.message).toBe("etc/passwd does not exist in the repository");
  });
});
