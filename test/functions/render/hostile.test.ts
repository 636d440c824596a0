/**
 * Repositories that mean harm, or were made by accident: each ends within its limit, with an error that says which, and
 * the next render works.
 */
import { afterEach, describe, expect, it } from "vitest";
import { capabilitiesOf } from "#core/capabilities.ts";
import type { HelmOptions } from "../../../functions/render/helm.ts";
import { configMap, errorOf, objectsOf, useRenderer, type Texts } from "./support.ts";

const renderer = useRenderer({ timeoutMs: 20_000, memoryBytesMax: 256 * 1024 * 1024 });
const good: Texts = { "good/kustomization.yaml": "resources: [a.yaml]\n", "good/a.yaml": configMap("a") };

const options = (more: Partial<HelmOptions> = {}): HelmOptions => ({
  release: "rel",
  namespace: "ns",
  values: {},
  valuesFiles: [],
  skipCrds: false,
  capabilities: capabilitiesOf(undefined, undefined),
  ...more,
});
const chart = (template: string, more: Texts = {}): Texts => ({
  "app/Chart.yaml": "apiVersion: v2\nname: app\nversion: 0.1.0\n",
  "app/templates/a.yaml": template,
  ...more,
});
const messageOf = async (files: Texts, more: Partial<HelmOptions> = {}): Promise<string> =>
  errorOf(await renderer.render(files, "app", options(more))).message;

afterEach(async () => {
  expect(objectsOf(await renderer.render(good, "good", options()))).toHaveLength(1);
});

/** Each level names the one before nine times. */
const bomb = (levels: number): string =>
  Array.from({ length: levels }, (_, n) =>
    n === 0
      ? 'a0: &a0 ["x"]'
      : `a${n}: &a${n} [${Array(9)
          .fill(`*a${n - 1}`)
          .join(", ")}]`,
  ).join("\n");

describe("a hostile chart", () => {
  it("gets nothing from outside of itself, nor from outside of the repository", async () => {
    const reading = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\ndata:\n  up: {{ .Files.Get "../secret.txt" | quote }}\n  root: {{ .Files.Get "/etc/passwd" | quote }}\n  all: {{ (.Files.Glob "../**").AsConfig | quote }}\n  env: {{ env "PATH" | default "" | quote }}\n`;
    expect(await messageOf(chart(reading, { "secret.txt": "s3cret" }))).toContain(
      'function "env" not defined',
    );
    const [object] = objectsOf(
      await renderer.render(
        chart(reading.replace(/ {2}env:.*\n/, ""), { "secret.txt": "s3cret" }),
        "app",
        options(),
      ),
    );
    expect(JSON.stringify(object)).not.toContain("s3cret");
    expect(JSON.stringify(object)).not.toContain("root:x");
    expect(await messageOf(chart(""), { valuesFiles: ["../../etc/passwd"] })).toContain(
      "does not exist in the repository",
    );
  });

  it("looks up no name: the engine has no network", async () => {
    const files = chart('a: {{ getHostByName "localhost" }}x{{ fail "no address" }}');
    expect(await messageOf(files)).toContain("no address");
  });

  it("is ended by its memory when it writes a gigabyte", async () => {
    const text = '{{ range until 1000 }}{{ range until 1000 }}{{ repeat 1000 "x" }}{{ end }}{{ end }}';
    expect(await messageOf(chart(text))).toMatch(/memory than 256 MiB|longer than 20000 ms/);
  });

  it("is ended in a loop without end, and in a recursion without end", async () => {
    const loop = "{{ range $i := until 100000 }}{{ range $j := until 100000 }}{{ end }}{{ end }}";
    expect(await messageOf(chart(loop))).toMatch(/longer than 20000 ms/);
    const recursion = '{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}';
    expect(await messageOf(chart(recursion))).toMatch(/recursion|nested|stack|memory/i);
    const template = '{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}';
    expect(await messageOf(chart(template))).toMatch(/depth|stack|recursion|memory/i);
  }, 120_000);

  it("is refused for values and documents that unfold without bound", async () => {
    expect(await messageOf(chart("", { "app/values.yaml": bomb(12) }))).toMatch(/alias|memory/i);
    expect(await messageOf(chart(`${bomb(12)}\n`))).toMatch(/alias|memory/i);
  });
});

describe("a hostile repository", () => {
  it("of 100,000 files is refused by their number", async () => {
    const many: Record<string, string> = { ...chart(configMap("a")) };
    for (let n = 0; n < 100_000; n += 1) many[`x/${n}`] = "";
    expect(await messageOf(many)).toMatch(/100002 files, the limit is 20000/);
  });

  it("gets nothing through a kustomization from above its root", async () => {
    const message = await messageOf({ "app/kustomization.yaml": "resources: [../../../etc/passwd]\n" });
    expect(message).toContain("does not exist in the repository");
  });

  it("is refused for a kustomization that unfolds without bound, or names itself", async () => {
    expect(await messageOf({ "app/kustomization.yaml": `${bomb(12)}\n` })).toMatch(
      /alias|unknown field|memory/i,
    );
    expect(await messageOf({ "app/kustomization.yaml": "resources: [../app]\n" })).toMatch(/cycle/);
  });

  it("is refused for plain YAML that unfolds without bound", async () => {
    expect(
      await messageOf({ "app/a.yaml": `apiVersion: v1\nkind: X\nmetadata: { name: a }\n${bomb(12)}\n` }),
    ).toMatch(/alias/);
  });
});
