/** Builds the agent into one file, `dist/agent.mjs`: what the image holds and `npm start` runs. */
import { build } from "esbuild";

const root = new URL("..", import.meta.url);
const OUTFILE = new URL("dist/agent.mjs", root).pathname;

/** How Node runs it in a cluster: a small heap, few threads and no compiler, by measurement (docs/decisions/019-agent-memory.md). */
export const AGENT_NODE_ARGS = [
  "--max-semi-space-size=1",
  "--max-old-space-size=64",
  "--lite-mode",
  "--single-threaded-gc",
  "--v8-pool-size=1",
];

/** One arena for all threads: glibc gives each its own, and what is free in one is of no use to another. */
export const AGENT_ENV = { MALLOC_ARENA_MAX: "1" };

/** Path of the built file, and its size. */
export async function buildAgent(outfile: string = OUTFILE): Promise<{ file: string; bytes: number }> {
  const result = await build({
    entryPoints: [new URL("agent/main.ts", root).pathname],
    outfile,
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
  return { file: outfile, bytes };
}

if (import.meta.main) {
  const { file, bytes } = await buildAgent();
  process.stderr.write(`${file}: ${Math.round(bytes / 1024)} kB\n`);
}
