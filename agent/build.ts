/** Builds the agent into one file, `dist/agent.mjs`: what the image holds and `npm start` runs. */
import { build } from "esbuild";

const root = new URL("..", import.meta.url);

const result = await build({
  entryPoints: [new URL("agent/main.ts", root).pathname],
  outfile: new URL("dist/agent.mjs", root).pathname,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node24",
  minify: true,
  legalComments: "none",
  metafile: true,
  // CommonJS dependencies ask for node's own modules at run time.
  banner: {
    js: 'import { createRequire as fairleadRequire } from "node:module"; const require = fairleadRequire(import.meta.url);',
  },
});
const bytes = Object.values(result.metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
process.stderr.write(`dist/agent.mjs: ${Math.round(bytes / 1024)} kB\n`);
