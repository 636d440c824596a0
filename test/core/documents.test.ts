/** Hostile and broken text: each ends in one clear error within its limit, at a cost that the limit bounds. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { APPLY_BODY_BYTES_MAX, APPLY_DOCUMENTS_MAX } from "#core/limits.ts";
import { readDocuments } from "#core/documents.ts";

const bytes = (...values: number[]) => new Uint8Array(values);
const only = (content: string | Uint8Array) => readDocuments("fleet/shop.yaml", content);

describe("readDocuments", () => {
  it("keeps name, number and line of each document, and leaves empty ones out", () => {
    const { documents, errors } = only("# first\n---\na: 1\n---\n---\n# x\nb:\n  - c: 2\n");
    expect(errors).toEqual([]);
    expect(documents.map(({ name, number, line, value }) => [name, number, line, value])).toEqual([
      ["fleet/shop.yaml", 1, 3, { a: 1 }],
      ["fleet/shop.yaml", 3, 7, { b: [{ c: 2 }] }],
    ]);
  });

  it("finds the line of a path, or of the nearest thing above it", () => {
    const [document] = only("a:\n  b:\n    - x\n    - c: 1\n  d: &d\n    e: 1\nf: *d\n").documents;
    const line = (...path: PropertyKey[]) => document?.lineOf(path);
    expect([line(), line("a", "b"), line("a", "b", 1, "c"), line("a", "d", "e")]).toEqual([1, 2, 4, 6]);
    expect([line("a", "none"), line("a", "b", 9), line("f", "e"), line("none")]).toEqual([1, 2, 6, 1]);
  });

  it("reads JSON, tabs and all", () => {
    expect(only('{\n\t"a": {\n\t\t"b": [1, true, null, "x"]\n\t}\n}\n').documents[0]?.value).toEqual({
      a: { b: [1, true, null, "x"] },
    });
  });

  it("names line and column of what is no YAML, and reads the documents beside it", () => {
    const { documents, errors } = only("a: 1\n---\nb: { c\n---\nd: 2\n");
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/^fleet\/shop\.yaml: document 2, line \d+: column \d+: not valid YAML: /);
    expect(documents.map(({ value }) => value)).toEqual([{ a: 1 }, { d: 2 }]);
  });

  it.each([
    ["a tab that indents", "a:\n\tb: 1", "document 1, line 2: column 1: a tab indents here"],
    ["a key that stands twice", "a: 1\nb: 2\na: 3", "document 1, line 3: `a` stands twice in one mapping"],
    [
      "YAML's own tags",
      "a: 1\nb: !!binary aaaa",
      "line 2: the tag `tag:yaml.org,2002:binary`: tags are not read",
    ],
    ["other tags", "a: !run rm", "the tag `!run`: tags are not read here"],
    ["an alias without anchor", "a: *b", "Unresolved alias"],
    ["an alias of itself", "a: &a [*a]", "write it without so many aliases"],
    ["keys that are no text", "[a]: 1", "document 1, line 1"],
  ])("refuses %s", (_, text, words) => {
    const { documents, errors } = only(text);
    expect([documents, errors.length, errors[0]]).toEqual([[], 1, expect.stringContaining(words)]);
  });

  it("refuses aliases that unfold without end", () => {
    const level = (at: number) => `a${at + 1}: &a${at + 1} [${Array(9).fill(`*a${at}`).join(",")}]`;
    const bomb = ["a0: &a0 [x]", ...Array.from({ length: 12 }, (_, at) => level(at))].join("\n");
    expect(only(bomb).errors[0]).toContain("document 1, line 1: ReferenceError: Excessive alias count");
    const wide = `a: &a [${"x,".repeat(20_000)}]\nb: [${"*a,".repeat(99)}]`;
    expect(only(wide).errors[0]).toContain("unfolds to more than 100000 values");
  });

  it.each([
    ["brackets", "[".repeat(500_000)],
    ["closed brackets", "[".repeat(200_000) + "]".repeat(200_000)],
    ["dashes", "- ".repeat(500_000)],
    ["question marks", "? ".repeat(500_000)],
    ["indentation", Array.from({ length: 1300 }, (_, at) => `${" ".repeat(at)}a:`).join("\n")],
  ])("refuses %s nested too deep", (_, text) => {
    expect(only(text).errors).toEqual([expect.stringMatching(/nested more than 50 deep: write it flatter$/)]);
  });

  it("stops at the limit of documents, and of values, without reading on", () => {
    const many = only("a: 1\n---\n".repeat(10_000));
    expect(many.documents).toHaveLength(APPLY_DOCUMENTS_MAX);
    expect(many).toMatchObject({ over: true });
    expect(many.errors).toEqual([expect.stringContaining("more than 500 documents: take them in parts")]);
    expect(only("---\n".repeat(10_000)).errors).toHaveLength(1);
    expect(only(`[${"a,".repeat(400_000)}]`).errors[0]).toContain("more than 100000 values");
  });

  it("refuses bytes above the limit, and bytes that are no UTF-8", () => {
    expect(only("x".repeat(APPLY_BODY_BYTES_MAX + 1))).toEqual({
      documents: [],
      errors: ["fleet/shop.yaml: 1048577 bytes, the limit is 1048576: take it in parts"],
      over: true,
    });
    expect(only("é".repeat(600_000)).errors[0]).toContain("1200000 bytes");
    expect(only(bytes(0x61, 0x3a, 0x20, 0xff)).errors).toEqual([
      "fleet/shop.yaml: is no text in UTF-8: store it as UTF-8",
    ]);
  });

  it("keeps a key named __proto__ an ordinary one", () => {
    const [document] = only("__proto__: { admin: true }").documents;
    expect(Object.hasOwn(document?.value as object, "__proto__")).toBe(true);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it("never throws, whatever the text", () => {
    const letters = fc.constantFrom(
      ..."abc:-?[]{}&*!|>'\"#%@,\n\t 0~<".split(""),
      "---\n",
      "&a ",
      "*a",
      "<<: ",
    );
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 60 }), (parts) => {
        const { documents, errors } = only(parts.join(""));
        for (const { lineOf } of documents) expect(lineOf(["a", 0, "b"])).toBeGreaterThan(0);
        for (const error of errors) expect(error.startsWith("fleet/shop.yaml: document ")).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
