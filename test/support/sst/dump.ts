/**
 * All resources that `sst.config.ts` and `infra/` describe, as SST makes them for AWS: its real evaluation, roles and bundles
 * of the functions, with an engine that writes resources down instead of creating them. AWS itself is MiniStack, which
 * SST asks for its bootstrap only.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startMiniStack } from "../ministack.ts";
import { sstEnvironment } from "./platform.ts";
import { accountOf, layOut, runSst, secretsOf } from "./run.ts";

export interface DumpedResource {
  /** Such as `aws:lambda/function:Function`. */
  type: string;
  name: string;
  /** Where it is. */
  region: string;
  /** It is not made: it was there. */
  lookedUp?: boolean;
  inputs: Record<string, unknown>;
}

export interface Dump {
  resources: DumpedResource[];
  /** Where the functions' bundles are, a folder for each. */
  folder: string;
  remove(): Promise<void>;
}

/** `region`: where the deployment goes. Throws with SST's own output when it does not get through. */
export async function dumpResources(secrets: Record<string, string>, region?: string): Promise<Dump> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-sst-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await layOut(folder);
    const output = await diff(folder, secrets, region).catch(async (error: unknown) => {
      const log = await readFile(join(folder, "dump.json.failed"), "utf8").catch(() => "it was not started");
      throw new Error(`the engine said: ${log}`, { cause: error });
    });
    const dumped = await readFile(join(folder, "dump.json"), "utf8").catch(() => undefined);
    if (dumped === undefined) throw new Error(`sst diff wrote no resources:\n${output}`);
    return { resources: JSON.parse(dumped) as DumpedResource[], folder, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function diff(
  folder: string,
  secrets: Record<string, string>,
  region: string | undefined,
): Promise<string> {
  const aws = await startMiniStack();
  try {
    const engine = new URL("engine.ts", import.meta.url).href;
    const env = {
      ...(await sstEnvironment(folder, `import(${JSON.stringify(engine)});\n`)),
      ...secretsOf(secrets),
      ...accountOf(aws),
      ...(region === undefined ? {} : { AWS_REGION: region }),
      FAIRLEAD_SST_DUMP: join(folder, "dump.json"),
    };
    return await runSst(["diff", "--stage", "check"], folder, env);
  } finally {
    await aws.stop();
  }
}
