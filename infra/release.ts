/** What renders and signs: the only functions that are given the signing key. */
import { execFileSync } from "node:child_process";
import {
  deleteRows,
  listObjects,
  names,
  readObjects,
  readTable,
  small,
  writeObjects,
  writeTable,
} from "./rights.ts";
import { signingKey } from "./secrets.ts";

/** Where `cli/dev/pack-renderer.ts` puts the render engine in the package; a function starts in that folder. */
const ENGINE = "engine.wasm";

/** Under Node 24, which is first on the path of what npm runs: the file is TypeScript. */
async function packRenderer(folder: string): Promise<void> {
  const script = `${$cli.paths.root}/cli/dev/pack-renderer.ts`;
  execFileSync("node", [script, folder], { stdio: ["ignore", "inherit", "inherit"] });
}

export function releaseFunction(handler: string) {
  return {
    ...small,
    handler,
    // The render engine may use a gibibyte for a hostile repository before it is stopped.
    memory: "2048 MB" as const,
    // Many Apps may follow one source; each render has a limit of its own.
    timeout: "5 minutes" as const,
    hook: { postbuild: packRenderer },
    environment: { ...names, FAIRLEAD_SIGNING_KEY: signingKey.value, FAIRLEAD_RENDER_ENGINE: ENGINE },
    permissions: [
      readTable,
      writeTable,
      deleteRows,
      readObjects("trees", "targets", "bundles"),
      listObjects,
      writeObjects("targets", "bundles"),
    ],
  };
}
