/** What renders and signs: the only functions that are given the signing key. */
import { listObjects, names, readObjects, readTable, small, writeObjects, writeTable } from "./rights.ts";
import { signingKey } from "./secrets.ts";

/** Where the built render engine is put in the package. */
const ENGINE = "engine.wasm";

export function releaseFunction(handler: string) {
  return {
    ...small,
    handler,
    // The render engine may use a gibibyte for a hostile repository before it is stopped.
    memory: "2048 MB" as const,
    timeout: "5 minutes" as const,
    copyFiles: [{ from: "dist/engine.wasm", to: ENGINE }],
    environment: { ...names, FAIRLEAD_SIGNING_KEY: signingKey.value, FAIRLEAD_RENDER_ENGINE: ENGINE },
    permissions: [
      readTable,
      writeTable,
      { actions: ["dynamodb:ConditionCheckItem"], resources: writeTable.resources },
      readObjects,
      listObjects,
      writeObjects,
    ],
  };
}
