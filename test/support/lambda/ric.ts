/**
 * Lambda's own runtime client for Node, as AWS runs it around a handler. Its native half is compiled at install, once, into
 * the cache that all checkouts share.
 */
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { build, cacheFolder } from "../../../cli/dev/build.ts";

const VERSION = "4.0.2";
const PACKAGE = "aws-lambda-ric";
const NATIVE = "node_modules/aws-lambda-ric/rapid-client.node";
/** What compiles the native half. */
const COMPILERS = ["cmake", "g++", "make", "python3"];

/** The program that is started with a handler's name. */
export async function ensureRuntimeClient(): Promise<string> {
  const missing = COMPILERS.filter((name) => !isOnPath(name));
  const spec = {
    name: `${PACKAGE}-${VERSION}`,
    about: "Lambda's runtime client for the checks of cold starts (once, 2 to 4 minutes)",
    outputs: [NATIVE],
    stamp: [VERSION, process.version, process.platform, process.arch],
    sources: [],
    steps: async (out: string) => {
      if (missing.length > 0)
        throw new Error(`Lambda's runtime client is compiled at install: install ${missing.join(", ")}`);
      await writeFile(join(out, "package.json"), JSON.stringify({ private: true }));
      const args = ["install", "--no-audit", "--no-fund", `${PACKAGE}@${VERSION}`];
      return [{ command: "npm", args, cwd: out, env: ownHeaders() }];
    },
  };
  const folder = await build(spec, cacheFolder(), {
    log: (line) => void process.stderr.write(`${line}\n`),
  });
  return join(folder, "node_modules", PACKAGE, "index.mjs");
}

/** The running Node's headers stand beside it where it came as a package; else they are downloaded. */
function ownHeaders(): Record<string, string> {
  const root = dirname(dirname(process.execPath));
  return existsSync(join(root, "include/node/node_api.h")) ? { npm_config_nodedir: root } : {};
}

function isOnPath(name: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, name)));
}
