/** Programs on the engine: which objects a value holds, where imports are found, and how a program that fails or means harm ends. */
import { afterEach, describe, expect, it } from "vitest";
import type { JsonnetOptions } from "../../../functions/render/jsonnet.ts";
import { configMap, errorOf, objectsOf, useRenderer, type Texts } from "./support.ts";

const renderer = useRenderer({ timeoutMs: 20_000, memoryBytesMax: 256 * 1024 * 1024 });

const NOTHING: JsonnetOptions = { tlas: {}, extVars: {}, libs: ["lib", "vendor"] };
const render = (files: Texts, options: Partial<JsonnetOptions> = {}) =>
  renderer.render(files, "app", undefined, { ...NOTHING, ...options });
const named = (name: string, data: string): string =>
  `{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "${name}" }, data: ${data} }`;
const main = (text: string, more: Texts = {}): Texts => ({ "app/main.jsonnet": text, ...more });
const failureOf = async (files: Texts) => errorOf(await render(files));

afterEach(async () => {
  expect(objectsOf(await render(main(named("a", "{}"))))).toHaveLength(1);
});

describe("a folder with main.jsonnet", () => {
  it("renders the objects of its value: one, a list, groups by name, lists of Kubernetes, however deep", async () => {
    const value = `{
      b: [${named("in-list", "{}")}, null],
      a: { deep: { er: ${named("in-group", "{}")} } },
      c: { apiVersion: "v1", kind: "List", items: [${named("in-kind-list", "{}")}] },
    }`;
    const names = objectsOf(await render(main(value))).map(({ metadata }) => metadata.name);
    expect(names).toEqual(["in-group", "in-list", "in-kind-list"]);
  });

  it("takes arguments and external variables as values, not as texts", async () => {
    const program = `function(replicas, labels={}) ${named("a", `{ n: std.toString(replicas + 1), env: std.extVar("env"), l: labels.x }`)}`;
    const options = { tlas: { replicas: 2, labels: { x: 'y"\n%' } }, extVars: { env: "prod" } };
    expect(objectsOf(await render(main(program), options))[0]).toMatchObject({
      data: { n: "3", env: "prod", l: 'y"\n%' },
    });
  });

  it("finds imports beside who asks, above it in the repository, and in the libraries", async () => {
    const program = named(
      "a",
      `{ beside: (import "x.libsonnet").v, above: (import "../shared/y.libsonnet"), text: importstr "t.txt", lib: (import "k/k.libsonnet") }`,
    );
    const files = main(program, {
      "app/x.libsonnet": `{ v: "1" }`,
      "shared/y.libsonnet": `import "z.libsonnet"`,
      "shared/z.libsonnet": `"2"`,
      "app/t.txt": "3",
      "vendor/k/k.libsonnet": `"4"`,
    });
    expect(objectsOf(await render(files))[0]).toMatchObject({
      data: { beside: "1", above: "2", text: "3", lib: "4" },
    });
  });

  it("is read again only where what it took has changed", async () => {
    const files = main(`import "x.libsonnet"`, { "app/x.libsonnet": named("a", "{}"), "other.txt": "1" });
    const { reads } = await render(files);
    expect(Object.keys(reads?.found ?? {})).toEqual(
      expect.arrayContaining(["app/main.jsonnet", "app/x.libsonnet", "app/Chart.yaml"]),
    );
    expect(Object.keys(reads?.found ?? {})).not.toContain("other.txt");
  });

  it("is outweighed by a kustomization and by a chart", async () => {
    const files = main(named("a", "{}"), {
      "app/kustomization.yaml": "resources: [b.yaml]\n",
      "app/b.yaml": configMap("b"),
    });
    expect(objectsOf(await render(files))[0]?.metadata.name).toBe("b");
  });
});

describe("a program that fails", () => {
  it("names file and line: where it does not parse, where an error is raised, what is not found", async () => {
    expect(await failureOf(main("{\n  a: 1,,\n}"))).toMatchObject({ file: "app/main.jsonnet", line: 2 });
    const raised = { "app/x.libsonnet": `{\n v: error "no region"\n}` };
    expect(await failureOf(main(`(import "x.libsonnet").v`, raised))).toMatchObject({
      file: "app/x.libsonnet",
      line: 2,
      message: "no region",
    });
    const { message } = await failureOf(main(`import "nowhere.libsonnet"`));
    expect(message).toContain("'nowhere.libsonnet' is neither beside app/main.jsonnet nor in a folder of");
  });

  it("says which part of its value is no object, and which number would be rounded", async () => {
    expect((await failureOf(main(`{ a: [{ b: "text" }] }`))).message).toContain(
      'the value.a[0].b is neither a Kubernetes object nor a list or group of them: "text"',
    );
    const rounded = main(named("a", "{ n: 12345678901234567890 }"));
    expect((await failureOf(rounded)).message).toContain("is too large to be carried exactly");
  });
});

describe("a hostile program", () => {
  it("gets nothing from outside of the repository", async () => {
    for (const path of ["/etc/passwd", "../../../../etc/passwd"])
      expect((await failureOf(main(`importstr "${path}"`))).message).toContain("is neither beside");
  });

  it("is ended in a recursion without end, in a loop without end, and at its memory", async () => {
    expect((await failureOf(main("local f(x) = f(x + 1) + 1; f(0)"))).message).toContain("max stack frames");
    const deep = "local f(x) = if x > 1e12 then 0 else f(x + 1) tailstrict; f(0)";
    expect((await failureOf(main(deep))).message).toContain("more deeply than the engine can");
    const long = "std.foldl(function(a, b) std.length(std.range(1, 100000)), std.range(1, 1000000), 0)";
    expect((await failureOf(main(long))).message).toMatch(/took longer than|more memory than/);
    const large = `std.foldl(function(a, b) a + a, std.range(1, 40), "xxxxxxxxxxxxxxxx")`;
    expect((await failureOf(main(large))).message).toContain("more memory than");
  });
});
