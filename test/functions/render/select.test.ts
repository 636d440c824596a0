/**
 * Which files of a repository a path stands for, and what is said when it stands for none.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FILE_BYTES_MAX, FILES_MAX, INPUT_BYTES_MAX } from "../../../functions/render/limits.ts";
import { kustomizationIn, select } from "../../../functions/render/select.ts";
import type { Selection } from "../../../functions/render/select.ts";
import { errorOf, repository } from "./support.ts";

const empty = (...paths: string[]) => repository(Object.fromEntries(paths.map((path) => [path, ""])));
const message = (selection: Selection) => {
  if (selection.kind !== "failed") expect.fail(`selected ${selection.folder}`);
  return errorOf(selection).message;
};
const chosen = (selection: Selection) => {
  if (selection.kind === "failed") expect.fail(selection.error.message);
  return { kind: selection.kind, folder: selection.folder, files: selection.files.map(([path]) => path) };
};

describe("select", () => {
  it("takes the manifests below a folder, sorted, without hidden ones and other files", () => {
    const files = empty(
      "apps/b.yml",
      "apps/a/z.yaml",
      "apps/a.json",
      "apps/README.md",
      "apps/.ci/x.yaml",
      "apps/.y.yaml",
      "appsx/c.yaml",
    );
    expect(chosen(select(files, "apps"))).toEqual({
      kind: "yaml",
      folder: "apps",
      files: ["apps/a.json", "apps/a/z.yaml", "apps/b.yml"],
    });
  });

  it.each(["kustomization.yaml", "kustomization.yml", "Kustomization"])(
    "takes a folder with %s as one",
    (name) => {
      const files = empty(`apps/${name}`, "other/x.txt");
      expect(chosen(select(files, "apps"))).toEqual({
        kind: "kustomize",
        folder: "apps",
        files: [`apps/${name}`, "other/x.txt"],
      });
      expect(kustomizationIn(files, "apps")).toBe(`apps/${name}`);
    },
  );

  it.each(["", ".", "./", "/", "apps/.."])("takes %j for the root", (path) => {
    expect(chosen(select(empty("a.yaml"), path))).toMatchObject({ folder: "", files: ["a.yaml"] });
  });

  it("names the nearest folder that does exist", () => {
    expect(message(select(empty("apps/x/a.yaml"), "apps/y/z"))).toBe(
      "path apps/y/z does not exist in the repository at this commit: the nearest folder that does is apps",
    );
    expect(message(select(empty("apps/x/a.yaml"), "app"))).toContain("no folder on the way to it does");
  });

  it("refuses a path that leaves the repository, and one that names a file", () => {
    expect(message(select(empty("a.yaml"), "apps/../../x"))).toMatch(/leaves the repository/);
    expect(message(select(empty("apps/a.yaml"), "apps/a.yaml"))).toMatch(/^path apps\/a\.yaml is a file/);
  });

  it("never selects plain YAML from outside of the folder, whatever the path", () => {
    const part = fc.constantFrom("a", "b", "..", ".", "", "c.yaml", "a.b");
    const path = fc.array(part, { maxLength: 6 }).map((parts) => parts.join("/"));
    const files = empty("a/c.yaml", "a/b/c.yaml", "ab/c.yaml", "c.yaml", "a.b/c.yaml");
    fc.assert(
      fc.property(path, (asked) => {
        const selection = select(files, asked);
        if (selection.kind === "failed") return;
        const start = selection.folder === "" ? "" : `${selection.folder}/`;
        expect(selection.folder.split("/")).not.toContain("..");
        for (const [file] of selection.files) expect(file.startsWith(start)).toBe(true);
      }),
    );
  });

  it("refuses a kustomization inside of a folder of plain YAML", () => {
    const selection = select(empty("apps/a.yaml", "apps/web/kustomization.yaml"), "apps");
    expect(message(selection)).toContain("add apps/kustomization.yaml");
    expect(selection).toMatchObject({ error: { file: "apps/web/kustomization.yaml" } });
  });
});

describe("limits of a render's input", () => {
  const large = new Uint8Array(FILE_BYTES_MAX + 1);

  it("leaves a large file out of a kustomization's sight, and refuses it as a manifest", () => {
    const files = new Map([...empty("apps/kustomization.yaml"), ["video.bin", large] as const]);
    expect(chosen(select(files, "apps")).files).toEqual(["apps/kustomization.yaml"]);
    expect(message(select(new Map([["apps/a.yaml", large]]), "apps"))).toMatch(/the limit is 4 MiB/);
  });

  it("names the limit of files", () => {
    const paths = Array.from({ length: FILES_MAX + 1 }, (_, index) => `apps/${index}.yaml`);
    expect(message(select(empty(...paths), "apps"))).toContain(
      `sees ${FILES_MAX + 1} files, the limit is ${FILES_MAX}`,
    );
  });

  it("names the limit of bytes", () => {
    const content = large.subarray(1);
    const count = INPUT_BYTES_MAX / FILE_BYTES_MAX + 1;
    const files = new Map(
      Array.from({ length: count }, (_, index) => [`apps/${index}.yaml`, content] as const),
    );
    expect(message(select(files, "apps"))).toContain("sees 68 MiB, the limit is 64 MiB");
  });
});
