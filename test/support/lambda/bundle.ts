/** A function's package as SST makes it (the same bundler, the same options; `infra/package.ts`), without SST around. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { packaged } from "../../../infra/package.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
/** What SST puts before each file for packages that are CommonJS. */
const BANNER = `import { createRequire as topLevelCreateRequire } from "module";
const require = topLevelCreateRequire(import.meta.url);
import { fileURLToPath as topLevelFileUrlToPath, URL as topLevelURL } from "url";
const __filename = topLevelFileUrlToPath(import.meta.url);
const __dirname = topLevelFileUrlToPath(new topLevelURL(".", import.meta.url));`;

/** Writes `bundle.mjs` with its parts into `folder`; `source` is a file of this repository. Bytes of all that a start reads. */
export async function bundleFunction(source: string, folder: string): Promise<{ startBytes: number }> {
  const { minify, splitting, esbuild } = packaged;
  const { metafile } = await build({
    entryPoints: { bundle: join(root, source) },
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting,
    minify,
    keepNames: esbuild.keepNames,
    external: ["sharp", "pg-native", ...esbuild.external],
    platform: "node",
    format: "esm",
    target: "es2024",
    mainFields: ["module", "main"],
    banner: { js: BANNER },
    metafile: true,
    logLevel: "error",
  });
  const outputs = metafile.outputs;
  const start = new Set(Object.keys(outputs).filter((name) => name.endsWith("/bundle.mjs")));
  for (const name of start)
    for (const { path, kind } of outputs[name]?.imports ?? [])
      if (kind === "import-statement" && path in outputs) start.add(path);
  const startBytes = [...start].reduce((sum, name) => sum + (outputs[name]?.bytes ?? 0), 0);
  return { startBytes };
}
