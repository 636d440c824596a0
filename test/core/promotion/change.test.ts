/** What is written: only below the folder, only plain files, one value at a time with all else left as it is. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blobId, changesTo, copiedFiles, withValues, type Entry } from "#core/promotion/change.ts";
import { setField } from "#core/promotion/edit.ts";
import { splitImage, tagsOf } from "#core/promotion/images.ts";
import { baseOf, isSafePath, parseField } from "#core/promotion/path.ts";
import { aim } from "#core/promotion/target.ts";
import { pullRequestBody } from "#core/promotion/words.ts";
import { appSchema } from "#core/app.ts";
import { promotionSchema, type Promotion } from "#core/promotion.ts";
import type { Release } from "#core/release.ts";
import { sourceSchema } from "#core/source.ts";

const apiVersion = "fairlead.dev/v1";
const bytes = (text: string) => new TextEncoder().encode(text);
const promotion = (change: object, more: object = {}): Promotion =>
  promotionSchema.parse({
    apiVersion,
    kind: "Promotion",
    metadata: { name: "shop-prod" },
    spec: {
      from: { app: "shop" },
      to: { source: "fleet", path: "apps/shop/prod" },
      change,
      host: { kind: "github" },
      ...more,
    },
  });

describe("isSafePath", () => {
  it("refuses every way out, and Git's own folder in every spelling", () => {
    for (const path of [
      "",
      "/a",
      "a/",
      "a//b",
      ".",
      "..",
      "a/../b",
      "./a",
      "a\\b",
      "a:b",
      ".git",
      "a/.GIT/x",
    ])
      expect([path, isSafePath(path)]).toEqual([path, false]);
    for (const path of ["a/.git./x", "GIT~1/x", "a/.git /x", "a\nb", "a\u202eb", "x".repeat(501)])
      expect([path, isSafePath(path)]).toEqual([path, false]);
    for (const path of ["a", "a/b.yaml", ".gitignore", "a/..b", "a b/c", "größe/x"])
      expect([path, isSafePath(path)]).toEqual([path, true]);
  });

  it("lets nothing out of a folder, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("..", ".", "a", "", ".git", "b/..", "\\"), { maxLength: 6 }),
        (parts) => {
          const path = parts.join("/");
          const out = new URL(`http://x.test/in/${encodeURI(path)}`).pathname;
          if (isSafePath(path)) expect(out).toBe(`/in/${encodeURI(path)}`);
        },
      ),
    );
  });
});

describe("the schema", () => {
  it("refuses a folder that the host obeys, a whole repository, and a branch of its own", () => {
    for (const path of [".", "..", "../x", ".github/workflows", ".gitlab", "/abs"])
      expect(() => promotion({ copy: ["a/**"] }, { to: { source: "fleet", path } })).toThrow();
    for (const copy of ["**", "*/x", "../a/**", "/etc/*"])
      expect(() => promotion({ copy: [copy] })).toThrow();
    for (const branch of ["fairlead/x", "a..b", "-x", "a b", "x.lock", "refs/", "a\nb"])
      expect(() => promotion({ copy: ["a/**"] }, { to: { source: "fleet", path: "a", branch } })).toThrow();
    expect(() => promotion({ copy: ["a/**"] }, { host: { kind: "git" } })).toThrow(/pull requests/);
    expect(() => promotion({})).toThrow(/copy or set/);
  });
});

describe("copiedFiles", () => {
  it("puts files below the plain part of their pattern, and refuses names that lead elsewhere", () => {
    const tree = new Map([
      ["apps/shop/staging/a.yaml", bytes("a")],
      ["apps/shop/staging/x/b.yaml", bytes("b")],
      ["apps/other/c.yaml", bytes("c")],
    ]);
    const found = copiedFiles(promotion({ copy: ["apps/shop/staging/**"] }).spec, tree);
    expect(found.kind === "wanted" && [...found.files.keys()]).toEqual([
      "apps/shop/prod/a.yaml",
      "apps/shop/prod/x/b.yaml",
    ]);
    expect(baseOf("a/b.yaml")).toBe("a");
    const hostile = new Map([["apps/shop/staging/.git/config", bytes("x")]]);
    expect(copiedFiles(promotion({ copy: ["apps/shop/staging/**"] }).spec, hostile).kind).toBe("refused");
    expect(copiedFiles(promotion({ copy: ["nowhere/**"] }).spec, tree).kind).toBe("refused");
  });

  it("bounds how much is written at once", () => {
    const many = new Map(Array.from({ length: 201 }, (_, index) => [`a/${index}`, bytes("x")]));
    expect(copiedFiles(promotion({ copy: ["a/*"] }).spec, many)).toMatchObject({
      kind: "refused",
      message: expect.stringContaining("200 files"),
    });
  });
});

describe("changesTo", () => {
  const file = (text: string): Entry => ({ id: blobId(bytes(text)), mode: "100644" });
  it("leaves equal files alone and takes away what a release does not have any more", () => {
    const entries = new Map([
      ["p/same", file("s")],
      ["p/old", file("o")],
      ["p/own", file("w")],
    ]);
    const wanted = new Map([
      ["p/same", bytes("s")],
      ["p/new", bytes("n")],
    ]);
    expect(changesTo(entries, wanted, ["p/old", "p/none"])).toEqual({
      kind: "changes",
      changes: [
        { path: "p/new", mode: "100644", before: undefined, after: bytes("n") },
        { path: "p/old", mode: "100644", before: file("o").id, after: undefined },
      ],
    });
  });

  it("writes over no link, through no link or file, and over no folder", () => {
    const link = new Map([["p/a", { id: "x", mode: "120000" }]]);
    const folder = new Map([["p/a/b", file("x")]]);
    expect(changesTo(link, new Map([["p/a", bytes("x")]]), []).kind).toBe("refused");
    expect(changesTo(link, new Map([["p/a/b", bytes("x")]]), []).kind).toBe("refused");
    expect(changesTo(folder, new Map([["p/a", bytes("x")]]), []).kind).toBe("refused");
    expect(changesTo(link, new Map(), ["p/a"])).toEqual({ kind: "changes", changes: [] });
  });
});

describe("setField", () => {
  const text = `# prices\nimage:   # the one\n    tag: "1.0"   # keep me\n    name: web\nlist:\n- {a: 'x', b: 2}\n`;
  it("replaces one value and leaves every other byte", () => {
    expect(setField("v", text, "image.tag", "2.0")).toEqual({
      kind: "edited",
      text: text.replace('"1.0"', '"2.0"'),
    });
    expect(setField("v", text, "list[0].a", "it's")).toMatchObject({ text: text.replace("'x'", "'it''s'") });
    expect(setField("v", text, "image.name", "1.20")).toMatchObject({ text: text.replace("web", '"1.20"') });
    expect(setField("v", text, "image.name", "v1.2")).toMatchObject({ text: text.replace("web", "v1.2") });
  });

  it("refuses what is not there, not one value, or in several documents", () => {
    for (const field of ["image.nope", "image", "list"])
      expect(setField("v", text, field, "x").kind).toBe("refused");
    expect(setField("v", "a: b\n---\na: c\n", "a", "x").kind).toBe("refused");
    expect(setField("v", "a: |\n  b\n", "a", "x").kind).toBe("refused");
    expect(setField("v", "a: [", "a", "x").kind).toBe("refused");
    expect(setField("v", "a: &x b\nc: *x\n", "c", "x").kind).toBe("refused");
  });

  it("takes any text back as it was given", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 40 }), (value) => {
        const once = setField("v", text, "image.name", value);
        if (once.kind === "refused") return;
        expect(setField("v", once.text, "image.name", "web").kind).toBe("edited");
        expect(once.text.startsWith("# prices\nimage:   # the one\n")).toBe(true);
      }),
    );
  });

  it("reads fields as people write them", () => {
    expect(parseField('images[0].a["b.c/d"]')).toEqual(["images", 0, "a", "b.c/d"]);
    for (const field of ["", ".a", "a..b", "a[", "a[x]", "a b"]) expect(parseField(field)).toBeUndefined();
  });
});

describe("withValues", () => {
  const values = { commit: "c".repeat(40), chart: undefined, images: new Map([["acme/web", ["1", "2"]]]) };
  it("refuses an image with several tags, and a chart that is not there", () => {
    const set = (one: object) => promotion({ set: [{ file: "v.yaml", field: "tag", ...one }] }).spec;
    const standing = new Map([["apps/shop/prod/v.yaml", bytes("tag: x # y\n")]]);
    const run = (one: object) => withValues(set(one), new Map(), standing, values);
    expect(run({ from: "image", image: "acme/web" })).toMatchObject({ kind: "refused" });
    expect(run({ from: "chart" })).toMatchObject({ kind: "refused" });
    const done = run({ from: "commit" });
    const file = done.kind === "wanted" ? done.files.get("apps/shop/prod/v.yaml") : undefined;
    expect(new TextDecoder().decode(file)).toBe(`tag: ${"c".repeat(40)} # y\n`);
  });

  it("finds tags in containers alone, and knows ports from tags", () => {
    const pod = { containers: [{ image: "r.test:5000/web:1.2" }], note: { image: "r.test:5000/web:9" } };
    const object = { apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, spec: pod };
    expect(tagsOf("r.test:5000/web", [object])).toEqual(["1.2"]);
    expect(splitImage("r.test:5000/web@sha256:ab")).toEqual({ name: "r.test:5000/web", tag: undefined });
  });
});

describe("aim", () => {
  const source = (url: string) =>
    sourceSchema.parse({ apiVersion, kind: "Source", metadata: { name: "fleet" }, spec: { git: { url } } });
  const app = (path: string) =>
    appSchema.parse({
      apiVersion,
      kind: "App",
      metadata: { name: "shop" },
      spec: { source: "fleet", path, clusters: {} },
    });
  const fleet = source("https://github.com/acme/fleet.git");
  const to = (path: string, more: object = {}) =>
    aim(promotion({ copy: ["a/**"] }, more), { app: app(path), from: fleet, to: fleet });

  it("speaks to the API of the Source's own host about the Source's own repository", () => {
    expect(to("apps/shop/staging")).toMatchObject({
      target: { api: "https://api.github.com", repository: "acme/fleet", branch: "main", isShared: true },
    });
    for (const host of [
      { kind: "github", url: "https://evil.test" },
      { kind: "github", url: "https://github.com.evil.test" },
      { kind: "gitea", repository: "acme/other" },
    ])
      expect(to("apps/shop/staging", { host })).toMatchObject({ kind: "refused" });
  });

  it("refuses a path that the App itself reads, also one that is filled in for each cluster", () => {
    for (const path of [
      "apps/shop/prod",
      "apps/shop",
      ".",
      "apps/shop/prod/eu",
      "apps/shop/${cluster.labels.env}",
    ])
      expect([path, to(path).kind]).toEqual([path, "refused"]);
    expect(to("apps/shop/staging").kind).toBe("aimed");
    expect(
      to("apps/shop/prod", { to: { source: "fleet", path: "apps/shop/prod", branch: "live" } }).kind,
    ).toBe("aimed");
  });
});

describe("pullRequestBody", () => {
  it("shows a stranger's text in one bounded line of code, and no more of it", () => {
    const message = `fix \`x\` @all closes #1\u202e\n/approve\n${"y".repeat(5000)}`;
    const release = { release: 3, commit: "c".repeat(40), author: "`eve`\n# big", message } as Release;
    const body = pullRequestBody(promotion({ copy: ["a/**"] }), release, "https://hub.test");
    expect(body).toContain("`fix 'x' @all closes #1` (`'eve'`)");
    expect(body).not.toMatch(/approve|\u202e|# big/);
    expect(body.length).toBeLessThan(1500);
  });
});
