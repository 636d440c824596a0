/**
 * What renders and signs: the one function that may use the signing key. The bus wakes it for what changed, a schedule
 * for what an event should have changed and did not.
 */
import { execFileSync } from "node:child_process";
import {
  checkRows,
  deleteRows,
  listObjects,
  deadLetter,
  names,
  readObjects,
  readSecrets,
  readTable,
  secretNames,
  small,
  writeObjects,
  writeTable,
} from "./rights.ts";
import { asynchronous } from "./failures.ts";
import { reserveFor, sign, signingKey } from "./signing-key.ts";

/** Where `cli/dev/pack-renderer.ts` puts the render engine in the package; a function starts in that folder. */
export const ENGINE = "engine.wasm";

/** Under Node 24, which is first on the path of what npm runs: the file is TypeScript. */
export async function packRenderer(folder: string): Promise<void> {
  const script = `${$cli.paths.root}/cli/dev/pack-renderer.ts`;
  execFileSync("node", [script, folder], { stdio: ["ignore", "inherit", "inherit"] });
}

export const release = new sst.aws.Function("Release", {
  ...small,
  ...asynchronous,
  handler: "functions/events/release.handler",
  // The render engine may use a gibibyte for a hostile repository before it is stopped.
  memory: "2048 MB",
  // Many Apps may follow one source; each render has a limit of its own.
  timeout: "5 minutes",
  hook: { postbuild: packRenderer },
  environment: {
    ...names,
    ...secretNames,
    FAIRLEAD_SIGNING_KEY: signingKey,
    FAIRLEAD_RENDER_ENGINE: ENGINE,
  },
  permissions: [
    readTable,
    writeTable,
    checkRows,
    deleteRows,
    readObjects("apis", "trees", "targets", "bundles", "charts", "reads"),
    listObjects,
    // A tree is only made young again, when a release comes to name it.
    writeObjects("targets", "bundles", "charts", "trees", "reads"),
    // Repositories of charts may ask who one is.
    readSecrets,
    sign,
    deadLetter,
  ],
});
reserveFor(release.nodes.role.arn);
