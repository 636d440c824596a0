/**
 * Puts beside a bundled function what its bundle cannot hold: the engines, the worker's thread and the process that
 * evaluates Policies in CEL, under the names by which they are looked for: `engine.wasm`, `rego.wasm`, `worker.ts`,
 * `policy-process.ts`. `infra/release.ts` runs it on each function that renders.
 */
import { copyFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { REGO_FILE } from "../../functions/render/rego.ts";
import { ensureTool } from "./tools.ts";

const programs = [
  new URL("../../functions/render/worker.ts", import.meta.url),
  new URL("../../functions/policy/policy-process.ts", import.meta.url),
].map((url) => fileURLToPath(url));

/** `folder` is the root of the function's package, where SST puts the bundle. */
async function packRenderer(folder: string): Promise<void> {
  const built = await ensureTool("render-engine");
  for (const engine of ["engine.wasm", REGO_FILE]) await copyFile(join(built, engine), join(folder, engine));
  for (const program of programs) await packProgram(folder, program);
}

async function packProgram(folder: string, program: string): Promise<void> {
  await build({
    entryPoints: [program],
    outfile: join(folder, basename(program)),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    // What esbuild writes is JavaScript; Node takes it under the name that it has in the tree as well.
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
  });
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("usage: node cli/dev/pack-renderer.ts <package folder>");
await packRenderer(folder);
