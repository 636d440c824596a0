/**
 * A renderer under load and under attack: one render's excess is that render's error and nobody else's, and the
 * engine has no way to the machine it runs on.
 */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { withMemoryMax } from "../../../functions/render/memory-max.ts";
import { createRenderer } from "../../../functions/render/render.ts";
import type { RendererOptions } from "../../../functions/render/render.ts";
import { createSandbox } from "../../../functions/render/sandbox.ts";
import { configMap, deployment, engineFile, errorOf, objectsOf, repository, useRenderer } from "./support.ts";
import type { Texts } from "./support.ts";

const plain: Texts = {
  "apps/b.yaml": configMap("b"),
  "apps/a.yaml": deployment("a"),
  "apps/note.txt": "x: [",
};
const kustomized: Texts = {
  "apps/kustomization.yaml": "resources: [web.yaml]\nnamePrefix: x-\n",
  "apps/web.yaml": deployment("web"),
};

/** Each level holds the level below twice: a few small files, and 2 to the power of `levels` objects. */
function explosion(levels: number): Texts {
  const files: Record<string, string> = {
    "l0/kustomization.yaml": "resources: [web.yaml]\n",
    "l0/web.yaml": deployment("web"),
  };
  for (let level = 1; level <= levels; level += 1) {
    files[`l${level}/kustomization.yaml`] = `resources: [a, b]\n`;
    files[`l${level}/a/kustomization.yaml`] = `resources: [../../l${level - 1}]\nnamePrefix: a-\n`;
    files[`l${level}/b/kustomization.yaml`] = `resources: [../../l${level - 1}]\nnamePrefix: b-\n`;
  }
  return files;
}

/** Each map holds a file that is far too large for Kubernetes. */
function largeMaps(count: number): Texts {
  const content = "line of text\n".repeat(250_000);
  const names = Array.from({ length: count }, (_, index) => `f${index}.txt`);
  const generators = names.map((name) => `  - { name: ${name.replace(".", "-")}, files: [${name}] }\n`);
  return {
    "maps/kustomization.yaml": `configMapGenerator:\n${generators.join("")}`,
    ...Object.fromEntries(names.map((name) => [`maps/${name}`, content])),
  };
}

async function withRenderer<Result>(
  options: Omit<RendererOptions, "wasmFile">,
  use: (
    render: (texts: Texts, path: string) => ReturnType<ReturnType<typeof createRenderer>["render"]>,
  ) => Promise<Result>,
): Promise<Result> {
  const renderer = createRenderer({ wasmFile: await engineFile(), ...options });
  try {
    return await use((texts, path) => renderer.render({ files: repository(texts), path }));
  } finally {
    await renderer.close();
  }
}

describe("render", () => {
  const renderer = useRenderer({ workers: 2 });

  it("renders plain YAML in the order of its files, other files left alone", async () => {
    const objects = await renderer.objects(plain, "apps/");
    expect(objects.map((object) => object.metadata.name)).toEqual(["a", "b"]);
  });

  it("says that a folder renders no objects", async () => {
    expect((await renderer.error({ "apps/README.md": "" }, "apps")).message).toBe("apps renders no objects");
  });

  it("answers many renders at the same time, each with its own objects", async () => {
    const names = Array.from({ length: 12 }, (_, index) => `app-${index}`);
    const rendered = await Promise.all(
      names.map((name, index) => {
        const texts = index % 2 === 0 ? {} : { "kustomization.yaml": "resources: [a.yaml]\n" };
        return renderer.objects({ ...texts, "a.yaml": configMap(name) }, "");
      }),
    );
    expect(rendered.map(([object]) => object?.metadata.name)).toEqual(names);
  });

  it("names the limit of objects", async () => {
    const many = Array.from({ length: 10_001 }, (_, index) => configMap(`c${index}`, "{}")).join("---\n");
    const error = await renderer.error({ "a.yaml": many }, "");
    expect(error.message).toBe("the render makes 10001 objects, the limit is 10000: split the App");
  });

  it("names the limit of output", async () => {
    const text = JSON.stringify("x".repeat(3 * 1024 * 1024));
    const files = Array.from({ length: 11 }, (_, index) => [
      `${index}.yaml`,
      configMap(`c${index}`, `{ a: ${text} }`),
    ]);
    const error = await renderer.error(Object.fromEntries(files), "");
    expect(error.message).toMatch(/^the rendered objects have 33 MiB, the limit is 32 MiB/);
  });
});

