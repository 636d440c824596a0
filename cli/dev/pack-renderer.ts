/**
 * Puts beside a bundled function what its bundle cannot hold: the render engine and the worker's thread, as
 * `engine.wasm` and `worker.ts`, the names under which they are looked for. `infra/release.ts` runs it on each function
 * that renders.
 */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { ensureTool } from "./tools.ts";

const worker = fileURLToPath(new URL("../../functions/render/worker.ts", import.meta.url));

/** `folder` is the root of the function's package, where SST puts the bundle. */
async function packRenderer(folder: string): Promise<void> {
  await copyFile(join(await ensureTool("render-engine"), "engine.wasm"), join(folder, "engine.wasm"));
  await build({
    entryPoints: [worker],
    outfile: join(folder, "worker.ts"),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    // What esbuild writes is JavaScript; Node takes it under the name that the pool knows in the tree as well.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("usage: node cli/dev/pack-renderer.ts <package folder>");
await packRenderer(folder);
