/**
 * Plain YAML: what kubectl would apply of the same files, or an error that names the place.
 */
import { describe, expect, it } from "vitest";
import { readYamlFile } from "../../../functions/render/yaml.ts";
import { configMap, errorOf, objectsOf } from "./support.ts";

const read = (text: string) => readYamlFile("a/x.yaml", new TextEncoder().encode(text));
const objects = (text: string) => objectsOf(read(text));
const error = (text: string) => errorOf(read(text));
const spec = (text: string) => {
  const [object] = objects(`apiVersion: example.com/v1\nkind: Thing\nmetadata: { name: t }\nspec: ${text}\n`);
  return object?.["spec"];
};

describe("readYamlFile", () => {
  it("keeps the documents in order and leaves out empty ones", () => {
    const found = objects(`---\n# only a comment\n---\n${configMap("b")}---\n\n---\n${configMap("a")}`);
    expect(found.map((object) => object.metadata.name)).toEqual(["b", "a"]);
  });

  it("unfolds lists, also lists in lists", () => {
    const item = (name: string) => `{ apiVersion: v1, kind: ConfigMap, metadata: { name: ${name} } }`;
    const inner = `{ apiVersion: v1, kind: ConfigMapList, items: [${item("b")}] }`;
    const found = objects(`apiVersion: v1\nkind: List\nitems: [${item("a")}, ${inner}, ${item("c")}]\n`);
    expect(found.map((object) => object.metadata.name)).toEqual(["a", "b", "c"]);
  });

  it("reads JSON, indented with tabs too", () => {
    const text = JSON.stringify(
      { apiVersion: "v1", kind: "Pod", metadata: { name: "p", x: 'ä\n"/' } },
      null,
      "\t",
    );
    expect(objects(text)).toEqual([JSON.parse(text)]);
  });

  it("reads scalars the way kubectl does: YAML 1.1 without base-60 numbers and timestamps", () => {
    expect(spec("[yes, No, on, OFF, y, n, true, 'yes']")).toEqual([
      true,
      false,
      true,
      false,
      true,
      false,
      true,
      "yes",
    ]);
    expect(spec("[0644, 0o17, 0x1F, 0b11, 1_000, 089, +5, -0]")).toEqual([420, 15, 31, 3, 1000, 89, 5, -0]);
    expect(spec("[1.0, .5, 1e3, 2.5e-1, e10, 1.2.3]")).toEqual([1, 0.5, 1000, 0.25, "e10", "1.2.3"]);
    expect(spec("[22:22, 2001-01-01, 2001-01-01T00:00:00Z]")).toEqual([
      "22:22",
      "2001-01-01",
      "2001-01-01T00:00:00Z",
    ]);
    expect(spec("[~, null, Null, '~']")).toEqual([null, null, null, "~"]);
    expect(spec("{ on: a, 1: b, !!str 2: c }")).toEqual({ true: "a", 1: "b", 2: "c" });
  });

  it("does not let a %YAML line change how scalars are read", () => {
    expect(objects(`%YAML 1.2\n---\n${configMap("a", "{ a: 'x' }")}mode: 0644\n`)[0]?.["mode"]).toBe(420);
  });

  it("resolves anchors and merge keys", () => {
    expect(spec("{ a: &x { k: 1, l: 1 }, b: { <<: *x, l: 2 }, c: *x }")).toEqual({
      a: { k: 1, l: 1 },
      b: { k: 1, l: 2 },
      c: { k: 1, l: 1 },
    });
  });

  it("takes empty labels, annotations and namespace for none", () => {
    const [object] = objects(
      "apiVersion: v1\nkind: Pod\nmetadata: { name: p, namespace: , labels: , annotations: ~ }\n",
    );
    expect(object?.metadata).toEqual({ name: "p" });
  });

  it("keeps a field called __proto__ as data", () => {
    const found = spec("{ __proto__: { polluted: true } }");
    expect(Object.hasOwn(found as object, "__proto__")).toBe(true);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

describe("errors of plain YAML", () => {
  it("names file, line and column of what does not parse", () => {
    expect(error("apiVersion: v1\nkind: [Pod\nmetadata: {}\n")).toMatchObject({ file: "a/x.yaml", line: 3 });
    expect(error("a: 1\na: 2\n").message).toBe("not valid YAML: Map keys must be unique (line 2, column 1)");
  });

  it("names document and line of what is not an object", () => {
    const text = `${configMap("a")}---\n# second\nhello: world\n`;
    expect(error(text)).toEqual({
      message: "not a Kubernetes object: apiVersion is missing (document 2)",
      file: "a/x.yaml",
      line: 7,
    });
    expect(error("just text\n").message).toBe("not a Kubernetes object: expected a mapping");
    expect(error("apiVersion: v1\nkind: Pod\n").message).toBe("not a Kubernetes object: metadata is missing");
  });

  it("points at the item of a list", () => {
    const text = `apiVersion: v1\nkind: List\nitems:\n  - apiVersion: v1\n    kind: Pod\n    metadata: { name: a }\n  - kind: Pod\n`;
    expect(error(text)).toMatchObject({ line: 7 });
  });

  it("refuses generateName: the object could not be found again", () => {
    expect(error("apiVersion: v1\nkind: Pod\nmetadata: { generateName: a- }\n").message).toMatch(
      /^metadata\.generateName is not supported/,
    );
  });

  it("names a hook that has only generateName by its content", () => {
    const hook = (image: string) =>
      `apiVersion: v1\nkind: Pod\nmetadata: { generateName: a-, annotations: { argocd.argoproj.io/hook: PreSync } }\nspec: { image: ${image} }\n`;
    const name = (image: string) => objects(hook(image))[0]?.metadata.name;
    expect(name("one")).toMatch(/^a-[0-9a-f]{8}$/);
    expect(name("one")).toBe(name("one"));
    expect(name("one")).not.toBe(name("two"));
  });

  it("names the annotation that YAML does not read as text", () => {
    expect(error("apiVersion: v1\nkind: Pod\nmetadata: { name: p, annotations: { a: yes } }\n")).toEqual({
      message: "metadata.annotations.a is true, not a string: put it in quotes",
      file: "a/x.yaml",
      line: 1,
      object: "Pod p",
    });
  });

  it("recognises a template that nobody filled in", () => {
    expect(error("apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Values.name }}\n")).toMatchObject({
      line: 4,
      message: expect.stringContaining("templates are not filled in"),
    });
  });

  it.each(["12345678901234567890", "9007199254740993", ".inf", "-.INF", ".nan", "1e999"])(
    "refuses the number %s, which JSON cannot carry",
    (number) => {
      expect(error(`apiVersion: v1\nkind: Pod\nmetadata: { name: p }\nx: ${number}\n`)).toMatchObject({
        line: 4,
        message: expect.stringContaining("put it in quotes"),
      });
    },
  );

  it("refuses tags of its own making", () => {
    expect(error("a: !secret b\n").message).toContain("Unresolved tag: !secret");
    expect(error("a: !!binary aGk=\n").message).toContain("Unresolved tag");
  });

  it("stops at aliases that multiply", () => {
    const names = "abcdefghij".split("");
    const rows = names.map((name, index) => {
      const value = index === 0 ? "x" : `*${names[index - 1]}`;
      return `${name}: &${name} [${Array.from({ length: 10 }, () => value).join(", ")}]`;
    });
    expect(error(rows.join("\n")).message).toMatch(/^more than 1000 aliases/);
  });

  it("stops at nesting that no object needs", () => {
    expect(error("[".repeat(50_000)).message).toBe("nested too deeply: write it flatter");
  });

  it("refuses what is not UTF-8", () => {
    const result = readYamlFile("a/x.yaml", Uint8Array.of(0x61, 0xff, 0xfe));
    expect(errorOf(result)).toEqual({
      message: "not text in UTF-8: store manifests as UTF-8",
      file: "a/x.yaml",
    });
  });
});