describe("a render beyond its bounds", () => {
  it("is ended after its time, while its neighbour and its successor succeed", async () => {
    await withRenderer({ workers: 2, timeoutMs: 8_000 }, async (render) => {
      const [excess, neighbour] = await Promise.all([
        render(explosion(18), "l18"),
        render(kustomized, "apps"),
      ]);
      expect(errorOf(excess).message).toBe("rendering l18 took longer than 8000 ms: render less in one App");
      expect(objectsOf(neighbour)[0]?.metadata.name).toBe("x-web");
      expect(objectsOf(await render(kustomized, "apps"))).toHaveLength(1);
    });
  });

  it("is ended at its memory, and its successor succeeds", async () => {
    await withRenderer({ workers: 1, memoryBytesMax: 96 * 1024 * 1024 }, async (render) => {
      expect(errorOf(await render(largeMaps(14), "maps")).message).toBe(
        "rendering maps needs more memory than 96 MiB: render less in one App",
      );
      expect(objectsOf(await render(kustomized, "apps"))).toHaveLength(1);
    });
  });

  it("is ended at its memory when it reads plain YAML too", async () => {
    await withRenderer({ workers: 1, memoryBytesMax: 64 * 1024 * 1024 }, async (render) => {
      const huge = { "a.yaml": `a: [${"{},".repeat(1_300_000)}]` };
      expect(errorOf(await render(huge, "")).message).toMatch(/needs more memory than 64 MiB/);
      expect(objectsOf(await render(plain, "apps"))).toHaveLength(2);
    });
  });
});

describe("close", () => {
  it("answers what runs and what waits, and refuses what comes after", async () => {
    const renderer = createRenderer({ wasmFile: await engineFile(), workers: 1 });
    const files = repository(plain);
    const answers = Array.from({ length: 3 }, () => renderer.render({ files, path: "apps" }));
    await new Promise(setImmediate);
    await renderer.close();
    answers.push(renderer.render({ files, path: "apps" }));
    for (const answer of await Promise.all(answers)) expect(errorOf(answer).message).toMatch(/shutting down/);
  });

  it("has nothing to do when nothing was rendered", async () => {
    await createRenderer({ wasmFile: "/nowhere/engine.wasm" }).close();
  });
});

describe("the engine's sandbox", () => {
  it("has no call that reaches a file, a socket or a process", async () => {
    const module = await WebAssembly.compile(new Uint8Array(await readFile(await engineFile())));
    const wanted = WebAssembly.Module.imports(module);
    expect(new Set(wanted.map((call) => call.module))).toEqual(
      new Set(["wasi_snapshot_preview1", "fairlead"]),
    );
    const calls = createSandbox(1).imports["wasi_snapshot_preview1"] as Record<
      string,
      (...args: number[]) => number
    >;
    const reaching = wanted.filter((call) => /^(?:path|sock|fd)_(?!write)/.test(call.name));
    expect(reaching.length).toBeGreaterThan(5);
    for (const { name } of reaching) expect(calls[name]?.(3, 0, 0, 0), name).toBeGreaterThan(0);
  });

  it("refuses a memory maximum that the engine starts above", async () => {
    const wasm = await readFile(await engineFile());
    expect(() => withMemoryMax(wasm, 1024 * 1024)).toThrow(/allow it more/);
    expect(() => withMemoryMax(wasm.subarray(0, 8), 1024 ** 3)).toThrow(/not a WebAssembly module/);
  });
});
