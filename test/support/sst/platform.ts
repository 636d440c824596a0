/**
 * SST's platform (the globals and types that `sst.config.ts` and `infra/` are written against), unpacked by `sst install`
 * from the npm registry alone. SST downloads its engine, Pulumi, unless one of the right version stands in its folder;
 * an executable that only tells that version is enough for what is done here: typed checks and a dump of the resources.
 */
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, cacheFolder } from "../../../cli/dev/build.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const sstVersion = "4.17.1";
/** What SST 4.17.1 asks of the program in its folder. */
export const pulumiVersion = "v3.215.0";

/** The app and the provider of `sst.config.ts`; the platform depends on nothing else in it. */
const CONFIG = `/// <reference path="./.sst/platform/config.d.ts" />
export default $config({
  app: () => ({ name: "fairlead", home: "local", providers: { aws: "7.20.0" } }),
  run: async () => {},
});
`;

/** A folder that holds `.sst/platform`; made once (about 40 s), in the cache that all checkouts share. */
export async function sstPlatform(): Promise<string> {
  const spec = {
    name: `sst-${sstVersion}`,
    about: "SST's platform for the checks of infra/ (once, about 40 s)",
    outputs: [".sst/platform/config.d.ts", ".sst/platform/node_modules/@pulumi/aws/package.json"],
    stamp: [sstVersion, pulumiVersion, CONFIG],
    sources: [],
    steps: async (out: string) => {
      await writeFile(join(out, "sst.config.ts"), CONFIG);
      await writeFile(join(out, "package.json"), JSON.stringify({ private: true, type: "module" }));
      const env = await sstEnvironment(out, tellVersionOnly);
      return [
        { command: process.execPath, args: [sstProgram(), "install", "--stage", "dev"], cwd: out, env },
      ];
    },
  };
  return build(spec, cacheFolder(), { log: (line) => void process.stderr.write(`${line}\n`) });
}

export function sstProgram(): string {
  return join(root, "node_modules/sst/bin/sst.mjs");
}

/**
 * The environment in which SST takes `source`, a CommonJS program, for its engine. Its configuration goes into `folder`.
 */
export async function sstEnvironment(folder: string, source: string): Promise<Record<string, string>> {
  const bin = join(folder, ".config", "sst", "bin");
  await mkdir(bin, { recursive: true });
  // The package around decides otherwise how Node reads a file without an ending.
  await writeFile(join(bin, "package.json"), JSON.stringify({ type: "commonjs" }));
  const program = join(bin, "pulumi");
  await writeFile(program, `#!${process.execPath}\n${source}`);
  await chmod(program, 0o755);
  return {
    XDG_CONFIG_HOME: join(folder, ".config"),
    SST_NO_BUN: "true",
    SST_TELEMETRY_DISABLED: "1",
    DO_NOT_TRACK: "1",
  };
}

export const tellVersionOnly = `
if (process.argv[2] === "version") console.log("${pulumiVersion}");
else { console.error("this stand-in only tells a version"); process.exit(1); }
`;
